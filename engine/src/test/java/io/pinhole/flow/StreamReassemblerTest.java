package io.pinhole.flow;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.core.Anomaly;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamReassemblerTest {
    /** Writes down what comes, as {@code text@position}, {@code [gap length]@position}. */
    static final class Transcript implements StreamReassembler.Sink {
        final List<String> lines = new ArrayList<>();
        final StringBuilder text = new StringBuilder();

        @Override
        public void data(MemorySegment data, long offset, int length, long position) {
            byte[] bytes = data.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
            assertThat(length).isPositive();
            lines.add(new String(bytes, US_ASCII) + "@" + position);
            text.append(new String(bytes, US_ASCII));
        }

        @Override
        public void gap(Anomaly why, int length, long position) {
            assertThat(length).isPositive();
            lines.add("[" + why.label() + " " + length + "]@" + position);
            text.append("_".repeat(length));
        }

        @Override
        public void anomaly(Anomaly kind, long position) {
            lines.add("!" + kind.label() + "@" + position);
        }
    }

    private static final long PLENTY = 1 << 24;

    /**
     * Plays {@code 0:abc} (bytes at a relative sequence number), {@code 0:abc+4} (four more that
     * were not captured) and {@code ack 3}; each step is a position.
     */
    private static Transcript play(
            StreamReassembler stream, int initial, StreamBuffers buffers, String steps) {
        Transcript transcript = new Transcript();
        stream.start(initial);
        long position = 0;
        for (String step : steps.trim().split("\\s*;\\s*")) {
            position++;
            if (step.startsWith("ack ")) {
                int ack = Integer.parseInt(step.substring(4));
                stream.acknowledged(initial + ack, position, transcript);
                continue;
            }
            int colon = step.indexOf(':');
            int plus = step.indexOf('+');
            byte[] bytes =
                    step.substring(colon + 1, plus < 0 ? step.length() : plus).getBytes(US_ASCII);
            int missing = plus < 0 ? 0 : Integer.parseInt(step.substring(plus + 1));
            int sequence = initial + Integer.parseInt(step.substring(0, colon));
            // The payload lies between other bytes.
            byte[] packet = new byte[bytes.length + 6];
            System.arraycopy(bytes, 0, packet, 3, bytes.length);
            stream.segment(
                    sequence,
                    MemorySegment.ofArray(packet),
                    3,
                    bytes.length,
                    bytes.length + missing,
                    position,
                    transcript);
        }
        return transcript;
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # steps                                | what is read
                    0:USER; 4:alice                        | USER@1 alice@2
                    0:US; 4:al; 2:ER; 6:ice                | US@1 ER@3 al@2 ice@4
                    6:g; 4:ef; 2:cd; 0:ab                  | ab@4 cd@3 ef@2 g@1
                    # retransmissions
                    0:abc; 0:abc; 3:def                    | abc@1 def@3
                    0:abc; 0:abcdef                        | abc@1 def@2
                    0:abc; 1:bcde                          | abc@1 de@2
                    3:def; 3:def; 0:abc                    | abc@3 def@1
                    3:de; 2:cdef; 0:ab                     | ab@3 c@2 de@1 f@2
                    3:de; 0:abcdefg                        | abc@2 de@1 fg@2
                    # keep-alive: a byte before the next one, all acknowledged
                    0:abc; ack 3; 2:.; 3:def               | abc@1 def@4
                    0:abc; ack 3; 2:; 3:def                | abc@1 def@4
                    # the first one seen counts
                    0:abc; 0:abX; 3:def                    | abc@1 !overlap@2 def@3
                    0:abc; 2:Xde                           | abc@1 de@2 !overlap@2
                    3:def; 3:dXf; 0:abc                    | !overlap@2 abc@3 def@1
                    3:def; 0:abcX                          | abc@2 def@1 !overlap@2
                    3:def; 0:abcdefXY; 6:ZZ                | abc@2 def@1 XY@2 !overlap@3
                    3:de; 2:cXefg; 0:ab                    | !overlap@2 ab@3 c@2 de@1 fg@2
                    2:c; 4:e; 2:XdX; 0:ab                  | !overlap@3 ab@4 c@1 d@3 e@2
                    # once acknowledged, what is sent again is not looked at
                    0:abc; ack 3; 0:XYZ; 3:d               | abc@1 d@4
                    0:abc; ack 2; 0:XYZ; 3:d               | abc@1 !overlap@3 d@4
                    0:abc; ack 2; 0:XYc; 3:d               | abc@1 d@4
                    # holes
                    0:ab; 4:ef; ack 6; 6:g                 | ab@1 [stream-gap 2]@3 ef@2 g@4
                    0:ab; 4:ef; ack 3; 3:d                 | ab@1 [stream-gap 1]@3 d@4 ef@2
                    0:ab; 4:ef; 8:ij; ack 10               | ab@1 [stream-gap 2]@4 ef@2 [stream-gap 2]@4 ij@3
                    0:ab; 4:ef; 8:ij; ack 5; 2:cd; 6:gh    | ab@1 [stream-gap 2]@4 ef@2 gh@6 ij@3
                    0:ab; 4:ef; ack 2; 2:cd                | ab@1 cd@4 ef@2
                    # a FIN counts one; nothing else beyond what was seen does
                    0:ab; 4:ef; ack 7                      | ab@1 [stream-gap 2]@3 ef@2
                    0:ab; 4:ef; ack 8; 2:cd                | ab@1 cd@4 ef@2
                    0:ab; ack 9000; 2:cd                   | ab@1 cd@3
                    0:ab; ack -5; 0:aX                     | ab@1 !overlap@3
                    # cut by the snap length
                    0:ab+2; 4:ef                           | ab@1 [snap-length 2]@1 ef@2
                    0:+4; 4:ef                             | [snap-length 4]@1 ef@2
                    2:c+1; 0:ab; 4:e                       | ab@2 c@1 [snap-length 1]@1 e@3
                    2:+2; 2:cd; 0:ab                       | ab@3 [snap-length 2]@1
                    2:c+3; 0:abcd+4                        | ab@2 c@1 [snap-length 3]@1 [snap-length 2]@2
                    0:ab+2; 0:abXY; 4:e                    | ab@1 [snap-length 2]@1 e@3
                    """)
    void reads(String steps, String expected) {
        for (int initial : new int[] {0, 1000, -1, -3, Integer.MAX_VALUE - 2}) {
            StreamBuffers buffers = new StreamBuffers(PLENTY);
            StreamReassembler stream = new StreamReassembler(buffers, 65_536);
            Transcript transcript = play(stream, initial, buffers, steps);
            assertThat(String.join(" ", transcript.lines))
                    .as("initial sequence %d", initial)
                    .isEqualTo(expected);
            stream.close();
            assertThat(buffers.bytesInUse()).isZero();
        }
    }

    @Test
    void saysWhetherTheReceiverWillReadTheSame() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 100);
        Transcript transcript = new Transcript();
        stream.start(0);
        assertThat(segment(stream, 0, "abc", transcript)).isTrue();
        assertThat(segment(stream, 0, "abc", transcript)).isTrue();
        assertThat(segment(stream, 0, "abX", transcript)).isFalse();
        assertThat(segment(stream, 5, "fgh", transcript)).isTrue();
        assertThat(segment(stream, 5, "fXh", transcript)).isFalse();
        assertThat(segment(stream, 200, "far", transcript)).isFalse();
        assertThat(segment(stream, 3, "", transcript)).isTrue();
    }

    /**
     * Beyond the limit a segment is left out; what waits is given up only for what continues it.
     */
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # limit 8
                    1:bcdefgh; 0:a               | a@2 bcdefgh@1
                    1:bcdefghi; 0:a              | !reassembly-full@1 a@2
                    0:abcdefghijkl               | abcdefghijkl@1
                    2:cdef; 6:ghi; 0:ab          | [reassembly-full 2]@2 cdef@1 ghi@2
                    2:cdef; 8:i; 6:gh            | [reassembly-full 2]@2 cdef@1 gh@3 i@2
                    2:cdef; 900:i; 0:ab          | !reassembly-full@2 ab@3 cdef@1
                    2:cd; 6:gh; 9:jklm; 8:i      | [reassembly-full 2]@3 cd@1 [reassembly-full 2]@3 gh@2 i@4 jklm@3
                    """)
    void staysWithinItsLimit(String steps, String expected) {
        StreamBuffers buffers = new StreamBuffers(PLENTY);
        StreamReassembler stream = new StreamReassembler(buffers, 8);
        Transcript transcript = play(stream, 77, buffers, steps);
        assertThat(String.join(" ", transcript.lines)).isEqualTo(expected);
    }

    @Test
    void givesUpTheFirstHoleWhenThereAreTooManyPieces() {
        StreamBuffers buffers = new StreamBuffers(PLENTY);
        StreamReassembler stream = new StreamReassembler(buffers, 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        for (int i = 0; i < StreamReassembler.MAX_PIECES; i++) {
            segment(stream, 1 + 2 * i, "x", transcript);
        }
        assertThat(transcript.lines).isEmpty();
        assertThat(segment(stream, 1 + 2 * StreamReassembler.MAX_PIECES, "y", transcript)).isTrue();
        assertThat(transcript.lines).containsExactly("[reassembly-full 1]@0", "x@0");
        assertThat(stream.expected()).isEqualTo(2);
    }

    /** A segment that fills more holes than there is room for is refused, not half believed. */
    @Test
    void refusesASegmentOverTooManyHoles() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        for (int i = 0; i < 300; i++) {
            segment(stream, 2 + 2 * i, "x", transcript);
        }
        assertThat(segment(stream, 1, "x".repeat(599), transcript)).isFalse();
        assertThat(transcript.lines).containsExactly("!reassembly-full@0");
        assertThat(segment(stream, 0, "x".repeat(700), transcript)).isTrue();
        assertThat(transcript.text).hasToString("x".repeat(700));
    }

    /** Idle directions cost nothing, however many there are. */
    @Test
    void holdsNoMemoryWhenAllIsReadAndAcknowledged() {
        StreamBuffers buffers = new StreamBuffers(PLENTY);
        StreamReassembler stream = new StreamReassembler(buffers, 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        assertThat(buffers.bytesInUse()).isZero();
        segment(stream, 4, "efgh", transcript);
        assertThat(buffers.bytesInUse()).isPositive();
        assertThat(stream.isWaiting()).isTrue();
        segment(stream, 0, "abcd", transcript);
        assertThat(stream.isWaiting()).isFalse();
        stream.acknowledged(8, 0, transcript);
        assertThat(buffers.bytesInUse()).isZero();
    }

    /** Without memory early bytes are refused, and retransmissions go unchecked: both are said. */
    @Test
    void saysSoWhenThereIsNoMemory() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(100), 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        assertThat(segment(stream, 4, "efgh", transcript)).isFalse();
        assertThat(segment(stream, 0, "abcd", transcript)).isTrue();
        assertThat(transcript.lines)
                .containsExactly("!reassembly-full@0", "abcd@0", "!reassembly-full@0");
        assertThat(segment(stream, 0, "abXd", transcript)).isTrue();
    }

    /** Half the memory: the pieces' bytes fit, their index does not. */
    @ParameterizedTest
    @ValueSource(ints = {256, 512, 768, 1024})
    void givesBackWhatItCouldNotUse(int memory) {
        StreamBuffers buffers = new StreamBuffers(memory);
        StreamReassembler stream = new StreamReassembler(buffers, 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        for (int i = 40; i > 0; i--) {
            segment(stream, i * 10, "0123456789", transcript);
        }
        segment(stream, 0, "0123456789", transcript);
        stream.acknowledged(410, 0, transcript);
        stream.close();
        assertThat(buffers.bytesInUse()).isZero();
    }

    /** Bytes are remembered up to a limit: the newest ones. */
    @Test
    void comparesTheNewestUnacknowledgedBytes() {
        StreamBuffers buffers = new StreamBuffers(PLENTY);
        StreamReassembler stream = new StreamReassembler(buffers, 65_536);
        Transcript transcript = new Transcript();
        int initial = -10_000;
        stream.start(initial);
        int total = 0;
        while (total < 100_000) {
            int n = 1 + total % 3001;
            segment(stream, initial + total, "z".repeat(n), transcript);
            total += n;
            assertThat(buffers.bytesInUse()).isLessThanOrEqualTo(StreamReassembler.MAX_HISTORY);
        }
        int kept = StreamReassembler.MAX_HISTORY;
        assertThat(segment(stream, initial + total - kept, "X", transcript)).isFalse();
        assertThat(segment(stream, initial + total - 1, "X", transcript)).isFalse();
        assertThat(segment(stream, initial + total - kept - 1, "X", transcript)).isTrue();
        // One segment larger than all that is remembered.
        segment(stream, initial + total, "y".repeat(40_000), transcript);
        total += 40_000;
        assertThat(segment(stream, initial + total - kept, "X", transcript)).isFalse();
        assertThat(segment(stream, initial + total - kept - 1, "X", transcript)).isTrue();
    }

    @Test
    void startsAnew() {
        StreamBuffers buffers = new StreamBuffers(PLENTY);
        StreamReassembler stream = new StreamReassembler(buffers, 65_536);
        Transcript transcript = new Transcript();
        assertThatThrownBy(() -> segment(stream, 0, "a", transcript))
                .isInstanceOf(IllegalStateException.class);
        stream.start(0);
        segment(stream, 0, "ab", transcript);
        segment(stream, 5, "f", transcript);
        stream.start(500);
        assertThat(buffers.bytesInUse()).isZero();
        segment(stream, 500, "cd", transcript);
        assertThat(transcript.text).hasToString("abcd");
        stream.close();
        assertThat(stream.isStarted()).isFalse();
        stream.acknowledged(600, 0, transcript);
    }

    /** A file may claim any length. */
    @Test
    void refusesALengthThatNoWindowHolds() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 65_536);
        Transcript transcript = new Transcript();
        stream.start(0);
        MemorySegment data = MemorySegment.ofArray(new byte[4]);
        assertThat(stream.segment(0, data, 0, 4, Integer.MAX_VALUE, 1, transcript)).isFalse();
        assertThat(stream.segment(5, data, 0, 4, 1 << 30, 2, transcript)).isFalse();
        assertThat(transcript.lines).containsExactly("!reassembly-full@1", "!reassembly-full@2");
    }

    private static boolean segment(
            StreamReassembler stream, int sequence, String text, Transcript transcript) {
        byte[] bytes = text.getBytes(US_ASCII);
        return stream.segment(
                sequence,
                MemorySegment.ofArray(bytes),
                0,
                bytes.length,
                bytes.length,
                0,
                transcript);
    }

    private static boolean segment(StreamReassembler stream, int sequence, String text) {
        byte[] bytes = text.getBytes(US_ASCII);
        return stream.segment(
                sequence,
                MemorySegment.ofArray(bytes),
                0,
                bytes.length,
                bytes.length,
                1,
                new Transcript());
    }

    /**
     * Bytes before the first are for a receiver that has another idea of where the stream begins.
     */
    @Test
    void nothingPassesBeforeTheFirstByteUnlessTheReceiverHasIt() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 1000);
        stream.start(100);
        assertThat(segment(stream, 97, "abcdef")).isFalse();
        assertThat(segment(stream, 90, "abc")).isFalse();
        stream.acknowledged(95, 1, new Transcript());
        assertThat(segment(stream, 95, "abc")).isFalse();
        stream.acknowledged(100, 1, new Transcript());
        assertThat(segment(stream, 99, ".")).as("keep-alive").isTrue();
        assertThat(segment(stream, 100, "abc")).isTrue();
        assertThat(stream.expected()).isEqualTo(103);
    }

    @Test
    void aStreamTakenUpInItsMiddleHasNoFirstByte() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 1000);
        stream.pickUp(100);
        assertThat(segment(stream, 90, "abc")).isTrue();
    }

    /** What the receiver may still replace stays comparable, however much is sent. */
    @Test
    void moreThanCanBeComparedIsNotTakenBeforeSomeIsAcknowledged() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(PLENTY), 1 << 20);
        stream.start(0);
        stream.acknowledged(0, 1, new Transcript());
        int max = StreamReassembler.MAX_HISTORY;
        String half = "a".repeat(max / 2);
        assertThat(segment(stream, 0, half)).isTrue();
        assertThat(segment(stream, max / 2, half)).isTrue();
        assertThat(segment(stream, max, "b")).isFalse();
        assertThat(segment(stream, 0, "X")).as("other bytes at the beginning").isFalse();
        stream.acknowledged(10, 1, new Transcript());
        assertThat(segment(stream, max, "b")).isTrue();
        assertThat(segment(stream, 9, "X")).as("acknowledged").isTrue();
        assertThat(segment(stream, 10, "X")).isFalse();
    }

    @Test
    void whatCouldNotBeRememberedDoesNotPassTwice() {
        StreamReassembler stream = new StreamReassembler(new StreamBuffers(0), 1000);
        stream.start(0);
        stream.acknowledged(0, 1, new Transcript());
        assertThat(segment(stream, 0, "abc")).isTrue();
        assertThat(segment(stream, 0, "abc")).isFalse();
        assertThat(segment(stream, 3, "def")).isTrue();
        stream.acknowledged(6, 1, new Transcript());
        assertThat(segment(stream, 3, "def")).isTrue();
    }
}
