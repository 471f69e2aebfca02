package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real servers and clients through a bump in the wire under policy drop. */
class BridgeTransfersIT {
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
