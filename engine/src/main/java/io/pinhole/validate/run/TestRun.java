package io.pinhole.validate.run;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.Bytes;
import io.pinhole.validate.scenario.Data;
import io.pinhole.validate.scenario.Endpoint;
import io.pinhole.validate.scenario.Expectation;
import io.pinhole.validate.scenario.Expected;
import io.pinhole.validate.scenario.PacketBody;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioLimits;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Segments;
import io.pinhole.validate.scenario.Step;
import io.pinhole.validate.scenario.Step.Tweaks;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Walks through the steps of one test. One use. */
final class TestRun implements AutoCloseable {
    private static final byte[] NOTHING = {};

    private final Scenario scenario;
    private final ScenarioTest test;
    private final RuleSet ruleSet;
    private final RuleProgram program;
    private final PathOptions options;
    private final RuleIndex index;
    private final Surroundings surroundings;
    private final Proofs proofs;
    private final Lab lab;
    private final PacketTap tap;
    private final @Nullable Tracer tracer;
    private final Map<String, TcpEnd> named = new HashMap<>();
    private final List<String> notes = new ArrayList<>();

    /** The connection that C: and S: lines speak on, seen from its client. */
    private @Nullable TcpEnd connection;

    private final Seen.Tally tally = new Seen.Tally();
    private long transferred;

    /** Captures so far; each is judged in a lab of its own. */
    private int captures;

    /** The lab whose packet broke the test, as {@link Tracer} numbers them. */
    private int failedLab;

    /** What expectations look at: the test itself, or the capture before them. */
    private Seen seen;

    TestRun(
            Scenario scenario,
            ScenarioTest test,
            RuleSet ruleSet,
            RuleProgram program,
            PathOptions options,
            RuleIndex index,
            Surroundings surroundings,
            Proofs proofs,
            PacketTap tap,
            @Nullable Tracer tracer) {
        this.scenario = scenario;
        this.test = test;
        this.ruleSet = ruleSet;
        this.program = program;
        this.options = options;
        this.index = index;
        this.surroundings = surroundings;
        this.proofs = proofs;
        this.tap = tap;
        this.tracer = tracer;
        lab = new Lab(options, program, tap, tracer);
        seen = new Seen.Live(lab, tally);
    }

    TestResult run() {
        long begin = System.nanoTime();
        TestResult.Failure failure = null;
        Step current = null;
        try {
            for (Step step : test.steps()) {
                current = step;
                lab.line(step.at().line());
                step(step);
            }
        } catch (StepFailure e) {
            failedLab = seen instanceof Seen.Capture ? captures : 0;
            failure = failure(Objects.requireNonNull(current), e);
        }
        lab.finish();
        return new TestResult(
                scenario, test, failure, lab.packets(), System.nanoTime() - begin, notes);
    }

    List<Event> events() {
        return lab.events();
    }

    int failedLab() {
        return failedLab;
    }

    private TestResult.Failure failure(Step step, StepFailure e) {
        Judged packet = e.packet;
        RuleIndex.Entry rule = packet == null ? null : index.find(packet.rule());
        return new TestResult.Failure(
                step.at(), e.text(), packet, rule == null ? null : rule.at(), e.walk, e.details);
    }

    private void step(Step step) throws StepFailure {
        if (!(step instanceof Step.Expect) && seen instanceof Seen.Capture) {
            seen = new Seen.Live(lab, tally);
        }
        switch (step) {
            case Step.Connect s -> connect(s);
            case Step.On s -> connection = named.get(s.name());
            case Step.Say s -> say(s);
            case Step.End s -> end(s);
            case Step.Close s -> {
                Conversation talk = new Conversation(lab);
                talk.close(lab.peer(connection()));
                accepted(talk, "closing the connection");
            }
            case Step.Packet s -> check(s.expected(), packet(s));
            case Step.Frame s -> frame(s);
            case Step.Session s -> session(s);
            case Step.DataConnection s -> transfer(s);
            case Step.After s -> lab.pass(s.nanos());
            case Step.Capture s -> capture(s);
            case Step.Expect s -> Expectations.check(s.what(), seen, this::matches);
            case Step.Prove s -> prove(s);
        }
    }

    // ---- connections ----

    private TcpEnd connection() throws StepFailure {
        TcpEnd end = connection;
        if (end == null) {
            throw new StepFailure("nobody is connected");
        }
        return end;
    }

    private FlowKey tcp(Endpoint from, Endpoint to) {
        return flow(FlowKey.TCP, from, to);
    }

