package io.pinhole.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The real captures in {@code pcap-samples/}: each is read as its {@code ground-truth.json} says.
 */
@EnabledIf("present")
class SampleCapturesTest {
    private static final Path SAMPLES = Path.of("..", "pcap-samples");
    private static final Path EXPECTED = SAMPLES.resolve("ground-truth.json");

    static boolean present() {
        return Files.exists(EXPECTED);
    }

    static Stream<Arguments> samples() {
        JsonNode expected = JsonMapper.shared().readTree(EXPECTED.toFile());
        assertThat(expected).isNotEmpty();
        return StreamSupport.stream(expected.spliterator(), false)
                .map(
                        sample ->
                                Arguments.of(
                                        sample.get("file").stringValue(),
                                        sample.get("packets").longValue(),
                                        sample.get("time_precision").stringValue()));
    }

    @ParameterizedTest(name = "{0}: {1} packets")
    @MethodSource("samples")
    void isReadWhole(String name, long packets, String precision) throws Exception {
        Path path = SAMPLES.resolve(name);
        try (CaptureFiles files =
                CaptureFiles.open(List.of(path.toString()), InputStream.nullInputStream())) {
            CapturedPacket packet = new CapturedPacket();
            while (files.next(packet)) {
                assertThat(packet.timeDigits).isEqualTo(precision.equals("ns") ? 9 : 6);
            }
            assertThat(files.totals(0).packets()).isEqualTo(packets);
            assertThat(files.totals(0).truncated()).isFalse();
        }
        byte[] bytes = Files.readAllBytes(path);
        List<String> mapped = Transcript.mapped(bytes);
        assertThat(Transcript.piped(new ByteArrayInputStream(bytes))).isEqualTo(mapped);
        assertThat(Transcript.mapped(CaptureBytes.gzip(bytes))).isEqualTo(mapped);
    }
}
