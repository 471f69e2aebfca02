package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The table that is given to nft, where the kernel can queue from it and where it cannot. What
 * iptables is given is tested with packets, by all other tests of the gateway.
 */
class KernelRulesIT {
    private record Ran(int status, String output) {}

    private static Ran nft(String input, String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (OutputStream to = process.getOutputStream()) {
            to.write(input.getBytes(StandardCharsets.UTF_8));
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ran(process.waitFor(), output);
    }

    @BeforeAll
    static void tools() throws Exception {
        boolean there;
        try {
            there = nft("", "unshare", "-n", "nft", "list", "ruleset").status == 0;
        } catch (IOException e) {
            there = false;
        }
        if ("true".equals(System.getenv("CI"))) {
            assertThat(there).as("nft in a namespace of its own").isTrue();
        }
        assumeTrue(there, "needs root, unshare and nft");
    }

    private static String text(int queues, boolean failOpen) {
        PathOptions path =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        1);
        GatewayOptions options =
                new GatewayOptions(
                        path,
                        2100,
                        queues,
                        failOpen,
                        GatewayOptions.Offload.DATA,
                        0x1000_0000,
                        1 << 20,
                        null,
                        null,
                        false);
        return new KernelRules(KernelRules.Tool.NFT, options).text();
    }

    @ParameterizedTest
    @CsvSource({
        "1, false, queue flags bypass to 2100, queue to 2100",
        "4, false, queue flags bypass to 2100-2103, queue to 2100-2103",
        "1, true, queue flags bypass to 2100, queue flags bypass to 2100",
        "4, true, queue flags bypass to 2100-2103, queue flags bypass to 2100-2103"
    })
    void nftUnderstandsTheTable(int queues, boolean failOpen, String ends, String rest)
            throws Exception {
        String text = text(queues, failOpen);
        List<String> lines = text.lines().map(String::strip).toList();
        assertThat(lines).filteredOn(l -> l.contains("queue ")).hasSize(2);
        assertThat(lines).filteredOn(l -> l.endsWith(" " + ends)).hasSize(1);
        assertThat(lines).contains(rest);

        Ran checked = nft(text, "unshare", "-n", "nft", "-c", "-f", "-");
        if (checked.status != 0) {
            // A kernel without nft_queue: it says so of the queue statements, and of nothing else.
            assertThat(checked.output.lines().filter(l -> l.contains("Error")))
                    .as(checked.output)
                    .isNotEmpty()
                    .allSatisfy(
                            line -> {
                                assertThat(line).contains("Could not process rule");
                                int number = Integer.parseInt(line.split(":")[1]);
                                assertThat(text.lines().toList().get(number - 1)).contains("queue");
                            });
        }

        // With another verdict in the place of the queue every kernel takes it, twice in a row.
        String other = text.replaceAll("queue( flags bypass)? to [0-9-]+", "counter drop");
        Ran loaded =
                nft(
                        other + other,
                        "unshare",
                        "-n",
                        "sh",
                        "-c",
                        "nft -f - && nft list table inet pinhole");
        assertThat(loaded.status).as(loaded.output).isZero();
        assertThat(loaded.output.lines().filter(l -> l.contains("counter"))).hasSize(2);
        assertThat(loaded.output)
                .contains("ct state invalid")
                .contains("hook forward priority mangle")
                .contains("hook postrouting priority mangle");
    }
}
