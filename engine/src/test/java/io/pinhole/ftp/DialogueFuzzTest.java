package io.pinhole.ftp;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings.HelperPolicy;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What must hold for any bytes, in any order, cut in any way. */
class DialogueFuzzTest {
    /** One call: bytes of one side, or a gap where there are none. */
    private record Piece(Side side, byte[] bytes) {}

    /** A recorder that knows what may never be told. */
    private static final class Strict implements DialogueListener {
        final Recorder recorder = new Recorder();
        final Map<Announcement, String> life = new IdentityHashMap<>();
        final Map<Anomaly, Integer> told = new HashMap<>();
        final IpAddress client;
        final IpAddress server;

        Strict(IpAddress client, IpAddress server) {
            this.client = client;
            this.server = server;
        }

        @Override
        public void announced(Announcement a) {
            assertThat(life.put(a, "announced")).isNull();
            recorder.announced(a);
        }

        /** The property that everything else serves. */
        @Override
        public void open(Announcement a) {
            assertThat(life.put(a, "open")).isEqualTo("announced");
            assertThat(a.target()).isEqualTo(a.mode().serverConnects() ? client : server);
            assertThat(a.port()).isBetween(1024, 65_535);
            assertThat(a.confirmedPosition()).isGreaterThanOrEqualTo(a.askedPosition());
            assertThat(a.firstPosition()).isBetween(0L, a.position());
            recorder.open(a);
        }

        @Override
        public void refused(Announcement a, Anomaly why, String detail) {
            String before = life.put(a, "refused");
            assertThat(before == null || before.equals("announced")).isTrue();
            checkText(detail);
            recorder.refused(a, why, detail);
        }

        @Override
        public void transfer(Announcement a, String command, String file, long position) {
            assertThat(TransferKind.of(command)).isNotNull();
            if (file != null) {
                checkText(file);
            }
            recorder.transfer(a, command, file, position);
        }

        @Override
        public void transferEnded(Announcement a, int code, long position) {
            assertThat(code).isBetween(200, 699);
            recorder.transferEnded(a, code, position);
        }

        @Override
        public void anomaly(Anomaly kind, long position, String detail) {
            checkText(detail);
            assertThat(told.merge(kind, 1, Integer::sum))
                    .isLessThanOrEqualTo(ControlDialogue.ALERTS_PER_KIND);
            recorder.anomaly(kind, position, detail);
        }

        @Override
        public void closing(long position) {
            recorder.closing(position);
        }

        @Override
        public void encrypted(long position) {
            recorder.encrypted(position);
        }

        @Override
        public void cleartext(long position) {
            recorder.cleartext(position);
        }

        static void checkText(String text) {
            assertThat(text).hasSizeLessThanOrEqualTo(300);
            assertThat(text.chars()).noneMatch(c -> c < 0x20 || c >= 0x7f && c < 0xa0);
        }
    }

    private static List<String> play(List<Piece> pieces, Transcript.Cut cut, int lineBytes) {
        Strict listener = new Strict(Transcript.CLIENT, Transcript.SERVER);
        ControlDialogue dialogue =
                new ControlDialogue(
                        Transcript.CLIENT,
                        Transcript.SERVER,
                        HelperPolicy.DEFAULTS,
                        Transcript.limits(lineBytes, 8),
                        listener);
        long position = 0;
        for (Piece piece : pieces) {
            position++;
            if (piece.bytes.length == 0) {
                dialogue.gap(piece.side, Anomaly.STREAM_GAP, position);
            }
            MemorySegment segment = MemorySegment.ofArray(piece.bytes);
            int at = 0;
            while (at < piece.bytes.length) {
                int n = cut.next(piece.bytes.length - at);
                dialogue.feed(piece.side, segment, at, n, position);
                at += n;
            }
        }
        for (String text : new String[] {dialogue.user(), dialogue.greeting()}) {
            if (text != null) {
                Strict.checkText(text);
            }
        }
        return listener.recorder.events;
    }

    private static byte[] bytes(String text) {
        return Transcript.unescape(text);
    }

    /** All transcripts' lines, as pieces to be mutated. */
    private static List<List<Piece>> corpus() throws IOException {
        List<List<Piece>> all = new ArrayList<>();
        for (Transcript transcript : TranscriptTest.transcripts()) {
            List<Piece> pieces = new ArrayList<>();
            for (String line : transcript.lines()) {
                Side side = line.startsWith("C") ? Side.CLIENT : Side.SERVER;
                if (line.matches("[CS]: .*")) {
                    pieces.add(new Piece(side, bytes(line.substring(3) + "\\r\\n")));
                } else if (line.matches("[CS]~ .*")) {
                    pieces.add(new Piece(side, bytes(line.substring(3))));
                } else if (line.startsWith("gap: ")) {
                    pieces.add(new Piece(Side.CLIENT, new byte[0]));
                }
            }
            all.add(pieces);
        }
        return all;
    }

    private static final String[] SPLICES = {
        "227 (203,0,113,20,195,80)",
        "229 (|||50000|)",
        "PORT 198,51,100,10,200,10",
        "\\r\\n",
        "\\n",
        "\\r",
        "\\0",
        "\\xff",
        "\\xff\\xfa",
        "\\xff\\xf0",
        "\\xff\\xff",
        "200 ok\\r\\n",
        "150 ok\\r\\n",
        "PASV\\r\\n",
        "EPSV\\r\\n",
        "AUTH TLS\\r\\n",
        "234 go\\r\\n",
        "226 done\\r\\n",
        "ABOR\\r\\n",
        "\\x16\\x03\\x01\\x00\\x00",
        "\\x15\\x03\\x03\\x00\\x00",
        "\\{300 x}",
        "65536",
        "256",
        "-",
        " "
    };

