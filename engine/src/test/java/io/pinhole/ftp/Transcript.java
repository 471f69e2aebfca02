package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;

/**
 * A dialogue as text, and what the helper is to tell of it:
 *
 * <pre>
 * === PORT opens on the 2xx to that very command
 * set: strict                           (settings, see {@link #policy})
 * # a comment
 * C: PORT 198,51,100,10,200,10          (a line of the client; CRLF is added)
 *    announced active 198.51.100.10:51210
 * S: 200 ok
 *    open active 198.51.100.10:51210    (events, in order, none left out)
 * C~ NOOP\n                             (bytes as they stand; \r \n \t \s \0 \xff, \{99 x})
 * gap: server snap-length
 * ends: user=alice                      (what the getters say at the end)
 * </pre>
 */
record Transcript(String title, List<String> lines) {
    static final IpAddress CLIENT = address("198.51.100.10");
    static final IpAddress SERVER = address("203.0.113.20");
    static final IpAddress CLIENT6 = address("2001:db8:1::10");
    static final IpAddress SERVER6 = address("2001:db8:2::20");

    /** How the bytes of a line are cut into calls. */
    interface Cut {
        /** How many of the {@code left} bytes to hand over next, 1..left. */
        int next(int left);
    }

    static final Cut WHOLE = left -> left;
    static final Cut BYTES = left -> 1;
    static final Cut INSIDE = left -> Math.max(1, left / 2);

    static Cut random(long seed) {
        Random random = new Random(seed);
        return left -> 1 + random.nextInt(left);
    }

    static IpAddress address(String text) {
        return Objects.requireNonNull(IpAddress.parse(text), text);
    }

    @Override
    public String toString() {
        return title;
    }

