package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Crashes, reloads, overflow, lack of privilege: what an operator meets sooner or later. */
class GatewayFaultsIT {
    private static final String URL = "ftp://203.0.113.20/pub/";

    @TempDir private Path folder;
    private Lab lab;

    @BeforeEach
    void up() throws Exception {
        lab = Lab.up("pitf", "routed");
        lab.server("vsftpd");
    }

    @AfterEach
    void down() throws Exception {
        lab.close();
    }

    private void sparse(String name, String size) {
        Path file = lab.folder().resolve("srv/pub").resolve(name);
        lab.in("server", "truncate -s " + size + " " + file + " && chmod 644 " + file).ok();
    }

    @Test
    void aCrashDuringATransferBreaksNothingThatWasEstablished() throws Exception {
        sparse("huge.bin", "1G");
        Path output = folder.resolve("curl.log");
        Process transfer;
        try (GatewayProcess first = GatewayProcess.start(lab)) {
            transfer =
                    lab.start(
                            "client",
                            "curl -sS --limit-rate 100M -o /dev/null -w '%{size_download}' "
                                    + URL
                                    + "huge.bin",
                            output);
            first.await(" pinhole ");
            GatewayProcess.sleep(1500);
            assertThat(transfer.isAlive()).as("still running").isTrue();
            first.kill();
            assertThat(lab.transfer("-c curl -t 3").status())
                    .as("fail closed: nothing new passes")
                    .isEqualTo(1);
            long before = received();
            GatewayProcess.sleep(1000);
            assertThat(received())
                    .as("the kernel carries it on")
                    .isGreaterThan(before + (10 << 20));
        }
        // Until the restart the control connection waits; then the server's 226 comes through.
        try (GatewayProcess second = GatewayProcess.start(lab)) {
            assertThat(second.await("taken over")).doesNotContain(" 0 connections");
            assertThat(transfer.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(transfer.exitValue()).as(Files.readString(output)).isZero();
            assertThat(Files.readString(output)).isEqualTo(Long.toString(1L << 30));
            lab.transfer("-m active").ok();
            second.stop();
        }
    }

    /** Bytes that the client's interface received. */
    private long received() {
        return Long.parseLong(
                lab.in("client", "cat /sys/class/net/eth0/statistics/rx_bytes")
                        .ok()
                        .output()
                        .strip());
    }

    @Test
    void aReloadBreaksNoneOfFiftyTransfersAndRecallsWhatIsForbidden() throws Exception {
        sparse("slow.bin", "20M");
        Path rules = folder.resolve("rules.nft");
        String set =
                Files.readString(
                        Path.of(System.getProperty("pinhole.root"), "rules/ftp-gateway.nft"));
        Files.writeString(rules, set);
        try (GatewayProcess gateway = GatewayProcess.start(lab, "-r", rules.toString())) {
            List<Process> transfers = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                transfers.add(
                        lab.start(
                                "client",
                                "curl -sS -f --limit-rate 4M -o /dev/null " + URL + "slow.bin",
                                folder.resolve("out" + i)));
            }
            GatewayProcess.sleep(2500);
            Files.writeString(rules, set + "\n# changed\n");
            gateway.signal("HUP");
            assertThat(gateway.await("reload rules.nft")).contains("forbidden=0 recalled=0");
            Files.writeString(rules, "table inet broken {");
            gateway.signal("HUP");
            gateway.await("reload refused");
            for (Process transfer : transfers) {
                assertThat(transfer.waitFor(120, TimeUnit.SECONDS)).isTrue();
                assertThat(transfer.exitValue()).isZero();
            }

            Process last =
                    lab.start(
                            "client",
                            "curl -sS --limit-rate 1M -m 15 -o /dev/null " + URL + "slow.bin",
                            folder.resolve("last"));
            awaitDataConnection();
            Files.writeString(
                    rules,
                    set.replace(
                            "ct state invalid drop",
                            "ip saddr 198.51.100.10 drop\n\t\tct state invalid drop"));
            gateway.signal("HUP");
            assertThat(gateway.await("generation=3")).contains("forbidden=2 recalled=1");
            assertThat(last.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(last.exitValue()).as("stopped: timed out").isEqualTo(28);
            gateway.stop();
        }
    }

    /** Until the kernel knows an established connection beside the control connection. */
    private void awaitDataConnection() throws Exception {
        String others = "conntrack -L -p tcp 2>/dev/null | grep ESTABLISHED | grep -v 'port=21 '";
        for (int i = 0; i < 50 && lab.in("gw", others).output().isBlank(); i++) {
            GatewayProcess.sleep(100);
        }
        GatewayProcess.sleep(500); // and the gateway has let it go
    }

    @Test
    void netAdminAndNetRawSuffice() throws Exception {
        // A user that is not root cannot read everything that root's build lies in.
        String classes = GatewayProcess.readableCopy(folder);
        List<String> unprivileged =
                List.of(
                        "setpriv",
                        "--reuid=65534",
                        "--regid=65534",
                        "--clear-groups",
                        "--inh-caps=-all,+net_admin,+net_raw",
                        "--ambient-caps=-all,+net_admin,+net_raw",
                        "--bounding-set=-all,+net_admin,+net_raw",
                        "--no-new-privs");
        try (GatewayProcess gateway = GatewayProcess.start(lab, unprivileged, classes)) {
            lab.transfer("-m active -f big.bin").ok();
            lab.transfer("-m epsv -6").ok();
            gateway.stop();
        }
        assertThat(lab.in("gw", "iptables-save; ip6tables-save").output())
                .doesNotContain("PINHOLE");
    }

    @Test
    void theQueueHasOneOwner() throws Exception {
        try (GatewayProcess gateway = GatewayProcess.start(lab)) {
            Lab.Ran second = lab.in("gw", String.join(" ", GatewayProcess.command("gateway")));
            assertThat(second.status()).isEqualTo(2);
            assertThat(second.output())
                    .contains("cannot use NFQUEUE 2100", "Another program listens");
            // Nor does it help to choose another: packets go to one queue or the other.
            Lab.Ran third =
                    lab.in(
                            "gw",
                            String.join(
                                    " ", GatewayProcess.command("gateway", "--queue-num", "2200")));
            assertThat(third.status()).isEqualTo(2);
            assertThat(third.output()).contains("another gateway judges here by queue 2100");
            lab.transfer("-c curl").ok();
            assertThat(gateway.log()).containsPattern("(?s) data .* data |control .*control");
            gateway.stop();
        }
    }

    /** Others flush the kernel's tables: a reload puts the gateway's rules back. */
    @Test
    void aReloadPutsTheKernelsRulesBack() throws Exception {
        try (GatewayProcess gateway = GatewayProcess.start(lab)) {
            lab.in("gw", "nft flush ruleset").ok();
            assertThat(lab.in("client", "curl -s -m 2 http://203.0.113.20:80/").status())
                    .as("refused by the server: nothing filters")
                    .isEqualTo(7);
            gateway.signal("HUP");
            gateway.await("reload ftp-gateway.nft");
            assertThat(lab.in("client", "curl -s -m 2 http://203.0.113.20:80/").status())
                    .as("dropped")
                    .isEqualTo(28);
            lab.transfer("-m active").ok();
            gateway.stop();
        }
        assertThat(lab.in("gw", "iptables-save; ip6tables-save").output())
                .doesNotContain("PINHOLE");
    }

    /**
     * Both ports of a data connection used again at once. The kernel forgets the old connection
     * when the new one begins, and says so while that is under way.
     */
    @Test
    void portsUsedAgainAreANewConnection() throws Exception {
        lab.server("pyftpdlib", "--pasv-range", "50000:50000");
        try (GatewayProcess gateway = GatewayProcess.start(lab)) {
            Lab.Ran ran =
                    lab.in(
                            "client",
                            """
                            timeout 50 /usr/bin/python3 - <<'EOF'
                            import ftplib, socket
                            f = ftplib.FTP(); f.connect("203.0.113.20", 21, timeout=4)
                            f.login("lab", "labpass"); f.voidcmd("TYPE I")
                            for i in range(20):
                                f.sendcmd("PASV")
                                f.putcmd("RETR pub/big.bin")
                                s = socket.socket(); s.settimeout(4)
                                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                                s.bind(("198.51.100.10", 40000))
                                s.connect(("203.0.113.20", 50000))
                                f.getresp()
                                n = 0
                                while True:
                                    b = s.recv(65536)
                                    if not b: break
                                    n += len(b)
                                s.close(); f.voidresp()
                                print(i, n)
                            EOF
                            """);
            assertThat(ran.output().lines().count()).as(ran.output()).isEqualTo(20);
            assertThat(ran.output()).contains("19 4194304");
            gateway.stop();
        }
    }

    @Test
    void whatOverflowsIsCounted() throws Exception {
        try (GatewayProcess gateway =
                GatewayProcess.start(lab, "--fail", "open", "--offload", "none")) {
            lab.transfer("-c curl").ok();
            // Stopped, it reads nothing: the buffer fills and the rest passes uninspected.
            gateway.signal("STOP");
            lab.in(
                    "client",
                    "/usr/bin/python3 -c \"import socket; s=socket.socket(2,2);\n"
                            + "for i in range(60000): s.sendto(b'x'*1400, ('203.0.113.20', 9))\"");
            gateway.signal("CONT");
            gateway.await("passed uninspected");
            lab.transfer("-c curl -m active").ok();
            String log = gateway.stop();
            assertThat(log).containsPattern("uninspected [1-9]\\d*, lost 0");
        }
    }

    @Test
    void rejectedClientsAreTold() throws Exception {
        Path rules = folder.resolve("reject.nft");
        Files.writeString(
                rules,
                """
                table inet t {
                  chain forward {
                    type filter hook forward priority filter; policy drop;
                    ct state established accept
                    tcp dport 21 ct state new accept
                    tcp dport 23 reject with tcp reset
                    reject
                  }
                }
                """);
        try (GatewayProcess gateway = GatewayProcess.start(lab, "-r", rules.toString())) {
            String connect =
                    "/usr/bin/python3 -c \"import socket,sys\n"
                            + "s=socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else 2)\n"
                            + "s.settimeout(2)\n"
                            + "try: s.connect((sys.argv[1], int(sys.argv[2])))\n"
                            + "except OSError as e: print(type(e).__name__, e.errno)\" ";
            for (String host : List.of("203.0.113.20", "2001:db8:2::20")) {
                assertThat(lab.in("client", connect + host + " 23").output())
                        .contains("ConnectionRefusedError");
                assertThat(lab.in("client", connect + host + " 24").output())
                        .contains("ConnectionRefusedError");
            }
            gateway.stop();
        }
    }
}
