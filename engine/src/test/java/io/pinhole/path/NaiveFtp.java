package io.pinhole.path;

import io.pinhole.core.IpAddress;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One control connection, read as design section 5 says with the default policies: bytes in maps,
 * lines in strings, announcements by regular expressions. Knows the announcements that may be used;
 * {@link NaivePath} looks them up.
 */
final class NaiveFtp {
    private static final int PATIENCE_SECONDS = 300;
    private static final int HELD = 64 * 1024;
    private static final long SECOND = 1_000_000_000L;

    private static final String N = "(\\d{1,3})";
    private static final Pattern PORT =
            Pattern.compile("[ \\t]*" + (N + ",").repeat(5) + N + "[ \\t]*");
    private static final Pattern ADDRESS =
            Pattern.compile((N + "[ \\t]*,[ \\t]*").repeat(5) + N + "(?!\\d)");
    private static final Pattern EPRT =
            Pattern.compile("[ \\t]*([!-~])([12])\\1([0-9A-Fa-f:.]+)\\1(\\d{1,5})\\1[ \\t]*");
    private static final Pattern EPSV =
            Pattern.compile("([!-/:-@\\[-`{-~])(?:\\1\\1|[12]\\1[0-9A-Fa-f:.]*\\1)(\\d{1,5})\\1");
    private static final Pattern LONG = Pattern.compile("(\\d{1,3}(?:,\\d{1,3}){8,})");

    /** Permission for one connection. */
    static final class Announced {
        final IpAddress from;
        final IpAddress to;
        final int port;
        final boolean active;
        final long deadline;
        boolean confirmed;
        boolean used;
        boolean dead;

        /** A newer one took its place before either was answered; its own answer wakes it. */
        boolean asleep;

        Announced(IpAddress from, IpAddress to, int port, boolean active, long now) {
            this.from = from;
            this.to = to;
            this.port = port;
            this.active = active;
            deadline = now + PATIENCE_SECONDS * SECOND;
        }

        boolean waits(long now) {
            return !used && !dead && now < deadline;
        }
    }

    /** A command that waits for its reply. */
    private static final class Command {
        final String verb;
        final String argument;
        @Nullable Announced announced;
        boolean refused;
        boolean started;
        boolean odd;

        Command(String verb, String argument) {
            this.verb = verb;
            this.argument = argument;
        }

        boolean isTransfer() {
            return List.of("RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD").contains(verb);
        }

        int answeredBy() {
            return switch (verb) {
                case "PASV" -> 227;
                case "LPSV" -> 228;
                case "EPSV" -> argument.strip().equalsIgnoreCase("ALL") ? 0 : 229;
                default -> 0;
            };
        }
    }

    /** One direction of the stream. */
    private static final class Half {
        /** Bytes by distance from the first; those that were acknowledged are forgotten. */
        final TreeMap<Integer, Byte> bytes = new TreeMap<>();

        boolean begun;
        boolean fromTheMiddle;
        boolean checksumUnknown;

        /** What came with its SYN, and whether another SYN like it brought something else. */
        String early = "";

        boolean earlyInDoubt;

        /** The last acknowledgement of the other side, by distance from the first byte. */
        @Nullable Integer heard;

        boolean finished;
        int first;
        int next;
        int highest;
        int forgotten;
        StringBuilder line = new StringBuilder();
        boolean skipping;
        boolean sawTelnet;
        int telnet; // 0 text, 1 after IAC, 2 option, 3 subnegotiation, 4 IAC in it

        void begin(int sequence, boolean badChecksum) {
            begun = true;
            first = sequence;
            checksumUnknown = badChecksum;
        }
    }

    private final IpAddress client;
    private final IpAddress server;
    private final Half fromClient = new Half();
    private final Half fromServer = new Half();
    private final List<Command> queue = new ArrayList<>();
    private final List<Announced> announced = new ArrayList<>();
    private final List<Announced> everywhere;
    private boolean earlyRead;
    private int synAcknowledged;
    private boolean midstream;
    private boolean greeted;
    private boolean doubt;
    private boolean lost;
    private boolean opaque;
    private boolean epsvAll;
    private int multiline;
    private long now;

    /**
     * @param everywhere all that is announced in all sessions; this one adds to it
     */
    NaiveFtp(IpAddress client, IpAddress server, List<Announced> everywhere) {
        this.client = client;
        this.server = server;
        this.everywhere = everywhere;
    }

