package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pinhole.capture.CaptureFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Real transfers through the Linux kernel as the gateway, under rule sets with and without its FTP
 * helper. The router's interfaces are captured, and what arrived there is judged by {@code
 * --compat=linux}: a packet is accepted if, and only if, the kernel forwarded it. Which transfers
 * arrive is what {@code kernel-baseline.txt} says.
 *
 * <p>CI runs a part that has each rule set, server, client, mode and IP version; {@code
 * -Dpinhole.kernel.transfers=all} runs the whole list (most of an hour), {@code
 * -Dpinhole.kernel.transfers=SERVER} all of one server.
 */
class KernelCapturesIT {
    private static final String WHICH = System.getProperty("pinhole.kernel.transfers", "some");
    private static final List<String> CLIENTS =
            List.of("curl", "lftp", "ncftp", "tnftp", "inetutils", "ftplib");

    private static final int SERVERS = 5;
    private static final int RULE_SETS = 8;
    private static final Pattern LINK = Pattern.compile("(?m)^(\\d+): (c0|s0)@");

    /** Transfers of one server under one rule set: what they are and whether they arrive. */
    record Group(String ruleSet, String server, Map<String, Boolean> transfers) {
        @Override
        public String toString() {
            return ruleSet + " " + server + " " + transfers.size();
        }
    }

    private static Lab lab;
    private static Path folder;
    private static Map<Integer, String> interfaces;
    private static String running = "";
    private static long packets;
    private static long dropped;

    @BeforeAll
    static void up() throws Exception {
        long run = ProcessHandle.current().pid() % 10_000; // several may run side by side
        lab = Lab.up("pitk" + run, "routed").onOneProcessor();
        folder = Files.createTempDirectory("kernel-captures");
        interfaces = new HashMap<>();
        Matcher links = LINK.matcher(lab.in("gw", "ip -o link").ok().output());
        while (links.find()) {
            interfaces.put(Integer.valueOf(links.group(1)), links.group(2));
        }
        assertThat(interfaces).hasSize(2);
    }

    @AfterAll
    static void down() throws Exception {
        if (lab != null) {
            lab.close();
            System.out.printf(
                    "%d packets compared, %d of them dropped by Linux; captures in %s%n",
                    packets, dropped, folder);
            assertThat(dropped).as("dropped packets to compare").isPositive();
        }
    }

    static List<Group> groups() throws IOException {
        List<Group> all = new ArrayList<>();
        List<String> columns = List.of();
        int rows = 0;
        for (String line : resource("kernel-baseline.txt").lines().toList()) {
            String[] words = line.replace("# rule set", "#").trim().split(" +");
            if (line.startsWith("# rule set")) {
                columns = List.of(words).subList(2, words.length);
            } else if (!line.startsWith("#")) {
                all.add(group(words, columns, rows++));
            }
        }
        all.removeIf(g -> g.transfers.isEmpty());
        all.sort(Comparator.comparing(Group::server)); // the dearest to change
        return all;
    }

    private static Group group(String[] words, List<String> columns, int row) {
        Map<String, Boolean> transfers = new LinkedHashMap<>();
        int pair = 0;
        for (int c = 0; c < columns.size(); c++) {
            String column = columns.get(c);
            for (String client : CLIENTS) {
                if (knows(client, column) && isChosen(words[1], row, pair++)) {
                    String mode = column.substring(0, column.length() - 1);
                    transfers.put(
                            "-c %s -m %s -%s".formatted(client, mode, column.charAt(mode.length())),
                            words[2 + c].equals("+"));
                }
            }
        }
        return new Group(words[0], words[1], transfers);
    }

    private static boolean knows(String client, String column) {
        return switch (client) {
            case "ncftp" -> column.equals("active4") || column.equals("passive4");
            case "lftp" -> !column.equals("eprt4");
            default -> true;
        };
    }

