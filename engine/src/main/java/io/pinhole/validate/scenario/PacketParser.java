package io.pinhole.validate.scenario;

import io.pinhole.core.IpAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads {@code A[:PORT] -> B[:PORT] WHAT… VERDICT}. */
final class PacketParser {
    static final List<String> FLAGS =
            List.of("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr");
    private static final String WHAT =
            "what is sent: TCP flags such as syn or fin+ack, data, udp, icmp TYPE or proto N";

    private final Map<String, IpAddress> hosts;
    private final Line line;

    // What the words of the line say so far.
    private Data data = Data.NONE;
    private @Nullable Long sequence;
    private @Nullable Long acknowledgement;
    private @Nullable Integer window;
    private @Nullable Integer code;
    private int id = 1;
    private int ttl = 64;
    private int fragmentBytes;
    private boolean badChecksum;
    private @Nullable String input;
    private @Nullable String output;
    private PacketBody.@Nullable About about;

    PacketParser(Map<String, IpAddress> hosts, Line line) {
        this.hosts = hosts;
        this.line = line;
    }

    Step parse() throws Fault {
        Token fromToken = line.next();
        Endpoint from = Values.endpoint(fromToken, hosts, false);
        line.arrow();
        Token toToken = line.next();
        Endpoint to = Values.endpoint(toToken, hosts, false);
        sameFamily(from, to, toToken);
        Token what = line.next();
        if (what.kind() != Token.Kind.WORD) {
            throw what.expected(WHAT);
        }
        String kind = what.text();
        boolean ports = true;
        int flags = 0;
        int protocol = 0;
        IcmpTypes.Kind icmp = new IcmpTypes.Kind(0, 0);
        switch (kind) {
            case "tcp" -> {
                what = line.next();
                flags = what.is("data") ? dataFlags() : flags(what);
            }
            case "data" -> flags = dataFlags();
            case "udp" -> {}
            case "icmp", "icmpv6" -> {
                boolean v6 = kind.equals("icmpv6");
                if (v6 != isV6(to)) {
                    throw what.fault(
                            v6
                                    ? "icmpv6 is for IPv6 addresses; for these: icmp"
                                    : "icmp is for IPv4 addresses; for these: icmpv6");
                }
                icmp = icmpKind(line.next(), v6);
                ports = false;
            }
            case "proto" -> {
                protocol =
                        (int) Values.number(line.word("a protocol number"), "a protocol", 0, 255);
                ports = false;
            }
            default -> flags = flags(what);
        }
        Expected expected = words(kind);
        line.end();
        if (ports && !to.hasPort()) {
            throw toToken.fault("expected a port, as in " + to + ":21");
        }
        if (!ports && (to.hasPort() || from.hasPort())) {
            throw (to.hasPort() ? toToken : fromToken).fault(kind + " has no ports");
        }
        PacketBody body =
                switch (kind) {
                    case "udp" -> new PacketBody.Udp(data);
                    case "icmp", "icmpv6" -> {
                        Integer given = code;
                        yield new PacketBody.Icmp(
                                icmp.type(), given == null ? icmp.code() : given, id, about);
                    }
                    case "proto" -> new PacketBody.Other(protocol, data);
                    default -> new PacketBody.Tcp(flags, data, sequence, acknowledgement, window);
                };
        return new Step.Packet(
                from,
                to,
                body,
                new Step.Tweaks(ttl, fragmentBytes, badChecksum, input, output),
                expected,
                line.pos());
    }

    /** {@code data} alone stands for psh+ack. */
    private int dataFlags() throws Fault {
        data = data();
        return flagBits("psh") | flagBits("ack");
    }

    static void sameFamily(Endpoint from, Endpoint to, Token at) throws Fault {
        IpAddress a = from.address();
        IpAddress b = to.address();
        if (a != null && b != null && a.version() != b.version()) {
            throw at.fault(
                    from.name()
                            + " is IPv"
                            + a.version()
                            + " and "
                            + to.name()
                            + " is IPv"
                            + b.version());
        }
    }

    private static boolean isV6(Endpoint endpoint) {
        IpAddress address = endpoint.address();
        return address != null && !address.isV4();
    }

    private static int flagBits(String name) {
        return 1 << FLAGS.indexOf(name);
    }

    private static int flags(Token token) throws Fault {
        if (token.kind() != Token.Kind.WORD) {
            throw token.expected(WHAT);
        }
        if (token.is("none")) {
            return 0;
        }
        int bits = 0;
        for (String name : token.text().split("\\+", -1)) {
            if (!FLAGS.contains(name)) {
                List<String> known = new ArrayList<>(FLAGS);
                known.addAll(List.of("udp", "icmp", "icmpv6", "proto", "data", "none"));
                String meant = Line.meant(name, known);
                throw token.fault(
                        "expected "
                                + WHAT
                                + ", found "
                                + token.found()
                                + (meant == null ? "" : "; did you mean " + meant + "?"));
            }
            bits |= flagBits(name);
        }
        return bits;
    }

