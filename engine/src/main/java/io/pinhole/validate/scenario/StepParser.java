package io.pinhole.validate.scenario;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.rule.SourcePos;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the lines of one test that do something. */
final class StepParser {
    private static final List<String> KEYWORDS =
            List.of(
                    "connect",
                    "on",
                    "close",
                    "session",
                    "transfer",
                    "after",
                    "capture",
                    "frame",
                    "expect",
                    "never",
                    "always");
    private static final Set<String> RESERVED = new HashSet<>(KEYWORDS);

    static {
        RESERVED.addAll(SetupBuilder.KEYWORDS);
        RESERVED.addAll(List.of("test", "include", "any", "C", "S"));
    }

    /** Where a control connection leads if its line names no port. */
    private static final int FTP = 21;

    private final Map<String, IpAddress> hosts;
    private final Set<String> connections = new HashSet<>();
    private boolean connected;

    StepParser(Map<String, IpAddress> hosts) {
        this.hosts = hosts;
    }

    static boolean isReserved(String word) {
        return RESERVED.contains(word);
    }

    /** Adds the steps of one line. */
    void parse(Line line, List<Step> out) throws Fault {
        if (Dialogue.isDialogue(line.text)) {
            Step step = Dialogue.parse(line);
            needConnection(line);
            out.add(step);
            return;
        }
        Token first = line.peek();
        switch (first.kind() == Token.Kind.WORD ? first.text() : "") {
            case "connect" -> out.add(connect(line));
            case "on" -> out.add(on(line));
            case "close" -> {
                line.next();
                needConnection(line);
                out.add(new Step.Close(line.pos()));
            }
            case "session" -> out.add(session(line));
            case "transfer" -> out.add(transfer(line));
            case "after" -> {
                line.next();
                out.add(
                        new Step.After(
                                Values.duration(line, ScenarioLimits.AFTER_NANOS), line.pos()));
            }
            case "capture" -> capture(line, out);
            case "frame" -> out.add(frame(line));
            case "expect" -> {
                SourcePos at = line.pos();
                line.next();
                out.add(new Step.Expect(expectation(line), at));
            }
            case "never", "always" -> out.add(claim(line));
            default -> out.add(packet(line));
        }
        line.end();
    }

    private void needConnection(Line line) throws Fault {
        if (!connected) {
            throw line.peek()
                    .fault("nobody is connected yet: begin with connect CLIENT -> SERVER:21");
        }
    }

    /** A packet line, or a keyword with a typing error. */
    private Step packet(Line line) throws Fault {
        Token first = line.peek();
        Line ahead = new Line(line.file, line.number, line.text);
        ahead.next();
        if (first.kind() != Token.Kind.WORD || ahead.peek().kind() != Token.Kind.ARROW) {
            String meant = Line.meant(first.text(), RESERVED);
            throw first.fault(
                    (first.kind() == Token.Kind.WORD
                                    ? "unknown step " + first.found()
                                    : "expected a step, found " + first.found())
                            + (meant != null
                                    ? "; did you mean " + meant + "?"
                                    : "; a step is a packet (A:PORT -> B:PORT …), C: or S:, "
                                            + Line.oneOf(KEYWORDS)));
        }
        return new PacketParser(hosts, line).parse();
    }

    private Endpoint endpoint(Line line) throws Fault {
        return Values.endpoint(line.next(), hosts, false);
    }

    /** The called side of a connection; its port may stand for the usual one. */
    private Endpoint called(Line line, Endpoint from, int usualPort) throws Fault {
        line.arrow();
        Token token = line.next();
        Endpoint to = Values.endpoint(token, hosts, false);
        PacketParser.sameFamily(from, to, token);
        if (to.hasPort()) {
            return to;
        }
        if (usualPort == Endpoint.NO_PORT) {
            throw token.fault("expected a port, as in " + to + ":21");
        }
        return new Endpoint(to.name(), to.address(), usualPort);
    }

    private Step connect(Line line) throws Fault {
        line.next();
        Endpoint from = endpoint(line);
        Endpoint to = called(line, from, Endpoint.NO_PORT);
        String name = null;
        if (line.take("as")) {
            name = line.word("a name for the connection").text();
        }
        Expected expected = verdict(line);
        if (expected.verdict() == Verdict.ACCEPT) {
            connected = true;
            if (name != null) {
                connections.add(name);
            }
        }
        return new Step.Connect(from, to, name, expected, line.pos());
    }

