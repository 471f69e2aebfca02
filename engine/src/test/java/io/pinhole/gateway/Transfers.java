package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

/** The matrix of servers, clients, modes and IP versions, and the part that covers it. */
final class Transfers {
    static final List<String> SERVERS = List.of("vsftpd", "proftpd", "pure-ftpd", "pyftpdlib");
    private static final List<String> CLIENTS = List.of("curl", "lftp", "tnftp", "ncftp", "ftplib");
    private static final List<String> MODES = List.of("passive", "active", "epsv", "eprt");
    private static final List<String> OPERATIONS = List.of("get", "put", "ls", "multi");

    private Transfers() {}

    /**
     * What to try with one server. The part that CI runs has, over all servers, each client in each
     * mode and IP version at least once, and each operation; the whole has everything.
     */
    static List<String> with(String server) {
        List<String> out = new ArrayList<>();
        int at = SERVERS.indexOf(server);
        int n = 0;
        for (String client : CLIENTS) {
            for (String mode : MODES) {
                for (String ip : List.of("-4", "-6")) {
                    if (ip.equals("-6") && (mode.equals("active") || mode.equals("passive"))) {
                        continue; // IPv6 has neither PORT nor PASV
                    }
                    for (String operation : OPERATIONS) {
                        boolean covering =
                                n % SERVERS.size() == at
                                        && OPERATIONS.indexOf(operation)
                                                == n / SERVERS.size() % OPERATIONS.size();
                        if (Lab.WHOLE || covering) {
                            out.add(
                                    "-c %s -m %s %s -o %s -f %s"
                                            .formatted(
                                                    client,
                                                    mode,
                                                    ip,
                                                    operation,
                                                    n % 3 == 0 ? "big.bin" : "small.txt"));
                        }
                    }
                    n++;
                }
            }
        }
        return out;
    }

    /** Runs them; a combination that the client does not know counts as nothing. */
    static int run(Lab lab, String server) {
        int passed = 0;
        List<String> failed = new ArrayList<>();
        for (String options : with(server)) {
            Lab.Ran ran = lab.transfer(options);
            if (ran.status() == 0) {
                passed++;
            } else if (ran.status() != 77) {
                failed.add(ran.output());
            }
        }
        assertThat(failed).isEmpty();
        return passed;
    }
}
