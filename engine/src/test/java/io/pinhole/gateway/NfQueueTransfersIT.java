package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real servers and clients through a routing host under policy drop. */
class NfQueueTransfersIT {
    private static Lab lab;
    private static GatewayProcess gateway;
    private static String rulesBefore;

    @BeforeAll
    static void up() throws Exception {
        lab = Lab.up("pitq", "routed");
        rulesBefore = lab.in("gw", "nft list ruleset").output();
        gateway = GatewayProcess.start(lab);
    }

    @AfterAll
    static void down() throws Exception {
        try (Lab of = lab;
                GatewayProcess running = gateway) {
            if (running != null && running.isAlive()) {
                leavesNoTrace(of, running);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vsftpd", "proftpd", "pure-ftpd", "pyftpdlib"})
    void everyTransferArrives(String server) {
        lab.server(server);
        assertThat(Transfers.run(lab, server)).isGreaterThan(3);
    }

    @Test
    void nothingElsePasses() {
        lab.server("vsftpd");
        assertThat(lab.in("client", "curl -s -m 2 http://203.0.113.20:80/").status())
                .as("dropped, not refused")
                .isEqualTo(28);
    }

    @Test
    void theKernelCarriesDataConnections() {
        lab.server("vsftpd");
        lab.transfer("-c curl -m epsv -4 -f big.bin").ok();
        // Of the thousands of packets of 4 MiB all but a few never left the kernel.
        String counters = lab.in("gw", "iptables-save -c -t mangle").output();
        long carried = packets(counters, "-j RETURN");
        long queued = packets(counters, "-A PINHOLE-FORWARD -j NFQUEUE");
        assertThat(carried).isGreaterThan(2000);
        assertThat(queued).isPositive();
        gateway.await(
                line -> line.contains(" data ") && line.contains("bytes=4194304 complete"),
                "a transfer of 4 MiB, counted to the byte");
    }

    private static long packets(String counters, String rule) {
        return counters.lines()
                .filter(l -> l.contains(rule))
                .mapToLong(l -> Long.parseLong(l.substring(1, l.indexOf(':'))))
                .sum();
    }

    private static void leavesNoTrace(Lab of, GatewayProcess running) throws Exception {
        running.stop();
        assertThat(of.in("gw", "nft list ruleset").output()).isEqualTo(rulesBefore);
        assertThat(of.in("gw", "conntrack -L 2>/dev/null").output())
                .doesNotContain("mark=268435456");
    }
}
