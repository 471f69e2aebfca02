package io.pinhole.path;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.capture.PcapWriter;
import io.pinhole.capture.PcapngWriter;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An attack as text, and the packets it stands for. The language is described in {@code
 * pcap-samples/attacks/README.md}.
 */
public final class AttackScript {
    /** How what is said on the control connection becomes segments. */
    public enum Cut {
        /** As the script says. */
        AS_WRITTEN,
        WHOLE,
        BYTES,
        INSIDE_LINES,
        /** Random pieces, some twice, out of order. */
        SHUFFLED
    }

    /**
     * One frame.
     *
     * @param verdict what any firewall should do with it; null where the script leaves it open
     * @param line of the script
     */
    public record Frame(
            byte[] bytes, long timeNanos, String verdict, int line, String interfaceName) {}

    private static final long START = 1_767_225_600_000_000_000L; // 2026-01-01
    private static final long MILLI = 1_000_000L;
    private static final Pattern VERDICT = Pattern.compile(" => ((accept|drop|reject| )+)$");
    private static final Pattern PACKET = Pattern.compile("(\\S+) > (\\S+) (.*)");
    private static final Pattern WORD = Pattern.compile("([a-z-]+)(?:=(\"[^\"]*\"|\\S+))?");
    private static final int[] SYN_OPTIONS = {2, 4, 5, 0xb4, 4, 2, 3, 3, 7};

    private static final Map<String, String> HOSTS =
            Map.ofEntries(
                    Map.entry("client", "198.51.100.10"),
                    Map.entry("stranger", "198.51.100.66"),
                    Map.entry("server", "203.0.113.20"),
                    Map.entry("other", "203.0.113.66"),
                    Map.entry("inside", "10.0.0.5"),
                    Map.entry("client6", "2001:db8:1::10"),
                    Map.entry("stranger6", "2001:db8:1::66"),
                    Map.entry("server6", "2001:db8:2::20"));

    private final String name;
    private final List<String> lines;

    private AttackScript(String name, List<String> lines) {
        this.name = name;
        this.lines = lines;
    }

    public static AttackScript read(Path file) throws IOException {
        return new AttackScript(
                file.getFileName().toString().replaceFirst("\\.txt$", ""),
                Files.readAllLines(file));
    }

    /** A dialogue of {@code C:} and {@code S:} lines, or any other statements. */
    static AttackScript of(String name, List<String> lines) {
        return new AttackScript(name, lines);
    }

    /** File name without its end. */
    public String name() {
        return name;
    }

    /** Bytes of the longest thing said on the control connection. */
    int longest() {
        return lines.stream()
                .map(l -> l.replaceFirst("^repeat \\d+ ", ""))
                .filter(l -> l.matches("[CS][:~!].*"))
                .mapToInt(l -> unescape(VERDICT.matcher(l).replaceFirst("")).length)
                .max()
                .orElse(0);
    }

    /** Rows of the table of attacks it shows. */
    public List<Integer> rows() {
        return Arrays.stream(header("rows").split(",\\s*")).map(Integer::valueOf).toList();
    }

    /** The one value of a header; empty if the script has none. */
    public String header(String key) {
        List<String> all = headers(key);
        return all.isEmpty() ? "" : all.getFirst();
    }

    public List<String> headers(String key) {
        return lines.stream()
                .filter(l -> l.startsWith(key + ": "))
                .map(l -> l.substring(key.length() + 2).strip())
                .toList();
    }

    /** File of the capture. */
    public String captureName() {
        return name + (lines.stream().anyMatch(l -> l.contains(" if=")) ? ".pcapng" : ".pcap");
    }

    @Override
    public String toString() {
        return name;
    }

    /** Text of a line, counted from 1. */
    public String line(int number) {
        return lines.get(number - 1);
    }