    private static List<Piece> mutate(List<List<Piece>> corpus, Random random) {
        List<Piece> pieces = new ArrayList<>(corpus.get(random.nextInt(corpus.size())));
        pieces.addAll(corpus.get(random.nextInt(corpus.size())));
        int changes = random.nextInt(8);
        for (int i = 0; i < changes; i++) {
            int at = random.nextInt(pieces.size());
            Piece piece = pieces.get(at);
            byte[] b = piece.bytes.clone();
            switch (random.nextInt(7)) {
                case 0 -> pieces.remove(at);
                case 1 -> pieces.add(at, pieces.get(random.nextInt(pieces.size())));
                case 2 -> pieces.set(at, new Piece(piece.side.other(), b));
                case 3 -> pieces.add(at, new Piece(piece.side, new byte[0]));
                case 4 -> {
                    if (b.length > 0) {
                        b[random.nextInt(b.length)] = (byte) random.nextInt(256);
                        pieces.set(at, new Piece(piece.side, b));
                    }
                }
                default -> {
                    byte[] splice = bytes(SPLICES[random.nextInt(SPLICES.length)]);
                    int where = random.nextInt(b.length + 1);
                    byte[] joined = new byte[b.length + splice.length];
                    System.arraycopy(b, 0, joined, 0, where);
                    System.arraycopy(splice, 0, joined, where, splice.length);
                    System.arraycopy(b, where, joined, where + splice.length, b.length - where);
                    pieces.set(at, new Piece(piece.side, joined));
                }
            }
            if (pieces.isEmpty()) {
                return pieces;
            }
        }
        return pieces;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void mutatedDialoguesHaveOneOutcomeHoweverTheyAreCut(long seed) throws IOException {
        Random random = new Random(seed);
        List<List<Piece>> corpus = corpus();
        int opened = 0;
        for (int i = 0; i < 5_000; i++) {
            List<Piece> pieces = mutate(corpus, random);
            int lineBytes = random.nextBoolean() ? 64 : 4096;
            List<String> whole = play(pieces, Transcript.WHOLE, lineBytes);
            String name = "seed " + seed + ", round " + i;
            assertThat(play(pieces, Transcript.BYTES, lineBytes)).as(name).isEqualTo(whole);
            assertThat(play(pieces, Transcript.random(i), lineBytes)).as(name).isEqualTo(whole);
            opened += (int) whole.stream().filter(e -> e.startsWith("open")).count();
        }
        // A generator that opens nothing would prove nothing.
        assertThat(opened).isGreaterThan(1_000);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void randomBytesDoNoHarm(long seed) {
        Random random = new Random(seed);
        byte[] few = bytes("\\r\\n\\0\\xff\\xfa\\xf0 27-90()|,PORTASV\\x16\\x15\\x03");
        for (int i = 0; i < 5_000; i++) {
            List<Piece> pieces = new ArrayList<>();
            pieces.add(new Piece(Side.SERVER, bytes("220 ready\\r\\n")));
            pieces.add(new Piece(Side.CLIENT, bytes("EPSV\\r\\n")));
            for (int n = random.nextInt(6); n > 0; n--) {
                byte[] b = new byte[1 + random.nextInt(300)];
                random.nextBytes(b);
                if (random.nextInt(4) > 0) {
                    for (int k = 0; k < b.length; k++) {
                        b[k] = few[(b[k] & 0xff) % few.length];
                    }
                }
                pieces.add(new Piece(random.nextBoolean() ? Side.CLIENT : Side.SERVER, b));
            }
            List<String> whole = play(pieces, Transcript.WHOLE, 64);
            assertThat(play(pieces, Transcript.BYTES, 64))
                    .as("seed %d, round %d", seed, i)
                    .isEqualTo(whole);
        }
    }

    /** Attack 31: 10^5 PORT commands, 10^5 replies to one command, 10^5 bad lines. */
    @Test
    void floodsAreCountedNotAmplified() {
        Recorder recorder = new Recorder();
        ControlDialogue dialogue =
                new ControlDialogue(
                        Transcript.CLIENT,
                        Transcript.SERVER,
                        HelperPolicy.DEFAULTS,
                        Transcript.limits(4096, 64),
                        recorder);
        feed(dialogue, Side.SERVER, "220 ready\r\n");
        for (int i = 0; i < 100_000; i++) {
            feed(dialogue, Side.CLIENT, "PORT 198,51,100,66,200,10\n");
        }
        for (int i = 0; i < 100_000; i++) {
            feed(dialogue, Side.SERVER, "227 (203,0,113,20,195,80)\r\n");
        }
        assertThat(recorder.opened).isEmpty();
        Map<String, Integer> alerts = new HashMap<>();
        for (String event : recorder.events) {
            if (event.startsWith("anomaly")) {
                alerts.merge(event, 1, Integer::sum);
            }
        }
        assertThat(alerts)
                .containsEntry("anomaly bounce", 16)
                .containsEntry("anomaly bare-lf", 16)
                .containsEntry("anomaly unsolicited-reply", 16)
                .containsEntry("anomaly pipeline-full", 1);
        assertThat(dialogue.count(Anomaly.UNSOLICITED_REPLY)).isEqualTo(100_000);
        assertThat(dialogue.count(Anomaly.BARE_LF)).isEqualTo(100_000);
        assertThat(dialogue.commands()).isEqualTo(100_000);
    }

    private static void feed(ControlDialogue dialogue, Side side, String text) {
        byte[] b = text.getBytes(StandardCharsets.ISO_8859_1);
        dialogue.feed(side, MemorySegment.ofArray(b), 0, b.length, 1);
    }
}
