package io.pinhole.ftp;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Settings.HelperPolicy;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A server that answers every command, a client that pipelines at will: whoever plays both knows
 * which reply answers which command, and so what must open. The dialogue sees bytes only.
 */
class PairingModelTest {
    /** A command, its replies, and what the last of them must cause. */
    private record Exchange(String command, List<String> replies, List<String> outcome) {}

    private static Exchange exchange(Random random, int port) {
        String numbers = (port >> 8) + "," + (port & 255);
        String activeEnd = "198.51.100.10:" + port;
        String passiveEnd = "203.0.113.20:" + port;
        boolean yes = random.nextInt(4) > 0;
        return switch (random.nextInt(9)) {
            case 0 ->
                    new Exchange(
                            "PORT 198,51,100,10," + numbers,
                            List.of(yes ? "200 PORT ok" : "500 no"),
                            List.of(
                                    yes
                                            ? "open active " + activeEnd
                                            : "refused active command-refused"));
            case 1 ->
                    new Exchange(
                            "EPRT |1|198.51.100.10|" + port + "|",
                            List.of(yes ? "200-EPRT\r\n500 not this\r\n200 ok" : "522 no"),
                            List.of(
                                    yes
                                            ? "open eprt " + activeEnd
                                            : "refused eprt command-refused"));
            case 2 ->
                    new Exchange(
                            "PASV",
                            List.of(yes ? "227 (203,0,113,20," + numbers + ")" : "425 no"),
                            yes ? List.of("open passive " + passiveEnd) : List.of());
            case 3 ->
                    new Exchange(
                            "EPSV",
                            List.of(yes ? "229 (|||" + port + "|)" : "500 no"),
                            yes ? List.of("open epsv " + passiveEnd) : List.of());
            case 4 ->
                    yes
                            ? new Exchange(
                                    "RETR f", List.of("150 ok", "226 ok"), List.of("ended 226"))
                            : new Exchange("RETR f", List.of("550 no"), List.of("ended 550"));
            case 5 ->
                    new Exchange(
                            "FEAT",
                            List.of("211-Features\r\n PASV\r\n200 no\r\n211 End"),
                            List.of());
            case 6 -> new Exchange("SITE x", List.of(yes ? "200 ok" : "502 no"), List.of());
            case 7 -> new Exchange("XYZ", List.of("500 what?"), List.of());
            default -> new Exchange("NOOP", List.of("200 ok"), List.of());
        };
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void everyReplyFindsItsCommand(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int depth = 1 + random.nextInt(20);
            List<String> expected = new ArrayList<>();
            Recorder recorder = new Recorder();
            ControlDialogue dialogue =
                    new ControlDialogue(
                            Transcript.CLIENT,
                            Transcript.SERVER,
                            HelperPolicy.DEFAULTS,
                            Transcript.limits(4096, 32),
                            recorder);
            Transcript.Cut cut = Transcript.random(seed * 1000 + round);
            Deque<Exchange> outstanding = new ArrayDeque<>();
            feed(dialogue, Side.SERVER, "220 ready", cut);
            for (int i = 0; i < 60; i++) {
                Exchange next = exchange(random, 1024 + random.nextInt(64_512));
                feed(dialogue, Side.CLIENT, next.command, cut);
                outstanding.add(next);
                while (!outstanding.isEmpty()
                        && (outstanding.size() >= depth || random.nextBoolean())) {
                    Exchange first = outstanding.remove();
                    for (String reply : first.replies) {
                        feed(dialogue, Side.SERVER, reply, cut);
                    }
                    expected.addAll(first.outcome);
                }
            }
            List<String> told = new ArrayList<>();
            for (String event : recorder.events) {
                if (event.startsWith("ended")) {
                    told.add(event.substring(0, 9));
                } else if (!event.startsWith("transfer") && !event.startsWith("announced")) {
                    told.add(event);
                }
            }
            assertThat(told).as("seed %d, round %d", seed, round).isEqualTo(expected);
        }
    }

    private static void feed(ControlDialogue dialogue, Side side, String line, Transcript.Cut cut) {
        byte[] b = (line + "\r\n").getBytes(StandardCharsets.US_ASCII);
        MemorySegment segment = MemorySegment.ofArray(b);
        int at = 0;
        while (at < b.length) {
            int n = cut.next(b.length - at);
            dialogue.feed(side, segment, at, n, 1);
            at += n;
        }
    }
}