    private FlowKey flow(int protocol, Endpoint from, Endpoint to) {
        int port = from.hasPort() ? from.port() : lab.ephemeralPort();
        return new FlowKey(protocol, address(from), port, address(to), Math.max(0, to.port()));
    }

    private static IpAddress address(Endpoint endpoint) {
        IpAddress address = endpoint.address();
        if (address == null) {
            throw new IllegalStateException("'any' in a packet");
        }
        return address;
    }

    private void connect(Step.Connect s) throws StepFailure {
        TcpEnd client = lab.end(tcp(s.from(), s.to()));
        lab.restart(client);
        client = lab.end(client.flow);
        Judged syn = lab.tcp(client, TcpEnd.SYN, NOTHING, Tweaks.NONE);
        check(s.expected(), syn);
        if (s.expected().verdict() != Verdict.ACCEPT) {
            return;
        }
        TcpEnd server = lab.peer(client);
        check(Expected.ACCEPT, lab.tcp(server, TcpEnd.SYN | TcpEnd.ACK, NOTHING, Tweaks.NONE));
        check(Expected.ACCEPT, lab.tcp(client, TcpEnd.ACK, NOTHING, Tweaks.NONE));
        connection = client;
        String name = s.name();
        if (name != null) {
            named.put(name, client);
        }
    }

    private TcpEnd side(Step.Side side) throws StepFailure {
        TcpEnd client = connection();
        return side == Step.Side.C ? client : lab.peer(client);
    }

    private void say(Step.Say s) throws StepFailure {
        TcpEnd end = side(s.side());
        long begin = s.again() ? end.lastSaid : end.next;
        end.lastSaid = begin;
        List<int[]> pieces = pieces(s.segments(), s.bytes().length());
        Tweaks tweaks = new Tweaks(64, 0, s.badChecksum(), null, null);
        byte[] said = s.bytes().toArray();
        Judged worst = null;
        for (int i = 0; i < pieces.size(); i++) {
            int[] piece = pieces.get(s.shuffled() ? pieces.size() - 1 - i : i);
            int flags = TcpEnd.PSH | TcpEnd.ACK;
            Judged j =
                    lab.tcp(
                            end,
                            flags,
                            begin + piece[0],
                            null,
                            null,
                            said,
                            piece[0],
                            piece[1],
                            tweaks);
            if (s.shuffled() && j.verdict() == Verdict.ACCEPT) {
                end.sent(end.next, Math.max(end.next, begin + piece[0] + piece[1]));
            }
            if (worst == null || worst.verdict() == Verdict.ACCEPT) {
                worst = j;
            }
            if (s.expected().verdict() == Verdict.ACCEPT) {
                check(s.expected(), j);
            }
        }
        if (worst != null && s.expected().verdict() != Verdict.ACCEPT) {
            check(s.expected(), worst);
            return;
        }
        if (!s.badChecksum() && !s.unacknowledged()) {
            check(Expected.ACCEPT, lab.tcp(lab.peer(end), TcpEnd.ACK, NOTHING, Tweaks.NONE));
        }
    }

    /** Offset and length of each segment. */
    private static List<int[]> pieces(Segments segments, int length) {
        int most = 1440;
        List<Integer> begins = new ArrayList<>();
        switch (segments) {
            case Segments.Whole() -> {
                for (int i = 0; i < length; i += most) {
                    begins.add(i);
                }
            }
            case Segments.Bytes() -> {
                for (int i = 0; i < length; i++) {
                    begins.add(i);
                }
            }
            case Segments.At(List<Integer> offsets) -> {
                begins.add(0);
                begins.addAll(offsets);
            }
        }
        List<int[]> out = new ArrayList<>();
        for (int i = 0; i < begins.size(); i++) {
            int from = begins.get(i);
            int to = i + 1 < begins.size() ? begins.get(i + 1) : length;
            for (int at = from; at < to; at += most) {
                out.add(new int[] {at, Math.min(most, to - at)});
            }
        }
        return out;
    }

    private void end(Step.End s) throws StepFailure {
        TcpEnd end = side(s.side());
        int flags = s.reset() ? TcpEnd.RST | TcpEnd.ACK : TcpEnd.FIN | TcpEnd.ACK;
        Judged j = lab.tcp(end, flags, NOTHING, Tweaks.NONE);
        check(s.expected(), j);
        if (!s.reset() && j.verdict() == Verdict.ACCEPT) {
            check(Expected.ACCEPT, lab.tcp(lab.peer(end), TcpEnd.ACK, NOTHING, Tweaks.NONE));
        }
    }