    /** A verdict, if there is one. */
    private static Expected verdict(Line line) throws Fault {
        return line.peek().isEnd() ? Expected.ACCEPT : Verdicts.parse(line.next(), line);
    }

    private Step on(Line line) throws Fault {
        line.next();
        Token name = line.word("the name of a connection");
        if (!connections.contains(name.text())) {
            throw name.fault(
                    "no connection is called '"
                            + name.text()
                            + "'; name one with: connect A -> B:21 as "
                            + name.text());
        }
        return new Step.On(name.text(), line.pos());
    }

    private Step session(Line line) throws Fault {
        line.next();
        Endpoint client = endpoint(line);
        Endpoint server = called(line, client, FTP);
        Token modeToken = line.word("a mode");
        TransferMode mode = null;
        List<String> modes = new ArrayList<>();
        for (TransferMode m : TransferMode.values()) {
            modes.add(m.label());
            mode = modeToken.is(m.label()) ? m : mode;
        }
        if (mode == null) {
            throw modeToken.expected(Line.oneOf(modes));
        }
        IpAddress address = client.address();
        if ((mode == TransferMode.ACTIVE || mode == TransferMode.PASSIVE)
                && address != null
                && !address.isV4()) {
            throw modeToken.fault(
                    mode.label()
                            + " names an IPv4 address; over IPv6: "
                            + (mode == TransferMode.ACTIVE ? "eprt" : "epsv"));
        }
        Token verb = line.word("get, put or list");
        Step.Transfer transfer =
                switch (verb.text()) {
                    case "get" -> Step.Transfer.GET;
                    case "put" -> Step.Transfer.PUT;
                    case "list" -> Step.Transfer.LIST;
                    default -> throw verb.expected("get, put or list");
                };
        String file = "";
        if (transfer != Step.Transfer.LIST || line.peek().kind() == Token.Kind.STRING) {
            file = Values.name(line.next(), "the name of the file");
        }
        long bytes = 1000;
        if (Values.startsWithDigit(line.peek())) {
            bytes = Values.size(line, ScenarioLimits.TRANSFER_BYTES);
        }
        boolean byteByByte = false;
        if (line.take("byte")) {
            Dialogue.bytes(line);
            byteByByte = true;
        }
        boolean blocked = line.take("blocked");
        Expected.By by = blocked ? Verdicts.by(line) : null;
        return new Step.Session(
                client, server, mode, transfer, file, bytes, byteByByte, blocked, by, line.pos());
    }

    private Step transfer(Line line) throws Fault {
        line.next();
        Endpoint from = endpoint(line);
        Endpoint to = called(line, from, Endpoint.NO_PORT);
        long bytes = Values.size(line, ScenarioLimits.TRANSFER_BYTES);
        boolean upload = line.take("upload");
        return new Step.DataConnection(from, to, bytes, upload, verdict(line), line.pos());
    }

    private void capture(Line line, List<Step> out) throws Fault {
        SourcePos at = line.pos();
        line.next();
        out.add(new Step.Capture(SetupBuilder.file(line, "a capture"), at));
        Token next = line.next();
        if (!next.is("expect")) {
            throw next.expected("'expect' and what, as in: capture a.pcap expect complete");
        }
        out.add(new Step.Expect(expectation(line), at));
    }

    private static Step frame(Line line) throws Fault {
        line.next();
        Token name = line.word("a link type");
        LinkType link = null;
        List<String> known = new ArrayList<>();
        for (LinkType type : LinkType.values()) {
            String label = type.name().toLowerCase(Locale.ROOT).replace('_', '-');
            known.add(label);
            link = name.is(label) ? type : link;
        }
        if (link == null) {
            throw name.expected(Line.oneOf(known));
        }
        Token hex = line.word("the frame in hexadecimal digits");
        byte[] bytes;
        try {
            bytes = HexFormat.of().parseHex(hex.text());
        } catch (IllegalArgumentException e) {
            throw hex.expected("an even number of hexadecimal digits");
        }
        int wire = bytes.length;
        if (line.take("wire")) {
            wire =
                    (int)
                            Values.number(
                                    line.word("a length in bytes"),
                                    "a length",
                                    bytes.length,
                                    262_144);
        }
        return new Step.Frame(
                link, Bytes.of(bytes), wire, Verdicts.parse(line.next(), line), line.pos());
    }