    public byte[] capture(List<Frame> frames) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        CapturedPacket packet = new CapturedPacket();
        if (captureName().endsWith("ng")) {
            try (PcapngWriter writer = new PcapngWriter(out, "pinhole")) {
                for (Frame frame : frames) {
                    writer.write(fill(packet, frame), null);
                }
            }
        } else {
            try (PcapWriter writer =
                    new PcapWriter(out, LinkType.ETHERNET, PcapWriter.Precision.MICROS)) {
                for (Frame frame : frames) {
                    writer.write(fill(packet, frame));
                }
            }
        }
        return out.toByteArray();
    }

    private static CapturedPacket fill(CapturedPacket packet, Frame frame) {
        packet.data = MemorySegment.ofArray(frame.bytes);
        packet.offset = 0;
        packet.capturedLength = frame.bytes.length;
        packet.wireLength = frame.bytes.length;
        packet.timeNanos = frame.timeNanos;
        packet.interfaceName = frame.interfaceName;
        packet.number++;
        return packet;
    }

    public List<Frame> frames() {
        return frames(Cut.AS_WRITTEN, 1);
    }

    /** The same script, with the control connection's lines cut otherwise. */
    public List<Frame> frames(Cut cut, long seed) {
        return new Play(cut, new Random(seed)).run();
    }

    /** One end of a TCP connection. */
    private static final class End {
        final String host;
        final int port;
        int next;

        End(String host, int port, int first) {
            this.host = host;
            this.port = port;
            next = first;
        }
    }

    private record Connection(End from, End to) {
        Connection reversed() {
            return new Connection(to, from);
        }
    }

    private final class Play {
        private final Cut cut;
        private final Random random;
        private final List<Frame> frames = new ArrayList<>();
        private final Map<String, End> ends = new HashMap<>();
        private Cut written = Cut.WHOLE;
        private Connection control;
        private long now = START;
        private int line;
        private int fragmentId;
        // Of the statement's packets in turn; the last one also holds for the rest.
        private String[] verdicts = {"accept"};
        private int emitted;
        private String iface;

        Play(Cut cut, Random random) {
            this.cut = cut;
            this.random = random;
        }

        List<Frame> run() {
            for (String text : lines) {
                line++;
                if (text.isBlank() || text.startsWith("#") || text.matches("[a-z]+: .*")) {
                    if (text.startsWith("cut: ")) {
                        String how = text.substring(5).strip();
                        written = how.equals("inside") ? Cut.INSIDE_LINES : cutOf(how);
                    }
                    continue;
                }
                try {
                    repeated(text);
                } catch (RuntimeException e) {
                    throw new IllegalArgumentException(name + " line " + line + ": " + text, e);
                }
            }
            return frames;
        }

        private static Cut cutOf(String how) {
            return Cut.valueOf(how.toUpperCase(java.util.Locale.ROOT));
        }

        private void repeated(String text) {
            Matcher m = Pattern.compile("repeat (\\d+) (.*)").matcher(text);
            if (!m.matches()) {
                statement(text);
                return;
            }
            for (int i = 0; i < Integer.parseInt(m.group(1)); i++) {
                statement(
                        m.group(2)
                                .replace("$i", "" + i)
                                .replace("$h", "" + i / 250)
                                .replace("$l", "" + (1 + i % 250)));
            }
        }

        private void statement(String text) {
            Matcher v = VERDICT.matcher(text);
            verdicts = new String[] {"accept"};
            emitted = 0;
            iface = null;
            String rest = text;
            if (v.find()) {
                verdicts = v.group(1).split(" ");
                rest = text.substring(0, v.start());
            }
            if (rest.matches("[CS][:~!] ?.*")) {
                say(rest);
            } else if (rest.startsWith("wait ")) {
                now += Long.parseLong(rest.substring(5)) * 1000 * MILLI;
            } else if (rest.startsWith("clock ")) {
                now += Long.parseLong(rest.substring(6)) * 1000 * MILLI;
            } else if (rest.startsWith("udp ")) {
                udp(rest.substring(4));
            } else if (rest.startsWith("proto ")) {
                proto(rest.substring(6));
            } else {
                packet(rest);
            }
        }

        // ---- what is said on the control connection ----

        private void say(String text) {
            Connection c = Objects.requireNonNull(control, "no control connection");
            Connection way = text.startsWith("C") ? c : c.reversed();
            char kind = text.charAt(1);
            String words = text.length() > 3 ? text.substring(3) : "";
            byte[] bytes = unescape(kind == '~' ? words : words + "\\r\\n");
            List<byte[]> segments = new ArrayList<>();
            Cut how = cut == Cut.AS_WRITTEN ? written : cut;
            for (int from = 0, to; from < bytes.length; from = to) {
                to = pieceEnd(bytes, from, how);
                segments.add(
                        tcp(way, "PA").payload(Arrays.copyOfRange(bytes, from, to)).ethernet());
                way.from.next += to - from;
            }
            if (how == Cut.SHUFFLED) {
                for (int n = segments.size() / 3; n > 0; n--) {
                    segments.add(segments.get(random.nextInt(segments.size())));
                }
                Collections.shuffle(segments, random);
            }
            segments.forEach(this::emit);
            if (kind != '!' && verdicts[0].equals("accept")) {
                emit(tcp(way.reversed(), "A").ethernet());
            }
        }

        private int pieceEnd(byte[] bytes, int from, Cut how) {
            return switch (how) {
                case AS_WRITTEN, WHOLE -> bytes.length;
                case BYTES -> from + 1;
                case SHUFFLED -> Math.min(bytes.length, from + 1 + random.nextInt(12));
                case INSIDE_LINES -> {
                    int half = bytes.length / 2;
                    yield from == 0 && half > 0 ? half : bytes.length;
                }
            };
        }

        // ---- packets ----

        private Packets tcp(Connection way, String flags) {
            return Packets.tcp(way.from.host, way.from.port, way.to.host, way.to.port)
                    .flags(flags)
                    .seq(way.from.next)
                    .ack(flags.contains("A") ? way.to.next : 0);
        }

        private Connection connection(String from, String to) {
            return new Connection(end(from, to), end(to, from));
        }

        private End end(String here, String there) {
            return ends.computeIfAbsent(
                    here + " " + there,
                    k -> new End(host(here), port(here), 1_000_000 * (1 + ends.size())));
        }

        private String host(String end) {
            String h = end.contains(":") ? end.substring(0, end.lastIndexOf(':')) : end;
            return HOSTS.getOrDefault(h, h);
        }

        private static int port(String end) {
            return Integer.parseInt(end.substring(end.lastIndexOf(':') + 1));
        }

        private void packet(String text) {
            Matcher m = PACKET.matcher(text);
            if (!m.matches()) {
                throw new IllegalArgumentException("not understood");
            }
            Connection way = connection(m.group(1), m.group(2));
            String rest = m.group(3) + " ";
            String flags = rest.substring(0, rest.indexOf(' '));
            Map<String, String> words = new HashMap<>();
            Matcher w = WORD.matcher(rest.substring(flags.length()));
            while (w.find()) {
                words.put(w.group(1), w.group(2) == null ? "" : w.group(2).replace("\"", ""));
            }
            iface = words.get("if");
            switch (flags) {
                case "open" -> open(way);
                case "control" -> control = way;
                case "close" -> {
                    fin(way);
                    fin(way.reversed());
                    emit(tcp(way, "A").ethernet());
                }
                default -> single(way, flags, words);
            }
        }

        private void open(Connection way) {
            emit(tcp(way, "S").options(SYN_OPTIONS).ethernet());
            way.from.next++;
            emit(tcp(way.reversed(), "SA").options(SYN_OPTIONS).ethernet());
            way.to.next++;
            emit(tcp(way, "A").ethernet());
            if (way.to.port == 21) {
                control = way;
            }
        }

        private void fin(Connection way) {
            emit(tcp(way, "FA").ethernet());
            way.from.next++;
        }

        private void single(Connection way, String flags, Map<String, String> words) {
            byte[] data = unescape(words.getOrDefault("data", ""));
            Packets p = tcp(way, flags).payload(data);
            boolean stray = words.containsKey("seq") || words.containsKey("stray");
            if (words.containsKey("seq")) {
                p.seq(way.from.next + Integer.parseInt(words.get("seq")));
            }
            if (words.containsKey("ack")) {
                p.ack(way.to.next + Integer.parseInt(words.get("ack")));
            }
            if (words.containsKey("win")) {
                p.window(Integer.parseInt(words.get("win")));
            }
            if (words.containsKey("bad-sum")) {
                p.badChecksum();
            }
            if (flags.contains("S")) {
                p.options(SYN_OPTIONS);
            }
            if (!stray) {
                way.from.next +=
                        data.length + (flags.contains("S") ? 1 : 0) + (flags.contains("F") ? 1 : 0);
            }
            if (words.containsKey("frag")) {
                fragments(p, Integer.parseInt(words.get("frag")), words);
                return;
            }
            byte[] frame = p.ethernet();
            if (words.containsKey("ttl")) {
                byte[] ip = Arrays.copyOfRange(frame, 14, frame.length);
                PacketBytes.ttl(ip, Integer.parseInt(words.get("ttl")));
                frame = ethernet(ip);
            }
            if (words.containsKey("vlan")) {
                frame = tagged(frame, words.get("vlan"));
            }
            if (words.containsKey("gre")) {
                byte[] inner = Arrays.copyOfRange(frame, 14, frame.length);
                frame =
                        Packets.other(
                                        47,
                                        way.from.host,
                                        way.to.host,
                                        PacketBytes.concat(new byte[] {0, 0, 8, 0}, inner))
                                .ethernet();
            }
            emit(frame);
        }

        private void fragments(Packets p, int size, Map<String, String> words) {
            List<byte[]> pieces = p.fragments(size, ++fragmentId);
            int header = p.isV6() ? 48 : 20;
            for (int i = 0; i < pieces.size(); i++) {
                if (i == 1 && words.containsKey("duplicate")) {
                    // The same place with other bytes, before the real ones.
                    emit(ethernet(lie(pieces.get(1), header, 0)));
                }
                if (i == 1 && words.containsKey("overlap")) {
                    emit(ethernet(lie(pieces.get(1), header, 1)));
                }
                emit(ethernet(pieces.get(i)));
            }
        }

        /** A fragment with other bytes, {@code earlier} units of eight bytes before its place. */
        private static byte[] lie(byte[] fragment, int header, int earlier) {
            byte[] lie = fragment.clone();
            for (int at = header; at < lie.length; at++) {
                lie[at] ^= 1;
            }
            if (header == 20) {
                lie[7] -= (byte) earlier;
                PacketBytes.ttl(lie, 64); // the header checksum, too
            } else {
                lie[43] -= (byte) (8 * earlier);
            }
            return lie;
        }

        private void udp(String text) {
            Matcher m = PACKET.matcher(text + " ");
            if (!m.matches()) {
                throw new IllegalArgumentException("not understood");
            }
            emit(
                    Packets.udp(
                                    host(m.group(1)),
                                    port(m.group(1)),
                                    host(m.group(2)),
                                    port(m.group(2)))
                            .payload("x")
                            .ethernet());
        }

        private void proto(String text) {
            String[] words = text.split(" ");
            emit(
                    Packets.other(
                                    Integer.parseInt(words[0]),
                                    host(words[1]),
                                    host(words[3]),
                                    PacketBytes.hex(words[4].replace("hex=", "")))
                            .ethernet());
        }

        private static byte[] ethernet(byte[] ip) {
            byte[] header = new byte[14];
            PacketBytes.put16(header, 12, ip[0] >>> 4 == 6 ? 0x86dd : 0x0800);
            return PacketBytes.concat(header, ip);
        }

        private static byte[] tagged(byte[] frame, String tags) {
            byte[] tagged = frame;
            for (String tag : tags.split(",")) {
                boolean outer = tagged != frame;
                byte[] header = PacketBytes.concat(new byte[12], new byte[4]);
                PacketBytes.put16(header, 12, outer ? 0x88a8 : 0x8100);
                PacketBytes.put16(header, 14, Integer.parseInt(tag));
                tagged = PacketBytes.concat(header, Arrays.copyOfRange(tagged, 12, tagged.length));
            }
            return tagged;
        }

        /** As seen on the client's side of the gateway. */
        private void emit(byte[] frame) {
            byte[] bytes = frame.clone();
            boolean fromServer = isServerSide(bytes);
            byte[] host = {2, 0, 0, 0, 1, 0x10};
            byte[] gateway = {2, 0, 0, 0, 1, 1};
            System.arraycopy(fromServer ? host : gateway, 0, bytes, 0, 6);
            System.arraycopy(fromServer ? gateway : host, 0, bytes, 6, 6);
            String verdict = verdicts[Math.min(emitted++, verdicts.length - 1)];
            frames.add(new Frame(bytes, now, verdict, line, iface));
            now += MILLI;
        }

        private static boolean isServerSide(byte[] f) {
            for (int at = 12; at + 8 < f.length; at++) {
                boolean v4 = f[at] == 8 && f[at + 1] == 0 && f[at + 2] == 0x45;
                boolean v6 = (f[at] & 0xff) == 0x86 && (f[at + 1] & 0xff) == 0xdd;
                if (v4) {
                    return (f[at + 14] & 0xff) != 198;
                }
                if (v6) {
                    return f[at + 10 + 5] != 1;
                }
            }
            return false;
        }
    }

    /** Bytes of text with {@code \r \n \t \s \0 \xff} and {@code \{300 x}} for many. */
    static byte[] unescape(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '\\') {
                out.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
                continue;
            }
            char e = text.charAt(++i);
            switch (e) {
                case 'r' -> out.write('\r');
                case 'n' -> out.write('\n');
                case 't' -> out.write('\t');
                case 's' -> out.write(' ');
                case '0' -> out.write(0);
                case '\\' -> out.write('\\');
                case 'x' -> {
                    out.write(Integer.parseInt(text.substring(i + 1, i + 3), 16));
                    i += 2;
                }
                case '{' -> {
                    int end = text.indexOf('}', i);
                    byte[] many = new byte[Integer.parseInt(text.substring(i + 1, end - 2))];
                    Arrays.fill(many, (byte) text.charAt(end - 1));
                    out.writeBytes(many);
                    i = end;
                }
                default -> throw new IllegalArgumentException("\\" + e);
            }
        }
        return out.toByteArray();
    }
}