    private void accepted(Conversation talk, String doing) throws StepFailure {
        Judged stopped = talk.stopped();
        if (stopped != null) {
            throw refused(doing, stopped);
        }
    }

    private StepFailure refused(String doing, Judged stopped) {
        return new StepFailure(
                doing + ": a packet got " + stopped.verdictText(), stopped, details());
    }

    // ---- packets ----

    private Judged packet(Step.Packet s) throws StepFailure {
        return switch (s.body()) {
            case PacketBody.Tcp body -> segment(s, body);
            case PacketBody.Udp body ->
                    lab.udp(
                            udp(s.from(), s.to()),
                            text(body.data()),
                            (int) body.data().length(),
                            s.tweaks());
            case PacketBody.Icmp body -> icmp(s, body);
            case PacketBody.Other body ->
                    lab.other(
                            FlowKeys.portless(body.protocol(), address(s.from()), address(s.to())),
                            text(body.data()),
                            (int) body.data().length(),
                            s.tweaks());
        };
    }

    private static byte @Nullable [] text(Data data) {
        return data instanceof Data.Text(Bytes bytes) ? bytes.toArray() : null;
    }

    private FlowKey udp(Endpoint from, Endpoint to) {
        return flow(FlowKeys.UDP, from, to);
    }

    private Judged segment(Step.Packet s, PacketBody.Tcp body) throws StepFailure {
        TcpEnd end = lab.end(tcp(s.from(), s.to()));
        Long given = body.sequence();
        long sequence = given != null ? given : end.next;
        boolean syn = (body.flags() & (TcpEnd.SYN | TcpEnd.ACK)) == TcpEnd.SYN;
        if (syn && given == null) {
            if (end.next > 1 || lab.peer(end).next > 1) {
                lab.restart(end);
                end = lab.end(end.flow);
            }
            sequence = 0;
        }
        return lab.tcp(
                end,
                body.flags(),
                sequence,
                body.acknowledgement(),
                body.window(),
                text(body.data()),
                0,
                (int) body.data().length(),
                s.tweaks());
    }

    private Judged icmp(Step.Packet s, PacketBody.Icmp body) throws StepFailure {
        PacketBody.About about = body.about();
        byte[] quoted = "abcdefghijklmnop".getBytes(StandardCharsets.US_ASCII);
        int rest = body.id() << 16 | 1;
        if (about != null) {
            quoted = quoted(about);
            rest = 0;
        }
        return lab.icmp(
                address(s.from()),
                address(s.to()),
                body.type(),
                body.code(),
                rest,
                quoted,
                s.tweaks());
    }

    private byte[] quoted(PacketBody.About about) throws StepFailure {
        Endpoint from = about.from();
        Endpoint to = about.to();
        FlowKey flow =
                from == null || to == null
                        ? connection().flow
                        : flow(about.udp() ? FlowKeys.UDP : FlowKey.TCP, from, to);
        byte[] last = lab.lastOf(flow);
        return last == null ? lab.imagined(flow) : last;
    }

    private void frame(Step.Frame s) throws StepFailure {
        List<Judged> all =
                lab.raw(
                        MemorySegment.ofArray(s.bytes().toArray()),
                        s.bytes().length(),
                        s.wireLength(),
                        s.link());
        if (!all.isEmpty()) {
            check(s.expected(), all.getLast());
        }
    }

    // ---- whole conversations ----

    private void budget(long bytes) throws StepFailure {
        transferred += bytes;
        if (transferred > ScenarioLimits.TRANSFER_BYTES) {
            throw new StepFailure(
                    "the test transfers more than "
                            + (ScenarioLimits.TRANSFER_BYTES >> 20)
                            + " MiB in all");
        }
    }

    private void session(Step.Session s) throws StepFailure {
        budget(s.bytes());
        FlowKey control = tcp(s.client(), s.server());
        lab.restart(lab.end(control));
        Conversation talk = new Conversation(lab);
        boolean done = talk.session(s, control);
        Judged stopped = talk.stopped();
        if (!s.blocked()) {
            tally.begun++;
            tally.complete += done ? 1 : 0;
            if (stopped != null) {
                throw refused("the session did not come through", stopped);
            }
            return;
        }
        if (stopped == null) {
            throw new StepFailure("expected the rules to stop the session; all of it passed");
        }
        Expected.By by = s.by();
        if (by != null && !matches(by, stopped)) {
            throw new StepFailure(
                    "the session was stopped, but not by "
                            + Expectations.text(by)
                            + ": "
                            + stopped.verdictText(),
                    stopped,
                    details());
        }
    }