    static List<Transcript> read(String resource) throws IOException {
        try (InputStream in = Transcript.class.getResourceAsStream(resource)) {
            Objects.requireNonNull(in, resource);
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    static List<Transcript> parse(String text) {
        List<Transcript> all = new ArrayList<>();
        for (String line : text.split("\n")) {
            if (line.startsWith("=== ")) {
                all.add(new Transcript(line.substring(4), new ArrayList<>()));
            } else if (!line.isBlank() && !line.startsWith("#")) {
                all.getLast().lines().add(line.equals("C:") ? "C: " : line.stripTrailing());
            }
        }
        return all;
    }

    /** Plays the transcript and returns it with the events that came instead of those expected. */
    String play(Cut cut) {
        return String.join("\n", new Play(cut).run());
    }

    /** Plays it with all consecutive lines of one side as one piece; returns the events only. */
    List<String> playJoined() {
        return new Play(WHOLE).joined();
    }

    /** Every text that a listener could log while it plays. */
    List<String> texts() {
        Play play = new Play(WHOLE);
        play.run();
        List<String> texts = new ArrayList<>(play.recorder.texts);
        texts.add(String.valueOf(play.dialogue.user()));
        texts.add(String.valueOf(play.dialogue.greeting()));
        return texts;
    }

    String expected() {
        return String.join("\n", lines);
    }

    List<String> expectedEvents() {
        return lines.stream().filter(l -> l.startsWith("   ")).map(String::strip).toList();
    }

    private boolean says(String word) {
        return lines.stream().anyMatch(l -> l.equals("set: " + word));
    }

    HelperPolicy policy() {
        HelperPolicy p = HelperPolicy.DEFAULTS;
        return new HelperPolicy(
                says("third-party allow") ? Settings.ThirdParty.ALLOW : p.thirdParty(),
                says("peer 198.51.100.66") ? List.of(address("198.51.100.66")) : List.of(),
                says("privileged-ports allow")
                        ? Settings.PrivilegedPorts.ALLOW
                        : p.privilegedPorts(),
                says("passive-address refuse")
                        ? Settings.PassiveAddress.REFUSE
                        : says("passive-address allow")
                                ? Settings.PassiveAddress.ALLOW
                                : p.passiveAddress(),
                says("auth refuse") ? Settings.Auth.REFUSE : p.auth(),
                says("require-login"),
                says("denied 3306") ? List.of(new Settings.PortRange(3306, 3306)) : List.of(),
                p.activeSourcePort(),
                says("strict"),
                p.lifetimeSeconds());
    }

    static Settings.Limits limits(int lineBytes, int pipeline) {
        Settings.Limits l = Settings.Limits.DEFAULTS;
        return new Settings.Limits(
                l.flows(),
                l.controls(),
                l.expectations(),
                l.expectationsPerParent(),
                l.expectationsPerClient(),
                l.reassemblyBytes(),
                lineBytes,
                pipeline,
                l.fragmentBytes(),
                l.fragmentDatagrams());
    }

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
                case '0' -> out.write(0);
                case '\\' -> out.write('\\');
                case 's' -> out.write(' ');
                case 'x' -> {
                    out.write(Integer.parseInt(text.substring(i + 1, i + 3), 16));
                    i += 2;
                }
                case '{' -> {
                    // \{300 x} is x 300 times, and \{300 _} as many blanks
                    int end = text.indexOf('}', i);
                    byte[] many = new byte[Integer.parseInt(text.substring(i + 1, end - 2))];
                    char filler = text.charAt(end - 1);
                    Arrays.fill(many, (byte) (filler == '_' ? ' ' : filler));
                    out.writeBytes(many);
                    i = end;
                }
                default -> throw new IllegalArgumentException("\\" + e + " in " + text);
            }
        }
        return out.toByteArray();
    }

    /** One run. */
    private final class Play {
        private final Cut cut;
        private final Recorder recorder = new Recorder();
        private final ControlDialogue dialogue;

        Play(Cut cut) {
            this.cut = cut;
            boolean v6 = says("ipv6");
            dialogue =
                    new ControlDialogue(
                            v6 ? CLIENT6 : CLIENT,
                            v6 ? SERVER6 : SERVER,
                            policy(),
                            limits(says("short lines") ? 64 : 4096, says("pipeline 4") ? 4 : 64),
                            recorder);
            if (says("midstream")) {
                dialogue.midstream();
            }
        }

        List<String> run() {
            List<String> out = new ArrayList<>();
            long position = 0;
            for (String line : lines) {
                if (line.startsWith("   ")) {
                    continue;
                }
                int before = recorder.events.size();
                position++;
                if (line.startsWith("C: ") || line.startsWith("S: ")) {
                    feed(side(line), unescape(line.substring(3) + "\\r\\n"), position);
                } else if (line.startsWith("C~ ") || line.startsWith("S~ ")) {
                    feed(side(line), unescape(line.substring(3)), position);
                } else if (line.startsWith("gap: ")) {
                    gap(line, position);
                } else if (line.startsWith("ends: ")) {
                    out.add("ends: " + getters(line.substring(6)));
                    continue;
                } else if (!line.startsWith("set: ")) {
                    throw new IllegalArgumentException(line);
                }
                out.add(line);
                for (String event : recorder.events.subList(before, recorder.events.size())) {
                    out.add("   " + event);
                }
            }
            return out;
        }

        List<String> joined() {
            ByteArrayOutputStream held = new ByteArrayOutputStream();
            char heldSide = ' ';
            for (String line : lines) {
                if (line.startsWith("   ") || line.startsWith("ends:") || line.startsWith("set:")) {
                    continue;
                }
                if (line.charAt(0) != heldSide && held.size() > 0) {
                    feed(heldSide == 'C' ? Side.CLIENT : Side.SERVER, held.toByteArray(), 1);
                    held.reset();
                }
                heldSide = line.charAt(0);
                if (line.startsWith("gap: ")) {
                    gap(line, 1);
                } else {
                    String end = line.charAt(1) == ':' ? "\\r\\n" : "";
                    held.writeBytes(unescape(line.substring(3) + end));
                }
            }
            if (held.size() > 0) {
                feed(heldSide == 'C' ? Side.CLIENT : Side.SERVER, held.toByteArray(), 1);
            }
            return recorder.events;
        }

        private void gap(String line, long position) {
            String[] words = line.split(" ");
            dialogue.gap(
                    Side.valueOf(words[1].toUpperCase(Locale.ROOT)),
                    Anomaly.valueOf(words[2].toUpperCase(Locale.ROOT).replace('-', '_')),
                    position);
        }

        private Side side(String line) {
            return line.charAt(0) == 'C' ? Side.CLIENT : Side.SERVER;
        }

        private void feed(Side side, byte[] bytes, long position) {
            // One byte before and behind, so that an offset that is not heeded shows.
            byte[] framed = new byte[bytes.length + 2];
            System.arraycopy(bytes, 0, framed, 1, bytes.length);
            MemorySegment segment = MemorySegment.ofArray(framed);
            int at = 0;
            while (at < bytes.length) {
                int n = cut.next(bytes.length - at);
                dialogue.feed(side, segment, 1L + at, n, position);
                at += n;
            }
        }

        private String getters(String asked) {
            List<String> out = new ArrayList<>();
            for (String pair : asked.split(", ")) {
                String name = pair.substring(0, pair.indexOf('='));
                Object value =
                        switch (name) {
                            case "user" -> dialogue.user();
                            case "server" -> dialogue.serverSoftware();
                            case "greeting" -> dialogue.greeting();
                            case "commands" -> dialogue.commands();
                            case "in" -> dialogue.loggedIn();
                            case "encrypted" -> dialogue.encryptedSince();
                            case "opaque" -> dialogue.isOpaque();
                            case "ftp" -> dialogue.isFtp();
                            case "violated" -> dialogue.violated();
                            default -> throw new IllegalArgumentException(name);
                        };
                out.add(name + "=" + value);
            }
            return String.join(", ", out);
        }
    }
}
