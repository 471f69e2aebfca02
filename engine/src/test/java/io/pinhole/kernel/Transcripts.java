package io.pinhole.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Packet sequences written down. A line is a packet and, behind {@code =}, what it is:
 *
 * <pre>
 * &gt; S 1000                            = new
 * &lt; SA 5000 ack 1001 win 1000 wscale 7 = established
 * &gt; PA 1001 ack 5001 "PORT 1,2"        = established dropped
 * </pre>
 *
 * {@code >} comes from the client 198.51.100.7:40000, {@code <} from the server 203.0.113.10:21; a
 * data connection is written {@code data > S 1} with its ends before it: {@code
 * data(203.0.113.10:20 > 198.51.100.7:50001) S 1}.
 */
final class Transcripts {
    /** A packet and what is expected of it. */
    record Line(Sent packet, String expected) {}

    private static final Pattern LINE =
            Pattern.compile(
                    "(?<way>[<>]|data\\((?<from>[^ ]+) > (?<to>[^ ]+)\\)) (?<flags>[FSRPAU]+)"
                            + " (?<seq>\\d+)(?: ack (?<ack>\\d+))?(?: win (?<win>\\d+))?"
                            + "(?: wscale (?<scale>\\d+))?(?: len (?<len>\\d+))?"
                            + "(?: \"(?<text>.*)\")?\\s+= (?<expected>.+)");

    private Transcripts() {}

    static List<Line> read(String text) {
        Traffic traffic = new Traffic(new java.util.Random(1));
        List<Line> out = new ArrayList<>();
        for (String line : text.strip().split("\n")) {
            if (line.isBlank() || line.strip().startsWith("#")) {
                continue;
            }
            Matcher m = LINE.matcher(line.strip());
            if (!m.matches()) {
                throw new IllegalArgumentException("transcript: " + line);
            }
            String way = m.group("way");
            String from =
                    way.equals(">")
                            ? "198.51.100.7:40000"
                            : way.equals("<") ? "203.0.113.10:21" : m.group("from");
            String to =
                    way.equals(">")
                            ? "203.0.113.10:21"
                            : way.equals("<") ? "198.51.100.7:40000" : m.group("to");
            byte[] options =
                    m.group("scale") == null
                            ? new byte[0]
                            : new byte[] {1, 3, 3, Byte.parseByte(m.group("scale"))};
            byte[] payload =
                    m.group("text") != null
                            ? Traffic.ascii(
                                    m.group("text")
                                            .replace("\\r", "\r")
                                            .replace("\\n", "\n")
                                            .replace("\\t", "\t"))
                            : new byte[number(m, "len", 0)];
            byte[] ip =
                    traffic.tcp(
                                    host(from),
                                    port(from),
                                    host(to),
                                    port(to),
                                    m.group("flags"),
                                    number(m, "seq", 0),
                                    number(m, "ack", 0),
                                    number(m, "win", 65_535),
                                    options,
                                    payload)
                            .ip(out.size() + 1);
            Side side = from.startsWith("198.") ? Side.LEFT : Side.RIGHT;
            out.add(
                    new Line(
                            new Sent(out.size() + 1, side, ip, line.strip()),
                            m.group("expected").strip()));
        }
        return out;
    }

    private static int number(Matcher m, String group, int otherwise) {
        return m.group(group) == null ? otherwise : Integer.parseUnsignedInt(m.group(group));
    }

    private static String host(String endpoint) {
        return endpoint.substring(0, endpoint.indexOf(':'));
    }

    private static int port(String endpoint) {
        return Integer.parseInt(endpoint.substring(endpoint.indexOf(':') + 1));
    }
}
