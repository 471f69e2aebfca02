package io.pinhole.validate.run;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import io.pinhole.validate.scenario.Endpoint;
import io.pinhole.validate.scenario.Expectation;
import io.pinhole.validate.scenario.Expected;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Holds {@code expect} lines against what happened. */
final class Expectations {
    private static final int SHOWN = 5;

    /** Says whether a verdict was decided by what a line names. */
    interface Matcher {
        boolean matches(Expected.By by, Judged got);
    }

    private Expectations() {}

    static void check(Expectation what, Seen seen, Matcher by) throws StepFailure {
        switch (what) {
            case Expectation.Pinhole e -> pinhole(e, seen);
            case Expectation.NoPinhole e -> noPinhole(e, seen);
            case Expectation.Alert(Anomaly kind) -> alert(kind, seen);
            case Expectation.NoAlert(Anomaly kind) -> noAlert(kind, seen);
            case Expectation.Complete() -> complete(seen);
            case Expectation.Incomplete() -> {
                if (count(seen) == 0) {
                    throw new StepFailure("expected an incomplete transfer, there was none at all");
                }
                if (unfinished(seen) == 0) {
                    throw new StepFailure("expected an incomplete transfer; all came to their end");
                }
            }
            case Expectation.NoDrop() -> {
                Judged first = seen.totals().firstRefused;
                if (first != null) {
                    throw refused("expected no drop, but packet", first, seen);
                }
            }
            case Expectation.Drop() -> {
                if (seen.totals().firstRefused == null) {
                    throw new StepFailure(
                            "expected a drop; all "
                                    + seen.totals().accepted
                                    + " packets were accepted");
                }
            }
            case Expectation.PacketVerdict(long number, Expected expected) ->
                    packet(number, expected, seen, by);
        }
    }

    private static StepFailure refused(String what, Judged first, Seen seen) {
        return new StepFailure(
                what + " " + first.number() + " got " + first.verdictText(),
                first,
                details(seen.pinholes(), seen.events()));
    }

    private static void packet(long number, Expected expected, Seen seen, Matcher by)
            throws StepFailure {
        if (!(seen instanceof Seen.Capture capture)) {
            throw new StepFailure("'expect packet' is about a capture; none was read just before");
        }
        Judged got = seen.verdict(number);
        if (got == null) {
            throw new StepFailure(
                    "there is no packet " + number + ": the capture holds " + capture.packets());
        }
        Expected.By wanted = expected.by();
        if (got.verdict() != expected.verdict()
                || (expected.ct() != null && expected.ct() != got.ct())
                || (wanted != null && !by.matches(wanted, got))) {
            throw new StepFailure(
                    "expected " + expected + ", got " + got.verdictText(),
                    got,
                    details(seen.pinholes(), seen.events()));
        }
    }

    // ---- pinholes ----

    private static boolean fits(@Nullable Endpoint wanted, @Nullable IpAddress is, int port) {
        if (wanted == null) {
            return true;
        }
        IpAddress address = wanted.address();
        return (address == null || address.equals(is))
                && (!wanted.hasPort() || wanted.port() == port);
    }

    private static boolean fits(Expectation.Pinhole e, OpenPinhole p) {
        Endpoint from = e.from();
        boolean port = from == null || !from.hasPort() || p.sourcePort() != 0;
        return port
                && fits(from, p.source(), p.sourcePort())
                && fits(e.to(), p.destination(), p.destinationPort());
    }

    private static void pinhole(Expectation.Pinhole e, Seen seen) throws StepFailure {
        // Asked first: what has expired by now is told here.
        List<OpenPinhole> waiting = seen.pinholes();
        PinholeOutcome outcome = e.outcome();
        if (outcome == null) {
            if (waiting.stream().noneMatch(p -> fits(e, p))) {
                throw new StepFailure(
                        "expected a pinhole" + between(e.from(), e.to()) + "; " + show(waiting),
                        null,
                        told(seen.events()));
            }
            return;
        }
        List<Event.Pinhole> settled = new ArrayList<>();
        for (Event event : seen.events()) {
            if (event instanceof Event.Pinhole p && p.helper()) {
                settled.add(p);
            }
        }
        boolean found =
                settled.stream()
                        .anyMatch(
                                p ->
                                        p.outcome() == outcome
                                                && fits(e.from(), p.source(), Endpoint.NO_PORT)
                                                && fits(
                                                        e.to(),
                                                        p.destination(),
                                                        p.destinationPort()));
        if (!found) {
            String others =
                    settled.stream()
                            .limit(SHOWN)
                            .map(Expectations::show)
                            .collect(Collectors.joining("; "));
            throw new StepFailure(
                    "expected a pinhole"
                            + between(e.from(), e.to())
                            + " that is "
                            + outcome.label()
                            + "; "
                            + (others.isEmpty() ? "none has come to its end" : others)
                            + "; "
                            + show(waiting),
                    null,
                    told(seen.events()));
        }
    }

    private static void noPinhole(Expectation.NoPinhole e, Seen seen) throws StepFailure {
        Expectation.Pinhole any = new Expectation.Pinhole(e.from(), e.to(), null);
        List<OpenPinhole> waiting = seen.pinholes().stream().filter(p -> fits(any, p)).toList();
        if (!waiting.isEmpty()) {
            String announced = waiting.getFirst().announcement();
            throw new StepFailure(
                    "expected no pinhole"
                            + between(e.from(), e.to())
                            + "; "
                            + show(waiting)
                            + (announced == null ? "" : ", announced by: " + announced));
        }
    }

