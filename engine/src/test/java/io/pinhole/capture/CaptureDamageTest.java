package io.pinhole.capture;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every cut and many random changes of small files: a clear answer, whatever they hold. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class CaptureDamageTest {
    private enum Sample {
        PCAP(CaptureBytes.pcap(CaptureBytes.MICROS, 1).append(records(CaptureBytes.little()))),
        PCAP_BIG_ENDIAN_NANOS(
                CaptureBytes.in(BIG_ENDIAN)
                        .pcapHeader(CaptureBytes.NANOS, 2, 4, 0, 113)
                        .append(records(CaptureBytes.in(BIG_ENDIAN)))),
        PCAPNG(
                CaptureBytes.little()
                        .section()
                        .device(1, 0, CaptureBytes.little().option(2, "eth0").option(9, (byte) 9))
                        .block(5, CaptureBytes.little().zeros(8))
                        .enhanced(0, 7, 3, 3, "0a0b0c", CaptureBytes.little().option(2, 2).u32(0))
                        .simple(2, "0d0e")
                        .append(
                                CaptureBytes.in(BIG_ENDIAN)
                                        .section()
                                        .ethernet()
                                        .obsolete(0, 7, 1, 1, "0f", 2)));

        private final byte[] bytes;

        Sample(CaptureBytes bytes) {
            this.bytes = bytes.toArray();
        }

        private static CaptureBytes records(CaptureBytes into) {
            return into.record(5, 7, 3, 60, "0a0b0c")
                    .record(5, 8, 0, 0, "")
                    .record(6, 9, 4, 4, "01020304");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyCutIsAnswered(Sample sample) {
        List<String> whole = Transcript.of(sample.bytes);
        assertThat(whole).hasSize(4);
        for (int length = 0; length < sample.bytes.length; length++) {
            List<String> cut = Transcript.of(Arrays.copyOf(sample.bytes, length));
            List<String> packets = packets(cut);
            assertThat(packets)
                    .as("cut at %d: packets before the cut", length)
                    .isEqualTo(whole.subList(0, packets.size()));
            List<String> rest = cut.subList(packets.size(), cut.size());
            if (rest.size() == 1) {
                assertThat(rest.getFirst())
                        .as("cut at %d", length)
                        .matches("end|UNREADABLE: (is empty|is no capture|file is cut short).*");
            } else {
                assertThat(rest.getFirst())
                        .as("cut at %d", length)
                        .startsWith("DAMAGED: file is cut short: ")
                        .matches(".* (\\d+) are left$");
                assertThat(rest).hasSize(2).endsWith("end");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void anyCutOfThePackedFileIsDamage(Sample sample) {
        byte[] packed = CaptureBytes.gzip(sample.bytes);
        List<String> whole = Transcript.of(sample.bytes);
        for (int length = 2; length < packed.length; length++) {
            byte[] part = Arrays.copyOf(packed, length);
            List<String> cut = Transcript.mapped(part);
            assertThat(Transcript.piped(new ByteArrayInputStream(part))).isEqualTo(cut);
            List<String> packets = packets(cut);
            assertThat(packets).isEqualTo(whole.subList(0, packets.size()));
            assertThat(cut.get(packets.size()))
                    .as("cut at %d", length)
                    .matches("(DAMAGED|UNREADABLE): .*gzip data is cut short\\)?");
        }
    }

    private static List<String> packets(List<String> transcript) {
        return transcript.stream().takeWhile(line -> line.startsWith("0/")).toList();
    }

    @ParameterizedTest
    @EnumSource
    void anyChangeIsAnswered(Sample sample) {
        long seed = 20_260_101;
        Random random = new Random(seed);
        boolean packed = false;
        for (int round = 0; round < 1500; round++, packed = !packed) {
            byte[] bytes = packed ? CaptureBytes.gzip(sample.bytes) : sample.bytes.clone();
            for (int change = random.nextInt(4); change >= 0; change--) {
                bytes = change(bytes, random);
            }
            List<String> mapped = Transcript.mapped(bytes);
            assertThat(Transcript.piped(new ByteArrayInputStream(bytes)))
                    .as("seed %d round %d", seed, round)
                    .isEqualTo(mapped);
            assertThat(mapped.getLast())
                    .as("seed %d round %d", seed, round)
                    .matches("end|UNREADABLE: .+");
        }
    }

    private static final int[] TELLING = {0, 1, 3, 4, 8, 12, 0x7fff_ffff, -1, -4, 0x8000_0000};

    private static byte[] change(byte[] bytes, Random random) {
        int at = random.nextInt(bytes.length);
        switch (random.nextInt(5)) {
            case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bytes[at] = (byte) random.nextInt();
            case 2 -> {
                int value = TELLING[random.nextInt(TELLING.length)];
                for (int i = at & ~3; i < Math.min(bytes.length, (at & ~3) + 4); i++) {
                    bytes[i] = (byte) value;
                    value >>>= 8;
                }
            }
            case 3 -> {
                byte[] longer = Arrays.copyOf(bytes, bytes.length + random.nextInt(40));
                System.arraycopy(
                        bytes, at, longer, longer.length - (bytes.length - at), bytes.length - at);
                return longer;
            }
            default -> {
                return Arrays.copyOf(bytes, Math.max(1, at));
            }
        }
        return bytes;
    }
}
