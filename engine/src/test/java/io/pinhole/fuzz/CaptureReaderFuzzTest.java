package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import java.io.ByteArrayInputStream;
import java.util.List;

/** Any bytes as a capture file, plain or gzip: packets, or a message; never more than there is. */
class CaptureReaderFuzzTest {
    @FuzzTest(maxDuration = "60s")
    void reads(byte[] data) {
        fuzzerTestOneInput(data);
    }

    public static void fuzzerTestOneInput(byte[] data) {
        long packets = 0;
        try (CaptureFiles files = CaptureFiles.open(List.of("-"), new ByteArrayInputStream(data))) {
            CapturedPacket packet = new CapturedPacket();
            int errors = 0;
            while (true) {
                try {
                    if (!files.next(packet)) {
                        break;
                    }
                } catch (CaptureException e) {
                    assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
                    assertThat(++errors).isLessThan(10);
                    continue;
                }
                packets++;
                assertThat(packet.number).isEqualTo(packets);
                assertThat(packet.capturedLength).isBetween(0, 262_144);
                assertThat(packet.wireLength).isGreaterThanOrEqualTo(packet.capturedLength);
                assertThat(packet.data.byteSize() - packet.offset)
                        .isGreaterThanOrEqualTo(packet.capturedLength);
            }
        } catch (CaptureException e) {
            assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
        }
    }
}