    private static String between(@Nullable Endpoint from, @Nullable Endpoint to) {
        return from == null || to == null ? "" : " " + from + " -> " + to;
    }

    private static String show(List<OpenPinhole> waiting) {
        return waiting.isEmpty()
                ? "none is open"
                : "open: "
                        + waiting.stream()
                                .limit(SHOWN)
                                .map(OpenPinhole::toString)
                                .collect(Collectors.joining(", "))
                        + (waiting.size() > SHOWN ? " and " + (waiting.size() - SHOWN) : "");
    }

    private static String show(Event.Pinhole p) {
        return "one "
                + (p.destination() == null
                        ? "that could not be read"
                        : "to " + p.destination() + ":" + p.destinationPort())
                + " was "
                + p.outcome().label()
                + (p.reason() == null ? "" : " (" + p.reason() + ")");
    }

    // ---- alerts ----

    private static void alert(Anomaly kind, Seen seen) throws StepFailure {
        List<Event.Alert> alerts = alerts(seen.events());
        if (alerts.stream().noneMatch(a -> a.kind() == kind)) {
            throw new StepFailure(
                    "expected an alert "
                            + kind.label()
                            + "; "
                            + (alerts.isEmpty()
                                    ? "there was none"
                                    : "there was "
                                            + alerts.stream()
                                                    .map(a -> a.kind().label())
                                                    .distinct()
                                                    .collect(Collectors.joining(", "))));
        }
    }

    private static void noAlert(@Nullable Anomaly kind, Seen seen) throws StepFailure {
        for (Event.Alert a : alerts(seen.events())) {
            if (kind == null || a.kind() == kind) {
                throw new StepFailure(
                        "expected no alert"
                                + (kind == null ? "" : " " + kind.label())
                                + "; packet "
                                + io.pinhole.path.Positions.number(a.position())
                                + " raised "
                                + a.kind().label()
                                + ": "
                                + a.detail());
            }
        }
    }

    private static List<Event.Alert> alerts(List<Event> events) {
        List<Event.Alert> out = new ArrayList<>();
        for (Event event : events) {
            if (event instanceof Event.Alert a) {
                out.add(a);
            }
        }
        return out;
    }

    // ---- transfers ----

    private static int count(Seen seen) {
        int count = seen.tally().begun;
        for (Event event : seen.events()) {
            count += event instanceof Event.Data ? 1 : 0;
        }
        return count;
    }

    private static int unfinished(Seen seen) {
        int count = seen.tally().begun - seen.tally().complete;
        for (Event event : seen.events()) {
            if (event instanceof Event.Data d && (!d.complete() || d.verdict() != Verdict.ACCEPT)) {
                count++;
            }
        }
        return count;
    }

    private static void complete(Seen seen) throws StepFailure {
        if (count(seen) == 0) {
            Judged first = seen.totals().firstRefused;
            if (first != null) {
                throw refused("expected a complete transfer, but packet", first, seen);
            }
            throw new StepFailure("expected a complete transfer, there was none at all");
        }
        if (unfinished(seen) == 0) {
            return;
        }
        for (Event event : seen.events()) {
            if (event instanceof Event.Data d && d.verdict() != Verdict.ACCEPT) {
                throw new StepFailure(
                        "the data connection "
                                + d.flow()
                                + " got "
                                + d.verdict().label()
                                + " by "
                                + d.rule().text());
            }
            if (event instanceof Event.Data d && !d.complete()) {
                throw new StepFailure(
                        "the data connection "
                                + d.flow()
                                + " did not come to its end; it carried "
                                + d.bytes()
                                + " bytes");
            }
        }
        throw new StepFailure("a transfer did not come to its end");
    }

    // ---- what helps to see why ----

    static String text(Expected.By by) {
        return switch (by) {
            case Expected.By.Origin(String text) -> text;
            case Expected.By.InChain(String name) -> "chain " + name;
            case Expected.By.Policy() -> "a policy";
        };
    }

    /** Lines about what else happened, beside the walk of a packet that was not expected. */
    static List<String> details(List<OpenPinhole> waiting, List<Event> events) {
        List<String> told = told(events);
        List<String> out = new ArrayList<>();
        if (!waiting.isEmpty() || !told.isEmpty()) {
            out.add("pinholes: " + show(waiting));
        }
        out.addAll(told);
        return out;
    }

    /** The last events that tell why a pinhole is not there. */
    private static List<String> told(List<Event> events) {
        List<String> out = new ArrayList<>();
        for (int i = events.size() - 1; i >= 0 && out.size() < SHOWN; i--) {
            switch (events.get(i)) {
                case Event.Alert a -> out.add("alert " + a.kind().label() + ": " + a.detail());
                case Event.Pinhole p ->
                        out.add(
                                p.helper()
                                        ? "pinhole: " + show(p) + ", announced by: " + p.text()
                                        : "announced, but no helper is assigned to read it: "
                                                + p.text());
                default -> {}
            }
        }
        return out.reversed();
    }
}
