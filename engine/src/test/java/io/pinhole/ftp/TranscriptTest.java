package io.pinhole.ftp;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every dialogue under {@code resources/io/pinhole/ftp}, cut in every way, with one outcome. */
class TranscriptTest {
    private static final List<String> FILES =
            List.of(
                    "legitimate.txt",
                    "odd-forms.txt",
                    "attacks.txt",
                    "pairing.txt",
                    "policies.txt",
                    "tls.txt",
                    "gaps.txt");

    static List<Transcript> transcripts() throws IOException {
        List<Transcript> all = new ArrayList<>();
        for (String file : FILES) {
            all.addAll(Transcript.read(file));
        }
        return all;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transcripts")
    void whole(Transcript transcript) {
        assertThat(transcript.play(Transcript.WHOLE)).isEqualTo(transcript.expected());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transcripts")
    void byteByByte(Transcript transcript) {
        assertThat(transcript.play(Transcript.BYTES)).isEqualTo(transcript.expected());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transcripts")
    void cutInsideEachLine(Transcript transcript) {
        assertThat(transcript.play(Transcript.INSIDE)).isEqualTo(transcript.expected());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transcripts")
    void cutAtRandom(Transcript transcript) {
        for (long seed = 1; seed <= 20; seed++) {
            assertThat(transcript.play(Transcript.random(seed)))
                    .as("seed %d", seed)
                    .isEqualTo(transcript.expected());
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("transcripts")
    void linesOfOneSideInOnePiece(Transcript transcript) {
        assertThat(transcript.playJoined()).isEqualTo(transcript.expectedEvents());
    }
}
