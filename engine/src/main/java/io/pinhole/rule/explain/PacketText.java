package io.pinhole.rule.explain;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads a packet as people write it:
 *
 * <pre>
 * tcp 198.51.100.7:40000 &gt; 203.0.113.10:21 syn
 * udp [2001:db8::1]:53 &gt; [2001:db8::2]:40000 len 120 in eth0 out eth1
 * icmp 192.0.2.1 &gt; 192.0.2.2 echo-request
 * gre 192.0.2.1 &gt; 192.0.2.2 mark 0x1 ttl 3
 * </pre>
 *
 * <p>Flags may be names ({@code syn,ack}) or tcpdump's letters ({@code S}, {@code SA}, {@code
 * [S.]}); a tcp packet without flags is a SYN, one of an established flow an ACK. The length is
 * that of the payload, as tcpdump prints it.
 */
public final class PacketText {
    private static final int MAX_TEXT = 1000;
    private static final Map<String, Integer> FLAG_NAMES = DataType.TCP_FLAG.symbols();
    private static final String FLAG_LETTERS = "FSRPAUEC";

    private record Word(String text, int column) {}

    private final String text;
    private final List<Word> words = new ArrayList<>();
    private int next;

    private PacketText(String text) {
        this.text = text;
        int i = 0;
        while (i < text.length()) {
            if (Character.isWhitespace(text.charAt(i))) {
                i++;
                continue;
            }
            int from = i;
            while (i < text.length() && !Character.isWhitespace(text.charAt(i))) {
                // "a>b" is three words, too.
                if (text.charAt(i) == '>') {
                    if (i == from) {
                        i++;
                    }
                    break;
                }
                i++;
            }
            words.add(new Word(text.substring(from, i), from + 1));
        }
    }

    /**
     * @param state what connection tracking says of it
     * @param helper helper type of the flow's parent, or null
     */
    public static PacketSpec parse(
            String text, CtState state, @Nullable String helper, Direction direction, int ctMark)
            throws PacketTextException {
        if (text.length() > MAX_TEXT) {
            throw new PacketTextException(
                    "a packet is described in at most " + MAX_TEXT + " characters",
                    text.substring(0, 60) + "…",
                    1,
                    1);
        }
        return new PacketText(text).packet(state, helper, direction, ctMark);
    }

    private PacketTextException fault(String message, Word word) {
        return new PacketTextException(message, text, word.column, word.text.length());
    }

    private Word word(String expected) throws PacketTextException {
        if (next == words.size()) {
            throw new PacketTextException(
                    "expected " + expected + ", found the end", text, text.length() + 1, 1);
        }
        return words.get(next++);
    }

    private PacketSpec packet(
            CtState state, @Nullable String helper, Direction direction, int ctMark)
            throws PacketTextException {
        Word first = word("a protocol such as tcp");
        Integer protocol = protocol(first);
        EndPoint from = endPoint(protocol);
        Word arrow = word("'>'");
        if (!arrow.text.equals(">")) {
            throw fault("expected '>' between source and destination", arrow);
        }
        EndPoint to = endPoint(protocol);
        if (from.address.version() != to.address.version()) {
            throw fault("one address is IPv4, the other IPv6", to.word);
        }
        boolean v4 = from.address.isV4();
        if (protocol == PacketView.ICMP && !v4) {
            protocol = PacketView.ICMPV6; // what people call icmp over IPv6
        } else if (protocol == PacketView.ICMPV6 && v4) {
            throw fault("icmpv6 goes with IPv6 addresses", first);
        }
        boolean tcp = protocol == PacketView.TCP;
        boolean established = state == CtState.ESTABLISHED;
        int flags = !tcp ? 0 : established ? PacketView.ACK : PacketView.SYN;
        int type = v4 ? 8 : 128;
        int code = 0;
        int payload = 0;
        int ttl = 64;
        int mark = 0;
        String input = null;
        String output = null;
        while (next < words.size()) {
            Word w = word("");
            switch (w.text) {
                case "in", "iif", "iifname" -> input = name();
                case "out", "oif", "oifname" -> output = name();
                case "len", "length" -> payload = number("a length", PacketSpec.MAX_PAYLOAD);
                case "ttl", "hoplimit" -> ttl = number("a hop limit", 255);
                case "mark" -> mark = number("a mark", 0xffff_ffffL);
                case "code" -> code = number("an ICMP code", 255);
                case "flags" -> flags = flags(word("TCP flags"), tcp);
                case "type" -> type = icmpType(word("an ICMP type"), v4);
                default -> {
                    if (tcp) {
                        flags = flags(w, true);
                    } else if (protocol == PacketView.ICMP || protocol == PacketView.ICMPV6) {
                        type = icmpType(w, v4);
                    } else {
                        throw fault("expected len, ttl, mark, in or out", w);
                    }
                }
            }
        }
        return new PacketSpec(
                protocol,
                from.address,
                to.address,
                from.port,
                to.port,
                flags,
                type,
                code,
                payload,
                ttl,
                mark,
                input,
                output,
                state,
                helper,
                direction,
                ctMark);
    }