    private static IcmpTypes.Kind icmpKind(Token token, boolean v6) throws Fault {
        if (token.kind() != Token.Kind.WORD) {
            throw token.expected("an ICMP type");
        }
        IcmpTypes.Kind kind = IcmpTypes.find(token.text(), v6);
        if (kind != null) {
            return kind;
        }
        if (Values.startsWithDigit(token)) {
            return new IcmpTypes.Kind((int) Values.number(token, "an ICMP type", 0, 255), 0);
        }
        String meant = Line.meant(token.text(), IcmpTypes.names(v6));
        throw token.expected(
                "an ICMP type such as echo-request or a number"
                        + (meant == null ? "" : " (did you mean " + meant + "?)"));
    }

    private Data data() throws Fault {
        Token token = line.peek();
        if (token.kind() == Token.Kind.STRING) {
            line.next();
            return new Data.Text(Bytes.of(Values.bytes(token.text(), token.start() + 1)));
        }
        return new Data.Filler(Values.size(line, 65_000));
    }

    /** The words between what is sent and the verdict. */
    private Expected words(String kind) throws Fault {
        boolean tcp = !List.of("udp", "icmp", "icmpv6", "proto").contains(kind);
        while (true) {
            Token word = line.next();
            if (Verdicts.WORDS.contains(word.text())
                    || word.is("unfiltered")
                    || word.is("undecodable")) {
                return Verdicts.parse(word, line);
            }
            if (word.is("data") && !kind.startsWith("icmp")) {
                data = data();
            } else if (word.is("bad-checksum")) {
                badChecksum = true;
            } else if (word.is("about") && kind.startsWith("icmp")) {
                about = about();
            } else if (word.kind() == Token.Kind.WORD && word.text().indexOf('=') > 0) {
                pair(word, tcp, kind.startsWith("icmp"));
            } else {
                throw word.expected("a verdict: " + Line.oneOf(Verdicts.WORDS));
            }
        }
    }

    private PacketBody.About about() throws Fault {
        if (line.take("connection")) {
            return new PacketBody.About(null, null, false);
        }
        Endpoint from = Values.endpoint(line.next(), hosts, false);
        line.arrow();
        Token toToken = line.next();
        Endpoint to = Values.endpoint(toToken, hosts, false);
        sameFamily(from, to, toToken);
        if (!to.hasPort()) {
            throw toToken.fault("expected a port, as in " + to + ":21");
        }
        return new PacketBody.About(from, to, line.take("udp"));
    }

    private void pair(Token word, boolean tcp, boolean icmp) throws Fault {
        int equals = word.text().indexOf('=');
        String key = word.text().substring(0, equals);
        Token value =
                new Token(
                        Token.Kind.WORD,
                        word.text().substring(equals + 1),
                        word.start() + equals + 1,
                        Math.max(word.end(), word.start() + equals + 2));
        switch (key) {
            case "seq" -> {
                only(tcp, word);
                sequence = Values.number(value, "a number", 0, 0xffff_ffffL);
            }
            case "ack" -> {
                only(tcp, word);
                acknowledgement = Values.number(value, "a number", 0, 0xffff_ffffL);
            }
            case "win" -> {
                only(tcp, word);
                window = (int) Values.number(value, "a window", 0, 65_535);
            }
            case "code" -> {
                only(icmp, word);
                code = (int) Values.number(value, "a code", 0, 255);
            }
            case "id" -> {
                only(icmp, word);
                id = (int) Values.number(value, "an identifier", 0, 65_535);
            }
            case "ttl", "hoplimit" -> ttl = (int) Values.number(value, "a hop limit", 0, 255);
            case "fragments" -> {
                fragmentBytes = (int) Values.number(value, "bytes in a fragment", 8, 65_528);
                if (fragmentBytes % 8 != 0) {
                    throw value.expected("a multiple of 8");
                }
            }
            case "iif" -> input = interfaceName(value);
            case "oif" -> output = interfaceName(value);
            default ->
                    throw word.fault(
                            "unknown '"
                                    + key
                                    + "='; known are seq= ack= win= code= id= ttl= hoplimit="
                                    + " fragments= iif= oif=");
        }
    }

    private static String interfaceName(Token value) throws Fault {
        if (value.text().isEmpty() || value.text().length() > 64) {
            throw value.expected("the name of an interface");
        }
        return value.text();
    }

    private static void only(boolean fits, Token word) throws Fault {
        if (!fits) {
            throw word.fault("this protocol has no " + word.text().split("=", 2)[0]);
        }
    }
}