    /** Everything that was announced and may still be used. */
    List<Announced> announced() {
        return announced;
    }

    /** The SYN or SYN-ACK of one side. */
    void syn(PacketView p, boolean byClient, boolean followed) {
        Half half = byClient ? fromClient : fromServer;
        if (!followed && half.begun) {
            return;
        }
        String data = "";
        for (int i = 0; i < p.payloadCaptured(); i++) {
            data += (char) p.u8(p.payloadStart() + i);
        }
        if (!half.begun || half.first != p.tcpSequence() + 1) {
            half.early = data;
        } else if (half.early.isEmpty()) {
            half.early = data;
        } else if (!data.isEmpty() && !data.equals(half.early)) {
            half.earlyInDoubt = true;
        }
        half.begin(p.tcpSequence() + 1, isBad(p) && (!half.begun || half.checksumUnknown));
        if (!byClient) {
            synAcknowledged = p.tcpAcknowledgement();
        }
    }

    /** What came with the SYNs is read if it was taken: the server's acknowledgement says so. */
    private void readEarly() {
        earlyRead = true;
        if (!fromServer.begun && !fromClient.early.isEmpty()) {
            gap(fromClient, 0); // who knows
        }
        int taken = fromServer.begun ? synAcknowledged - fromClient.first : 0;
        boolean possible = taken >= 0 && taken <= fromClient.early.length();
        if (fromClient.begun && taken != 0) {
            if (possible && !fromClient.earlyInDoubt) {
                readEarly(fromClient, fromClient.early.substring(0, taken));
            } else {
                fromClient.first += taken;
                gap(fromClient, 0);
            }
        }
        if (fromServer.earlyInDoubt) {
            gap(fromServer, 0);
        } else {
            readEarly(fromServer, fromServer.early);
        }
    }

    private void readEarly(Half half, String data) {
        for (int i = 0; i < data.length(); i++) {
            half.bytes.put(i, (byte) data.charAt(i));
        }
        half.highest = data.length();
        read(half);
    }

    private static boolean isBad(PacketView p) {
        return switch (Checksums.transport(p)) {
            case BAD, PARTIAL -> true;
            case GOOD, UNKNOWN -> false;
        };
    }

    /**
     * Any other packet of the connection.
     *
     * @return false if it says something else than was said before in its place
     */
    boolean packet(PacketView p, boolean byClient, boolean reset, long nanos) {
        now = nanos;
        Half sender = byClient ? fromClient : fromServer;
        Half receiver = byClient ? fromServer : fromClient;
        boolean bad = isBad(p);
        if (!earlyRead) {
            readEarly();
        }
        if (!sender.begun) {
            sender.begin(p.tcpSequence(), bad);
            sender.fromTheMiddle = true;
            midstream = true;
        }
        if (p.has(PacketView.ACK) && receiver.begun) {
            acknowledged(receiver, p.tcpAcknowledgement() - receiver.first);
        }
        boolean same = true;
        if (p.payloadLength() > 0) {
            if (bad && !sender.checksumUnknown) {
                return true;
            }
            same = take(sender, p);
        }
        boolean obeyed = !bad || sender.checksumUnknown;
        if (p.has(PacketView.FIN) && obeyed) {
            sender.finished = true;
            if (!byClient) {
                closeAll();
            }
        }
        if (reset && obeyed) {
            closeAll();
        }
        return same;
    }

    boolean isFinished() {
        return fromClient.finished
                && fromServer.finished
                && fromClient.next == fromClient.highest
                && fromServer.next == fromServer.highest;
    }

    void closeAll() {
        announced.forEach(a -> a.dead = true);
        for (Command command : queue) {
            if (command.announced != null) {
                command.announced.dead = true;
                command.announced.asleep = false;
            }
        }
    }

    // ---- bytes ----