    private void transfer(Step.DataConnection s) throws StepFailure {
        budget(s.bytes());
        TcpEnd from = lab.end(tcp(s.from(), s.to()));
        lab.restart(from);
        from = lab.end(from.flow);
        Judged syn = lab.tcp(from, TcpEnd.SYN, NOTHING, Tweaks.NONE);
        check(s.expected(), syn);
        if (s.expected().verdict() != Verdict.ACCEPT) {
            return;
        }
        TcpEnd to = lab.peer(from);
        tally.begun++;
        check(Expected.ACCEPT, lab.tcp(to, TcpEnd.SYN | TcpEnd.ACK, NOTHING, Tweaks.NONE));
        check(Expected.ACCEPT, lab.tcp(from, TcpEnd.ACK, NOTHING, Tweaks.NONE));
        Conversation talk = new Conversation(lab);
        boolean done = talk.transfer(s.upload() ? from : to, s.bytes());
        tally.complete += done ? 1 : 0;
        accepted(talk, "the transfer did not come through");
    }

    private void capture(Step.Capture s) throws StepFailure {
        captures++;
        List<Long> wanted = new ArrayList<>();
        for (Step step : test.steps()) {
            if (step instanceof Step.Expect(Expectation.PacketVerdict p, var at)) {
                wanted.add(p.number());
            }
        }
        try (CaptureFiles files = surroundings.capture(scenario.file(), s.file());
                Lab own = new Lab(options, program, tap, tracer)) {
            own.line(s.at().line());
            Map<Long, Judged> verdicts = new HashMap<>();
            CapturedPacket packet = new CapturedPacket();
            long first = Long.MIN_VALUE;
            while (files.next(packet)) {
                if (first == Long.MIN_VALUE) {
                    first = packet.timeNanos;
                }
                own.at(Lab.BEGIN_NANOS + packet.timeNanos - first);
                for (Judged j : own.captured(packet)) {
                    if (wanted.contains(j.number())) {
                        verdicts.put(j.number(), j);
                    }
                }
            }
            List<OpenPinhole> waiting = own.pinholes();
            own.finish();
            seen =
                    new Seen.Capture(
                            own.events(),
                            waiting,
                            own.totals(),
                            verdicts,
                            own.packets(),
                            new Seen.Tally());
        } catch (CaptureException e) {
            throw new StepFailure(String.valueOf(e.getMessage()));
        }
    }

    // ---- checks ----

    private void check(Expected expected, Judged got) throws StepFailure {
        boolean fits =
                got.verdict() == expected.verdict()
                        && (expected.ct() == null || expected.ct() == got.ct());
        if (!fits) {
            throw new StepFailure(
                    "expected " + expected + ", got " + got.verdictText(), got, details());
        }
        Expected.By by = expected.by();
        if (by != null && !matches(by, got)) {
            throw new StepFailure(
                    "expected " + expected + ", got " + got.verdictText(), got, details());
        }
    }

    private boolean matches(Expected.By by, Judged got) {
        RuleIndex.Entry entry = index.find(got.rule());
        return switch (by) {
            case Expected.By.Origin(String text) ->
                    got.rule().text().equals(text) || got.rule().text().equals("policy " + text);
            case Expected.By.InChain(String name) -> entry != null && entry.chain().equals(name);
            case Expected.By.Policy() -> entry != null && entry.policy();
        };
    }

    /** What helps to see why. */
    private List<String> details() {
        return Expectations.details(lab.pinholes(), lab.events());
    }

    private void prove(Step.Prove s) throws StepFailure {
        switch (proofs.answer(s.claim(), ruleSet, test.setup(), options)) {
            case Proofs.Answer.Proved() -> {}
            case Proofs.Answer.NotRefuted(String how) -> notes.add(s.claim() + ": " + how);
            case Proofs.Answer.Refuted refuted ->
                    throw new StepFailure(
                            s.claim() + " does not hold: " + refuted.packet().verdictText(),
                            refuted.packet(),
                            refuted.walk(),
                            shown(refuted));
        }
    }

    /** How it came to a refutation, and a test to add that shows it. */
    private static List<String> shown(Proofs.Answer.Refuted refuted) {
        List<String> out = new ArrayList<>();
        out.add(refuted.how() + (refuted.steps().isEmpty() ? "" : ", as a test:"));
        if (refuted.steps().isEmpty()) {
            return out;
        }
        Trial.test("refuted", refuted.steps()).forEach(line -> out.add("  " + line));
        return out;
    }

    @Override
    public void close() {
        lab.close();
    }
}
