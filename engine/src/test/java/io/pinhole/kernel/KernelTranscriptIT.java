package io.pinhole.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Known situations, told packet by packet: what Linux makes of them is written down, and so checked
 * against the kernel this runs on as well as against Pinhole.
 */
class KernelTranscriptIT {
    /** Every control connection has a helper; nothing is dropped but by the helper. */
    private static final String RULES =
            """
            table inet t {
              ct helper ftp { type "ftp" protocol tcp; }
              chain pre {
                type filter hook prerouting priority -150;
                tcp dport 21 ct helper set "ftp"
              }
            }
            """;

    /**
     * @param text a heading of its own line each, {@code === name}, then lines as {@link
     *     Transcripts} reads them
     */
    record Scenario(String name, String text) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Gateway gateway;

    @BeforeAll
    static void open() throws Exception {
        Gateway.assumeAvailable();
        gateway = new Gateway("pinhole-kt-" + ProcessHandle.current().pid());
    }

    @AfterAll
    static void close() throws Exception {
        if (gateway != null) {
            gateway.close();
        }
    }

    @ParameterizedTest
    @MethodSource("tracking")
    void tracksAsTheKernel(Scenario scenario) throws Exception {
        check(scenario.text());
    }

    @ParameterizedTest
    @MethodSource("helper")
    void readsAsTheKernelsHelper(Scenario scenario) throws Exception {
        // Handshake and greeting, and an announcement in the middle of a dialogue.
        check(
                """
                > S 1000                        = new
                < SA 5000 ack 1001              = established
                > A 1001 ack 5001               = established
                < PA 5001 ack 1001 "220 ready\\r\\n" = established
                > PA 1001 ack 5012 "NOOP\\r\\n"   = established
                < PA 5012 ack 1007 "200 ok\\r\\n" = established
                """
                        + scenario.text());
    }

    private static void check(String text) throws Exception {
        List<Transcripts.Line> lines = Transcripts.read(text);
        List<Sent> packets = lines.stream().map(Transcripts.Line::packet).toList();
        gateway.load(RULES);
        Observation kernel = gateway.send(packets, false);
        List<String> seen = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        for (Transcripts.Line line : lines) {
            int id = line.packet().id();
            String said = line.packet().text();
            String start = said.substring(0, said.lastIndexOf('=') + 1) + " ";
            seen.add(
                    start
                            + kernel.state.get(id)
                            + (kernel.forwarded.contains(id) ? "" : " dropped"));
            expected.add(start + line.expected());
        }
        assertThat(seen).as("the kernel").isEqualTo(expected);
        assertThat(Observation.differences(kernel, PinholeSide.send(RULES, packets)))
                .as("Pinhole and the kernel")
                .isEmpty();
    }

    private static List<Scenario> tracking() {
        return scenarios(KernelTranscripts.TRACKING);
    }

    private static List<Scenario> helper() {
        return scenarios(KernelTranscripts.HELPER);
    }

    private static List<Scenario> scenarios(String text) {
        List<Scenario> out = new ArrayList<>();
        for (String part : text.split("=== ")) {
            if (!part.isBlank()) {
                int end = part.indexOf('\n');
                out.add(new Scenario(part.substring(0, end), part.substring(end + 1)));
            }
        }
        return out;
    }
}