    private boolean take(Half half, PacketView p) {
        int at = p.tcpSequence() - half.first;
        if (at > half.next && at - half.highest > HELD) {
            return false; // too far ahead to be held
        }
        boolean heard = half.heard != null;
        if (!half.fromTheMiddle && at < 0 && !(heard && half.heard >= 0)) {
            return false; // before the first byte of all
        }
        if (heard && at + p.payloadLength() - half.heard > HELD) {
            return false; // too much that nobody has acknowledged
        }
        boolean same = true;
        for (int i = 0; i < p.payloadLength(); i++, at++) {
            if (at < half.forgotten) {
                continue;
            }
            if (i >= p.payloadCaptured()) {
                continue; // cut by the snap length: never known
            }
            byte b = p.data().get(ValueLayout.JAVA_BYTE, p.payloadStart() + i);
            Byte known = half.bytes.get(at);
            if (known == null && at >= half.next) {
                half.bytes.put(at, b);
            } else if (known != null && known != b) {
                same = false;
            }
        }
        half.highest = Math.max(half.highest, at);
        read(half);
        if (p.payloadCaptured() < p.payloadLength() && half.next < at) {
            gap(half, at); // its end will not come
        }
        return same;
    }

    private void acknowledged(Half half, int upTo) {
        if (upTo - half.highest > 1) {
            return; // of what was never said
        }
        half.heard = half.heard == null ? upTo : Math.max(half.heard, upTo);
        int end = Math.min(upTo, half.highest);
        while (half.next < end) {
            Integer known = half.bytes.ceilingKey(half.next);
            gap(half, known == null ? end : Math.min(known, end));
        }
        if (end > half.forgotten) {
            half.bytes.headMap(end).clear();
            half.forgotten = end;
        }
    }

    private void gap(Half half, int to) {
        half.next = to;
        half.line.setLength(0);
        half.skipping = true;
        half.telnet = 0;
        half.sawTelnet = false;
        if (!opaque) {
            queue.forEach(this::refuse);
            queue.clear();
            doubt = true;
            lost = true;
            if (half == fromServer) {
                multiline = 0;
                greeted = true;
            }
        }
        read(half);
    }

    private void read(Half half) {
        for (Byte b; (b = half.bytes.get(half.next)) != null; half.next++) {
            character(half, b & 0xff);
        }
    }

    private void character(Half half, int c) {
        int telnet = half.telnet;
        half.telnet = 0;
        half.sawTelnet |= telnet == 1 && c != 255;
        if (telnet == 0 && c == 255) {
            half.telnet = 1;
        } else if (telnet == 1 && c == 250) {
            half.telnet = 3;
        } else if (telnet == 1 && c >= 251 && c <= 254) {
            half.telnet = 2;
        } else if (telnet == 3) {
            half.telnet = c == 255 ? 4 : 3;
        } else if (telnet == 4) {
            half.telnet = c == 240 ? 0 : 3;
        } else if (telnet == 0 || (telnet == 1 && c == 255)) {
            if (c != '\n') {
                half.line.append((char) c);
                return;
            }
            String line = half.line.toString();
            half.line.setLength(0);
            boolean skip = half.skipping;
            half.skipping = false;
            if (skip || opaque) {
                return;
            }
            boolean odd = half.sawTelnet || !line.endsWith("\r");
            half.sawTelnet = false;
            line = line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
            if (half == fromClient) {
                command(line, odd);
            } else {
                reply(line);
            }
        }
    }

    // ---- the client's lines ----

    private void command(String line, boolean odd) {
        String text = line.replaceFirst("^[ \t]+", "");
        if (text.isEmpty()) {
            doubt = true;
            return;
        }
        // Not every server answers what is odd.
        doubt |= queue.stream().anyMatch(c -> c.odd && !c.verb.equals("ABOR"));
        int end = 0;
        while (end < text.length() && text.charAt(end) != ' ' && text.charAt(end) != '\t') {
            end++;
        }
        String verb = text.substring(0, end).toUpperCase(Locale.ROOT);
        Command command = new Command(verb, text.substring(end));
        command.odd = odd || text.length() < line.length();
        queue.add(command);
        IpAddress named = null;
        int port = 0;
        switch (verb) {
            case "PORT" -> {
                Matcher m = PORT.matcher(command.argument);
                if (m.matches()) {
                    named = address(m);
                    port = port(m);
                }
            }
            case "EPRT" -> {
                Matcher m = EPRT.matcher(command.argument);
                if (m.matches()) {
                    IpAddress host = IpAddress.parse(m.group(3));
                    boolean fits = host != null && host.isV4() == m.group(2).equals("1");
                    named = fits ? host : null;
                    port = Integer.parseInt(m.group(4));
                }
            }
            case "LPRT" -> {
                Matcher m = LONG.matcher(command.argument.strip());
                Object[] found = m.matches() ? longForm(m.group(1)) : null;
                if (found != null) {
                    named = (IpAddress) found[0];
                    port = (int) found[1];
                }
            }
            default -> {
                return;
            }
        }
        if (named == null || !named.equals(client) || !mayBe(port) || (epsvAll)) {
            command.refused = true;
            return;
        }
        Announced a = new Announced(server, client, port, true, now);
        command.announced = a;
        // Good before its answer, for servers that connect first; only the newest is.
        boolean epsvAllWaits =
                queue.stream()
                        .anyMatch(
                                c ->
                                        c.verb.equals("EPSV")
                                                && c.argument.strip().equalsIgnoreCase("ALL"));
        if (!epsvAllWaits) {
            for (Announced other : announced) {
                if (other.active && !other.confirmed && other.waits(now)) {
                    other.dead = true;
                    other.asleep = true;
                }
            }
            enter(a);
        }
    }