    /**
     * @param row rule set times five, plus server
     * @param pair of client and mode
     */
    private static boolean isChosen(String server, int row, int pair) {
        if (!WHICH.equals("some")) {
            return WHICH.equals("all") || WHICH.equals(server);
        }
        // Of each rule set two servers, of those each pair once.
        int ruleSet = row / SERVERS;
        int turn = (row + 2 * ruleSet) % SERVERS;
        return turn < 2 && pair % (2 * RULE_SETS) == 2 * ruleSet + turn;
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = KernelCapturesIT.class.getResourceAsStream("/lab/" + name)) {
            return new String(
                    Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("groups")
    void comesOutAsTheKernelLetIt(Group group) throws Exception {
        if (!running.equals(group.server)) {
            boolean no20 = group.server.endsWith("-noport20");
            if (no20) {
                lab.server(group.server.replace("-noport20", ""), "--no-port20");
            } else {
                lab.server(group.server);
            }
            running = group.server;
        }
        String rules =
                group.ruleSet.equals("none")
                        ? "table inet none { }\n"
                        : resource("rulesets/" + group.ruleSet + ".nft");
        Path file = Files.writeString(folder.resolve("rules.nft"), rules);
        // What earlier transfers left behind must not come in the middle of this.
        for (String where : List.of("client", "server")) {
            lab.in(where, "ss -K state connected; ss -K state time-wait").ok();
        }
        lab.run("rules", file.toString()).ok();
        Path capture = folder.resolve(group.ruleSet + "-" + group.server + ".pcap");
        Process tcpdump = capture(capture);
        List<String> wrong = new ArrayList<>();
        try {
            mark();
            String patience = " -o get -t " + (WHICH.equals("some") ? 2 : 4);
            for (Map.Entry<String, Boolean> t : group.transfers.entrySet()) {
                Lab.Ran ran = lab.transfer(t.getKey() + patience);
                if (ran.status() != (t.getValue() ? 0 : 1)) {
                    wrong.add(ran.output().strip());
                }
            }
            mark();
            awaitMarks(capture);
        } finally {
            tcpdump.destroy();
            tcpdump.waitFor(5, TimeUnit.SECONDS);
        }
        assertThat(Files.readString(folder.resolve("tcpdump.log")))
                .contains("\n0 packets dropped by kernel");
        try (CaptureFiles files = CaptureFiles.open(List.of(capture.toString()), System.in)) {
            KernelCaptures read = KernelCaptures.read(files, interfaces).judge(rules, interfaces);
            packets += read.packets();
            assertThat(read.differences()).as("of " + read.packets() + " packets").isEmpty();
            assertThat(read.forwarded()).isPositive();
            dropped += read.packets() - read.forwarded();
        }
        assertThat(wrong).as("not as in the baseline").isEmpty();
    }

    private static Process capture(Path file) throws Exception {
        Path log = folder.resolve("tcpdump.log");
        Process tcpdump =
                lab.start(
                        "gw",
                        "exec tcpdump -Z root -U -n -s 0 -B 65536 -i any -y LINUX_SLL2 -w " + file,
                        log);
        for (int i = 0; i < 100 && !Files.readString(log).contains("listening on"); i++) {
            Thread.sleep(50);
        }
        assertThat(Files.readString(log)).contains("listening on");
        return tcpdump;
    }

    /** A datagram that nobody wants, to be found in the capture. */
    private static void mark() {
        lab.in("client", "exec bash -c 'echo mark > /dev/udp/203.0.113.20/9'").ok();
    }

    private static void awaitMarks(Path capture) throws Exception {
        for (int i = 0; i < 100; i++) {
            if (KernelCaptures.isComplete(capture)) {
                return;
            }
            Thread.sleep(50);
        }
    }

    @Test
    void theChoiceCoversRuleSetsServersAndPairsOfClientAndMode() throws IOException {
        List<Group> groups = groups();
        assumeTrue(WHICH.equals("some"));
        assertThat(groups.stream().map(Group::ruleSet).distinct()).hasSize(RULE_SETS);
        assertThat(groups.stream().map(Group::server).distinct()).hasSize(SERVERS);
        assertThat(groups.stream().flatMap(g -> g.transfers.keySet().stream()))
                .hasSize(31)
                .doesNotHaveDuplicates();
        assertThat(groups.stream().flatMap(g -> g.transfers.values().stream()))
                .contains(true, false);
    }
}
