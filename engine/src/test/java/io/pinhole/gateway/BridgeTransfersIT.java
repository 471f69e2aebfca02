package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real servers and clients through a bump in the wire under policy drop. */
class BridgeTransfersIT {
    @TempDir private Path folder;
    private static Lab lab;
    private static GatewayProcess gateway;

    @BeforeAll
    static void up() throws Exception {
        lab = Lab.up("pitb", "wire");
        gateway = GatewayProcess.start(lab, "--mode", "bridge", "--between", "c0,s0");
    }

    @AfterAll
    static void down() throws Exception {
        try (Lab of = lab;
                GatewayProcess running = gateway) {
            if (running != null && running.isAlive()) {
                running.stop();
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
        assertThat(lab.in("client", "curl -s -m 2 http://192.0.2.20:80/").status())
                .as("dropped, not refused")
                .isEqualTo(28);
    }

    @Test
    void segmentsThatHardwareWouldSplitPassWhole() {
        lab.server("vsftpd");
        String on =
                "ethtool -K eth0 tx on tso on gso on >/dev/null 2>&1;"
                        + " ip link set eth0 gso_max_segs 65535";
        lab.in("client", on);
        lab.in("server", on);
        lab.transfer("-c curl -m epsv -4 -f big.bin -o multi").ok();
        lab.transfer("-c curl -m eprt -6 -f big.bin -o multi").ok();
        String off =
                "ethtool -K eth0 tx off tso off gso off >/dev/null 2>&1;"
                        + " ip link set eth0 gso_max_segs 1";
        lab.in("client", off);
        lab.in("server", off);
    }

    @Test
    void vlanTagsSurvive() {
        lab.server("vsftpd");
        // The kernel here has no VLAN devices: a tagged frame is made and looked for by hand.
        Lab.Ran ran =
                lab.in(
                        "server",
                        """
                        /usr/bin/python3 - <<'EOF' &
                        import socket, sys
                        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
                        s.bind(("eth0", 0)); s.settimeout(5)
                        s.setsockopt(263, 8, 1)
                        try:
                            while True:
                                data, aux, flags, a = s.recvmsg(2000, 256)
                                if data[12:14] == b"\\x88\\xb5":
                                    tci = [int.from_bytes(d[16:18], "little") for l, t, d in aux if t == 8]
                                    print("tci", tci[0]); break
                        except TimeoutError:
                            print("nothing came")
                        EOF
                        sleep 1; wait
                        """
                                .replace(
                                        "sleep 1; wait",
                                        "sleep 0.7; ip netns exec "
                                                + lab.namespace("client")
                                                + " /usr/bin/python3 -c 'import socket; s ="
                                                + " socket.socket(socket.AF_PACKET,"
                                                + " socket.SOCK_RAW); s.bind((\"eth0\", 0));"
                                                + " s.send(bytes.fromhex(\"020000000220020000000110\""
                                                + " \"8100\" \"2007\" \"88b5\") + bytes(46))';"
                                                + " wait"));
        assertThat(ran.output()).contains("tci 8199"); // 0x2007: priority 1, VLAN 7
    }

    /** A crash in the middle of a transfer: the snapshot lets it go on, and only with it. */
    @Test
    void aSnapshotCarriesConnectionsOverACrash() throws Exception {
        lab.server("vsftpd");
        gateway.stop();
        Path file = lab.folder().resolve("srv/pub/slow.bin");
        lab.in("server", "truncate -s 60M " + file + " && chmod 644 " + file).ok();
        Path snapshot = folder.resolve("snapshot");
        String[] options = {
            "--mode", "bridge", "--between", "c0,s0", "--snapshot", snapshot.toString()
        };
        Path output = folder.resolve("curl");
        Process transfer;
        try (GatewayProcess first = GatewayProcess.start(lab, options)) {
            transfer =
                    lab.start(
                            "client",
                            "exec curl -sS --limit-rate 4M -o /dev/null -w '%{size_download}'"
                                    + " ftp://192.0.2.20/pub/slow.bin",
                            output);
            first.await(" pinhole ");
            for (int i = 0; i < 150 && !holdsTwo(snapshot); i++) {
                GatewayProcess.sleep(100);
            }
            assertThat(transfer.isAlive()).isTrue();
            first.kill();
        }
        // Without it what is in mid-stream belongs to nothing.
        gateway = GatewayProcess.start(lab, Arrays.copyOf(options, options.length - 2));
        long before = received();
        GatewayProcess.sleep(1500);
        assertThat(received() - before).isLessThan(1 << 20);
        gateway.kill();
        gateway = GatewayProcess.start(lab, options);
        assertThat(gateway.await("taken over")).contains(" 2 connections taken over");
        assertThat(transfer.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(output)).isEqualTo(Integer.toString(60 << 20));
        assertThat(transfer.exitValue()).isZero();
        gateway.await(" closed=fin ");
    }

    private static boolean holdsTwo(Path snapshot) throws Exception {
        return Files.exists(snapshot) && Files.readAllLines(snapshot).size() > 2;
    }

    /** Bytes that the client's interface received. */
    private static long received() {
        return Long.parseLong(
                lab.in("client", "cat /sys/class/net/eth0/statistics/rx_bytes")
                        .ok()
                        .output()
                        .strip());
    }

    @Test
    void refusesWhatWouldBreakTraffic() throws Exception {
        assertThat(start("--between", "c0,c0")).contains("needs two interfaces");
        assertThat(start("--between", "c0,nosuch")).contains("there is no interface nosuch");
        lab.in("gw", "ip link set s0 mtu 1400");
        assertThat(start("--between", "c0,s0")).contains("MTU of 1500", "ip link set c0 mtu 1400");
        lab.in("gw", "ip link set s0 mtu 1500");
        assertThat(start("--between", "c0,s0", "--fail", "open")).contains("--fail open");
    }

    /** Runs a gateway that cannot start; what it said. */
    private static String start(String... options) throws Exception {
        java.util.List<String> all =
                new java.util.ArrayList<>(java.util.List.of("gateway", "--mode", "bridge"));
        all.addAll(java.util.List.of(options));
        String command = String.join(" ", GatewayProcess.command(all.toArray(String[]::new)));
        Lab.Ran ran = lab.in("gw", command);
        assertThat(ran.status()).as(ran.output()).isEqualTo(2);
        return ran.output();
    }
}
