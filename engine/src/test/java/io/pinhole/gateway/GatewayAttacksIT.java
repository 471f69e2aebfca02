package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What must not pass, tried by real programs, and the name each attempt gets in the log. */
class GatewayAttacksIT {
    private static Lab lab;
    private static GatewayProcess gateway;

    @BeforeAll
    static void up() throws Exception {
        lab = Lab.up("pita", "routed");
        lab.server("pyftpdlib", "--foreign", "--pasv-range", "50000:50000");
        gateway = GatewayProcess.start(lab);
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

    /** A client that opens a pinhole to port 50000 and then runs {@code then}. */
    private static Lab.Ran withPinhole(String then) {
        return lab.in(
                "client",
                """
                timeout 20 /usr/bin/python3 - <<'EOF'
                import ftplib, socket, subprocess, time
                def attempt(source, port):
                    s = socket.socket(); s.settimeout(1)
                    try:
                        s.bind((source, 0)); s.connect(("203.0.113.20", port)); return s
                    except OSError: return None
                f = ftplib.FTP(); f.connect("203.0.113.20", 21, timeout=5)
                f.login("lab", "labpass")
                print(f.sendcmd("PASV"))
                %s
                EOF
                """
                        .formatted(then));
    }

    @Test
    void aBounceScanFindsNothing() {
        Lab.Ran scan =
                lab.in(
                        "client",
                        "timeout 30 nmap -n -Pn -b lab:labpass@203.0.113.20 -p 7777"
                                + " --max-retries 0 203.0.113.66 2>&1");
        assertThat(scan.output()).doesNotContain("7777/tcp open");
        gateway.await(" alert bounce ");
    }

    @Test
    void aScanWhileAPinholeIsOpenFindsThatPortAtMost() {
        Lab.Ran scan =
                withPinhole(
                        "print(subprocess.run('timeout 15 nmap -n -Pn -sS -p 49990-50010"
                                + " --max-retries 0 203.0.113.20', shell=True, capture_output=True,"
                                + " text=True).stdout)");
        assertThat(scan.output()).contains("50000/tcp").doesNotContain("closed");
    }

    @Test
    void aPinholeTakesOneConnection() {
        Lab.Ran ran =
                withPinhole(
                        "a = attempt('198.51.100.10', 50000); b = attempt('198.51.100.10', 50000);"
                                + " print('first', a is not None, 'second', b is not None)");
        assertThat(ran.output()).contains("first True second False");
        gateway.await(" alert pinhole-reused ");
    }

    @Test
    void aPinholeIsForOneHost() {
        Lab.Ran ran =
                withPinhole(
                        "a = attempt('198.51.100.66', 50000); b = attempt('198.51.100.10', 50000);"
                                + " print('other', a is not None, 'own', b is not None)");
        assertThat(ran.output()).contains("other False own True");
        gateway.await(" alert pinhole-wrong-host ");
    }

    @Test
    void tlsIsRefusedWhereThePolicySaysSo() throws Exception {
        gateway.stop();
        gateway = GatewayProcess.start(lab, "--set", "helper.auth=refuse");
        Lab.Ran ran =
                lab.in(
                        "client",
                        "printf 'AUTH TLS\\r"
                                + "\\n"
                                + "QUIT\\r"
                                + "\\n"
                                + "' | timeout 4 /usr/bin/python3 -c \"import socket;"
                                + " s=socket.create_connection(('203.0.113.20',21)); s.recv(99);"
                                + " s.send(b'AUTH TLS\\\\r"
                                + "\\\\n"
                                + "'); print(s.recv(99))\"");
        TimeUnit.MILLISECONDS.sleep(300);
        assertThat(gateway.log()).as(ran.output()).contains(" alert auth-refused ");
    }
}