    private Integer protocol(Word word) throws PacketTextException {
        Integer number = DataType.INET_PROTO.symbols().get(word.text.toLowerCase(Locale.ROOT));
        if (number == null && !word.text.isEmpty() && word.text.length() < 4) {
            number = decimal(word.text) <= 255 ? (int) decimal(word.text) : null;
        }
        if (number == null || number < 0) {
            throw fault("expected a protocol: tcp, udp, icmp, icmpv6, sctp, gre or a number", word);
        }
        // A next header that IPv6 reads as an extension is no protocol.
        if (number == 0 || number == 43 || number == 44 || number == 51 || number == 60) {
            throw fault("that is an IPv6 extension header, no protocol", word);
        }
        return number;
    }

    /** -1 if the text is no decimal number. */
    private static long decimal(String digits) {
        if (digits.isEmpty() || digits.length() > 10) {
            return -1;
        }
        for (int i = 0; i < digits.length(); i++) {
            if (digits.charAt(i) < '0' || digits.charAt(i) > '9') {
                return -1;
            }
        }
        return Long.parseLong(digits);
    }

    private record EndPoint(IpAddress address, int port, Word word) {}

    private EndPoint endPoint(int protocol) throws PacketTextException {
        Word w = word("an address");
        boolean ports =
                switch (protocol) {
                    case PacketView.TCP,
                            PacketView.UDP,
                            PacketView.SCTP,
                            PacketView.DCCP,
                            PacketView.UDPLITE ->
                            true;
                    default -> false;
                };
        String address = w.text;
        String port = null;
        if (w.text.startsWith("[")) {
            int end = w.text.indexOf(']');
            if (end < 0) {
                throw fault("expected ']' behind the IPv6 address", w);
            }
            address = w.text.substring(1, end);
            if (end + 1 < w.text.length()) {
                if (w.text.charAt(end + 1) != ':') {
                    throw fault("expected ':' and a port behind ']'", w);
                }
                port = w.text.substring(end + 2);
            }
        } else if (w.text.indexOf(':') >= 0 && w.text.indexOf(':') == w.text.lastIndexOf(':')) {
            address = w.text.substring(0, w.text.indexOf(':'));
            port = w.text.substring(w.text.indexOf(':') + 1);
        }
        IpAddress parsed = IpAddress.parse(address);
        if (parsed == null) {
            throw fault("'" + address + "' is no IP address", w);
        }
        if (!ports) {
            if (port != null) {
                throw fault("this protocol has no ports", w);
            }
            return new EndPoint(parsed, 0, w);
        }
        if (port == null) {
            String example = parsed.isV4() ? address + ":21" : "[" + address + "]:21";
            throw fault("expected a port behind the address, as in " + example, w);
        }
        Integer number = DataType.INET_SERVICE.symbols().get(port);
        long value = number == null ? decimal(port) : number;
        if (value < 0 || value > 65_535) {
            throw fault("'" + port + "' is no port: 0 to 65535 or a name such as ftp", w);
        }
        return new EndPoint(parsed, (int) value, w);
    }

    private String name() throws PacketTextException {
        Word w = word("the name of an interface");
        if (w.text.length() > DataType.MAX_NAME) {
            throw fault("names of interfaces have at most " + DataType.MAX_NAME + " letters", w);
        }
        return w.text;
    }

    private int number(String what, long max) throws PacketTextException {
        Word w = word(what);
        long value = -1;
        if (w.text.startsWith("0x") && w.text.length() > 2 && w.text.length() <= 10) {
            try {
                value = Long.parseLong(w.text.substring(2), 16);
            } catch (NumberFormatException e) {
                value = -1; // told below
            }
        } else {
            value = decimal(w.text);
        }
        if (value < 0 || value > max) {
            throw fault("expected " + what + " from 0 to " + max, w);
        }
        return (int) value;
    }

    private int flags(Word w, boolean tcp) throws PacketTextException {
        if (!tcp) {
            throw fault("only tcp has flags", w);
        }
        if (w.text.equals("none")) {
            return 0;
        }
        int bits = 0;
        boolean names = true;
        for (String name : w.text.toLowerCase(Locale.ROOT).split("[,|]", -1)) {
            Integer bit = FLAG_NAMES.get(name);
            names &= bit != null;
            bits |= bit == null ? 0 : bit;
        }
        if (names) {
            return bits;
        }
        // tcpdump: [S.], where the dot is ACK.
        String letters = w.text.replace("[", "").replace("]", "");
        bits = 0;
        for (int i = 0; i < letters.length(); i++) {
            int bit = FLAG_LETTERS.indexOf(letters.charAt(i));
            if (letters.charAt(i) == '.') {
                bit = 4;
            }
            if (bit < 0) {
                throw fault(
                        "expected TCP flags (syn, ack, fin, rst, psh, urg, ecn, cwr, none), len,"
                                + " ttl, mark, in or out",
                        w);
            }
            bits |= 1 << bit;
        }
        return bits;
    }

    private int icmpType(Word w, boolean v4) throws PacketTextException {
        DataType type = v4 ? DataType.ICMP_TYPE : DataType.ICMPV6_TYPE;
        Integer named = type.symbols().get(w.text);
        long value = named == null ? decimal(w.text) : named;
        if (value < 0 || value > 255) {
            throw fault("expected an ICMP type such as echo-request, len, ttl, mark, in or out", w);
        }
        return (int) value;
    }
}