    private static boolean mayBe(int port) {
        return port >= 1024 && port <= 65_535;
    }

    private static @Nullable IpAddress address(Matcher m) {
        long bits = 0;
        for (int i = 1; i <= 4; i++) {
            int octet = Integer.parseInt(m.group(i));
            if (octet > 255) {
                return null;
            }
            bits = bits << 8 | octet;
        }
        return IpAddress.v4((int) bits);
    }

    private static int port(Matcher m) {
        int high = Integer.parseInt(m.group(5));
        int low = Integer.parseInt(m.group(6));
        return high > 255 || low > 255 ? 0 : high << 8 | low;
    }

    /** {@code 4,4,h1,h2,h3,h4,2,p1,p2} (RFC 1639): host and port. */
    private static Object @Nullable [] longForm(String text) {
        String[] parts = text.split(",");
        int[] n = new int[parts.length];
        for (int i = 0; i < n.length; i++) {
            n[i] = Integer.parseInt(parts[i]);
            if (n[i] > 255) {
                return null;
            }
        }
        int length = n[0] == 4 ? 4 : n[0] == 6 ? 16 : -1;
        if (length != n[1] || n.length != length + 5 || n[length + 2] != 2) {
            return null;
        }
        StringBuilder host = new StringBuilder();
        for (int i = 0; i < length; i++) {
            if (length == 4) {
                host.append(i == 0 ? "" : ".").append(n[2 + i]);
            } else {
                host.append(i > 0 && i % 2 == 0 ? ":" : "").append("%02x".formatted(n[2 + i]));
            }
        }
        IpAddress address = IpAddress.parse(host.toString());
        return address == null ? null : new Object[] {address, n[length + 3] << 8 | n[length + 4]};
    }

    // ---- the server's lines ----

    private void reply(String line) {
        Matcher m = Pattern.compile("([1-5]\\d\\d)(.?).*", Pattern.DOTALL).matcher(line);
        int code = m.matches() ? Integer.parseInt(m.group(1)) : 0;
        String after = code == 0 ? "" : m.group(2);
        boolean last = code != 0 && (after.isEmpty() || " \t\r".contains(after));
        boolean announcing = code >= 227 && code <= 229;
        if (multiline != 0) {
            if (code == multiline && last) {
                multiline = 0;
                lastLine(code, line);
            }
        } else if (last || (after.matches("[A-Za-z]") && !announcing)) {
            lastLine(code, line);
        } else if (after.equals("-")) {
            multiline = code;
        } else if (!queue.isEmpty()) {
            doubt = true;
        }
    }

    private void lastLine(int code, String line) {
        if (midstream && code != 220 && code != 120) {
            greeted = true;
        }
        if (!greeted) {
            greeted = code / 100 != 1;
            return;
        }
        if (code / 100 == 1) {
            if (queue.stream().anyMatch(Command::isTransfer)) {
                while (!queue.getFirst().isTransfer()) {
                    refuse(queue.removeFirst());
                }
                queue.getFirst().started = true;
            }
            return;
        }
        Command answered = take(code);
        boolean announcing = code >= 227 && code <= 229;
        boolean believed = !doubt;
        if (queue.isEmpty() && (!lost || answered != null)) {
            doubt = false;
            lost = false;
        }
        if (announcing && (answered == null || answered.answeredBy() != code)) {
            if (queue.stream().anyMatch(c -> c.answeredBy() == code)) {
                queue.forEach(this::refuse);
                queue.clear();
                doubt = true;
                lost = true;
            }
        }
        if (code == 421 && !queue.isEmpty()) {
            doubt = true;
        }
        if (answered != null) {
            answer(answered, code, line, believed);
        }
    }

