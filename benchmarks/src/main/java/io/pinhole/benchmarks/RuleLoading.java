package io.pinhole.benchmarks;

import io.pinhole.rule.RuleSet;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.ReadResult;
import io.pinhole.rule.read.RuleReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * How long rule files take to load, and what they keep. Run it with {@code java -Xmx512m -cp
 * benchmarks.jar io.pinhole.benchmarks.RuleLoading}; each line is one file: first load in this
 * process, median of the next five (processor time), heap kept by the model.
 */
public final class RuleLoading {
    private static final int RULES = 10_000;
    private static final int ELEMENTS = 1_000_000;
    private static final int RUNS = 5;

    private RuleLoading() {}

    public static void main(String[] args) {
        // What a start of the program has done before it reads its own rules.
        load("warm.nft", "table inet t { chain c { tcp dport 21 accept; }; }\n");
        System.out.printf("%-34s %8s %9s %9s %9s%n", "", "MiB", "first ms", "later ms", "kept MB");
        measure("10,000 rules, nft text", "rules.nft", rules());
        measure("10,000 rules, iptables", "rules.v4", iptables());
        measure("1,000,000 addresses, nft text", "set.nft", set(addresses(false)));
        measure("1,000,000 addresses, in disorder", "set.nft", set(addresses(true)));
        measure("1,000,000 addresses, nft JSON", "set.json", json(addresses(false)));
        measure("1,000,000 prefixes, nft text", "set.nft", set(prefixes()));
    }

    private static String rules() {
        StringBuilder out = new StringBuilder("table inet filter {\n chain forward {\n");
        out.append("  type filter hook forward priority filter; policy drop;\n");
        for (int i = 0; i < RULES; i++) {
            out.append("  ip saddr 10.").append(i / 250).append('.').append(i % 250);
            out.append(".0/24 tcp dport { 20-21, ").append(1024 + i).append(" } ct state new");
            out.append(" counter accept comment \"rule ").append(i).append("\"\n");
        }
        return out.append(" }\n}\n").toString();
    }

    private static String iptables() {
        StringBuilder out = new StringBuilder("*filter\n:FORWARD DROP [0:0]\n");
        for (int i = 0; i < RULES; i++) {
            out.append("-A FORWARD -s 10.").append(i / 250).append('.').append(i % 250);
            out.append(".0/24 -p tcp -m tcp --dport ").append(1024 + i);
            out.append(" -m conntrack --ctstate NEW -j ACCEPT\n");
        }
        return out.append("COMMIT\n").toString();
    }

    private static List<String> addresses(boolean disorder) {
        List<String> out = new ArrayList<>(ELEMENTS);
        for (int i = 0; i < ELEMENTS; i++) {
            int n = i * 3;
            out.add("10." + (n >> 16) + "." + (n >> 8 & 255) + "." + (n & 255));
        }
        if (disorder) {
            java.util.Collections.shuffle(out, new Random(1));
        }
        return out;
    }

    private static List<String> prefixes() {
        List<String> out = new ArrayList<>(ELEMENTS);
        for (int i = 0; i < ELEMENTS; i++) {
            int n = i * 16;
            out.add(
                    (1 + (n >> 24))
                            + "."
                            + (n >> 16 & 255)
                            + "."
                            + (n >> 8 & 255)
                            + "."
                            + (n & 255)
                            + "/29");
        }
        return out;
    }

    private static String set(List<String> elements) {
        StringBuilder out = new StringBuilder("table inet t {\n set s {\n  type ipv4_addr\n");
        out.append("  flags interval\n  elements = { ");
        out.append(String.join(",\n   ", elements));
        return out.append(" }\n }\n}\n").toString();
    }

    private static String json(List<String> elements) {
        StringBuilder out =
                new StringBuilder("{\"nftables\": [{\"table\": {\"family\": \"inet\", ");
        out.append("\"name\": \"t\", \"handle\": 1}}, {\"set\": {\"family\": \"inet\", ");
        out.append("\"name\": \"s\", \"table\": \"t\", \"type\": \"ipv4_addr\", \"handle\": 2, ");
        out.append("\"flags\": [\"interval\"], \"elem\": [\"");
        out.append(String.join("\", \"", elements));
        return out.append("\"]}}]}\n").toString();
    }

    private static void measure(String what, String name, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        long before = used();
        long start = cpu();
        RuleSet rules = load(name, bytes);
        long first = cpu() - start;
        long kept = used() - before;
        long[] later = new long[RUNS];
        for (int i = 0; i < RUNS; i++) {
            start = cpu();
            if (load(name, bytes).tables().size() != rules.tables().size()) {
                throw new AssertionError();
            }
            later[i] = cpu() - start;
        }
        Arrays.sort(later);
        System.out.printf(
                "%-34s %8.1f %9d %9d %9.1f%n",
                what,
                bytes.length / 1048576.0,
                first / 1_000_000,
                later[RUNS / 2] / 1_000_000,
                kept / 1e6);
    }

    /** Processor time of this thread: what else runs on the machine does not count. */
    private static long cpu() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static long used() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static RuleSet load(String name, String text) {
        return load(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static RuleSet load(String name, byte[] bytes) {
        RuleReader.Context context =
                new RuleReader.Context(Map.of(), IncludeResolver.NONE, IpSets.NONE);
        return switch (RuleReader.read(List.of(new RuleReader.Source(name, bytes)), context)) {
            case ReadResult.Loaded(RuleSet rules) -> rules;
            case ReadResult.Refused refused -> throw new AssertionError(refused.format());
        };
    }
}