    private Expectation expectation(Line line) throws Fault {
        boolean no = line.take("no");
        Token what = line.next();
        return switch (what.kind() == Token.Kind.WORD ? what.text() : "") {
            case "pinhole" -> pinhole(line, no);
            case "alert" -> {
                if (no) {
                    yield new Expectation.NoAlert(
                            line.peek().isEnd() ? null : anomaly(line.next()));
                }
                yield new Expectation.Alert(anomaly(line.next()));
            }
            case "drop" -> no ? new Expectation.NoDrop() : new Expectation.Drop();
            case "complete" -> no ? new Expectation.Incomplete() : new Expectation.Complete();
            case "incomplete" -> {
                if (no) {
                    throw what.expected("pinhole, alert or drop behind 'expect no'");
                }
                yield new Expectation.Incomplete();
            }
            case "packet" -> {
                if (no) {
                    throw what.expected("pinhole, alert or drop behind 'expect no'");
                }
                Token token = line.word("the number of a packet");
                long number = Values.number(token, "a packet", 1, 1L << 40);
                yield new Expectation.PacketVerdict(number, Verdicts.parse(line.next(), line));
            }
            default ->
                    throw what.expected(
                            no
                                    ? "pinhole, alert or drop behind 'expect no'"
                                    : "pinhole, no pinhole, alert KIND, no alert, complete,"
                                            + " incomplete, drop, no drop or packet N VERDICT");
        };
    }

    private Expectation pinhole(Line line, boolean no) throws Fault {
        PinholeOutcome outcome = outcome(line.peek());
        if (line.peek().isEnd() || outcome != null) {
            if (outcome != null) {
                notWith(no, line.next());
            }
            return no
                    ? new Expectation.NoPinhole(null, null)
                    : new Expectation.Pinhole(null, null, outcome);
        }
        Endpoint from = Values.endpoint(line.next(), hosts, true);
        line.arrow();
        Token token = line.next();
        Endpoint to = Values.endpoint(token, hosts, false);
        PacketParser.sameFamily(from, to, token);
        if (!no && !to.hasPort()) {
            throw token.fault("expected a port, as in " + to + ":40001");
        }
        outcome = outcome(line.peek());
        if (outcome != null) {
            notWith(no, line.next());
        }
        return no
                ? new Expectation.NoPinhole(from, to)
                : new Expectation.Pinhole(from, to, outcome);
    }

    private static void notWith(boolean no, Token outcome) throws Fault {
        if (no) {
            throw outcome.fault("'expect no pinhole' is about those that wait now");
        }
    }

    private static @Nullable PinholeOutcome outcome(Token token) {
        for (PinholeOutcome outcome : PinholeOutcome.values()) {
            if (token.is(outcome.label()) && outcome != PinholeOutcome.UNUSED) {
                return outcome;
            }
        }
        return null;
    }

    private static Anomaly anomaly(Token token) throws Fault {
        for (Anomaly anomaly : Anomaly.values()) {
            if (token.is(anomaly.label()) && anomaly != Anomaly.NONE) {
                return anomaly;
            }
        }
        String meant =
                Line.meant(
                        token.text(), Arrays.stream(Anomaly.values()).map(Anomaly::label).toList());
        throw token.expected(
                "a kind of alert such as bounce"
                        + (meant == null
                                ? "; docs/anomalies.md lists them"
                                : "; did you mean " + meant + "?"));
    }

    private Step claim(Line line) throws Fault {
        boolean never = line.next().is("never");
        Endpoint from = Values.endpoint(line.next(), hosts, true);
        line.arrow();
        Token token = line.next();
        Endpoint to = Values.endpoint(token, hosts, true);
        PacketParser.sameFamily(from, to, token);
        int protocol = 6;
        if (line.take("udp")) {
            protocol = 17;
        } else {
            line.take("tcp");
        }
        return new Step.Prove(new Claim(never, from, to, protocol, line.pos()));
    }
}