    private @Nullable Command take(int code) {
        if (doubt && queue.stream().anyMatch(c -> c.answeredBy() == code && code != 0)) {
            while (queue.getFirst().answeredBy() != code) {
                refuse(queue.removeFirst());
            }
            doubt = false;
            lost = false;
        }
        if (queue.isEmpty()) {
            return null;
        }
        Command head = queue.getFirst();
        if (queue.size() > 1) {
            Command second = queue.get(1);
            boolean answersAbort = code == 225 || code == 226 || code / 100 >= 4;
            if (head.verb.equals("ABOR") && !answersAbort) {
                queue.removeFirst();
                head = second;
            } else if (head.isTransfer() && head.started) {
                boolean status = second.verb.equals("STAT") && code >= 211 && code <= 213;
                boolean quit = second.verb.equals("QUIT") && code == 221;
                head = status || quit ? second : head;
            }
        }
        queue.remove(head);
        return head;
    }

    private void refuse(Command command) {
        if (command.announced != null && !command.announced.confirmed) {
            command.announced.dead = true;
        }
    }

    private void answer(Command command, int code, String line, boolean believed) {
        boolean yes = code / 100 == 2;
        switch (command.verb) {
            case "PORT", "EPRT", "LPRT" -> {
                Announced a = command.announced;
                if (a == null) {
                    return;
                }
                if (!yes || (code >= 227 && code <= 229) || !believed || epsvAll) {
                    refuse(command);
                } else {
                    open(a);
                }
            }
            case "PASV", "EPSV", "LPSV" -> {
                if (command.verb.equals("EPSV") && command.answeredBy() == 0) {
                    epsvAll |= yes;
                } else if (code == command.answeredBy()
                        && !(epsvAll && !command.verb.equals("EPSV"))) {
                    int port = passivePort(code, line);
                    if (mayBe(port)) {
                        open(new Announced(client, server, port, false, now));
                    }
                }
            }
            case "AUTH" -> {
                boolean tls =
                        command.argument.strip().toUpperCase(Locale.ROOT).matches("(TLS|SSL).*");
                opaque = tls && code == 234;
            }
            case "QUIT" -> {
                if (yes) {
                    closeAll();
                }
            }
            case "REIN" -> {
                if (yes) {
                    epsvAll = false;
                    closeAll();
                }
            }
            default -> {}
        }
    }

    private static int passivePort(int code, String line) {
        String text = line.substring(Math.min(4, line.length()));
        switch (code) {
            case 227 -> {
                Matcher m = ADDRESS.matcher(text);
                return m.find() && address(m) != null ? port(m) : 0;
            }
            case 228 -> {
                Matcher m = LONG.matcher(text);
                Object[] found = m.find() ? longForm(m.group(1)) : null;
                return found == null ? 0 : (int) found[1];
            }
            default -> {
                Matcher m = EPSV.matcher(text);
                return m.find() ? Integer.parseInt(m.group(2)) : 0;
            }
        }
    }

    private void open(Announced a) {
        a.confirmed = true;
        if (a.used || (announced.contains(a) && !a.waits(now))) {
            return;
        }
        for (Announced other : announced) {
            other.dead |= other != a && other.confirmed && other.waits(now);
        }
        if (!announced.contains(a) && (a.asleep || !a.dead)) {
            a.dead = false;
            enter(a);
        }
    }

    private void enter(Announced a) {
        for (Announced other : everywhere) {
            boolean same =
                    other.from.equals(a.from) && other.to.equals(a.to) && other.port == a.port;
            other.dead |= same && other.waits(now);
        }
        announced.removeIf(old -> old.dead);
        everywhere.removeIf(old -> old.dead);
        announced.add(a);
        everywhere.add(a);
    }

    /** For failed tests. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        for (Announced a : announced) {
            out.append(
                    "%s>%s:%d%s%s%s "
                            .formatted(
                                    a.from,
                                    a.to,
                                    a.port,
                                    a.confirmed ? " ok" : "",
                                    a.used ? " used" : "",
                                    a.dead ? " dead" : ""));
        }
        out.append(queue.stream().map(c -> c.verb).toList());
        return new String(out.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
}
