package io.pinhole.kernel;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One rule set and one sequence of packets. */
record KernelCase(RuleTree rules, List<Sent> packets) {
    private static final Pattern LINE = Pattern.compile("case\\.nft:(\\d+):");

    /**
     * The case without the rules that Pinhole refuses, such as those about two protocols at once.
     *
     * @throws AssertionError if nft accepts what Pinhole refuses
     */
    KernelCase accepted(Gateway gateway) throws IOException {
        KernelCase now = this;
        while (true) {
            String text = now.rules.text();
            try {
                PinholeSide.load(text);
                return now;
            } catch (AssertionError refused) {
                Set<Integer> bad = new HashSet<>();
                Matcher m = LINE.matcher(String.valueOf(refused.getMessage()));
                while (m.find()) {
                    bad.add(Integer.parseInt(m.group(1)) - 1);
                }
                for (int line : bad) {
                    RuleTree one = now.rules.withoutLines(n -> bad.contains(n) && n != line);
                    if (gateway.accepts(one.text())) {
                        throw new AssertionError(
                                "nft accepts what Pinhole refuses:\n" + refused.getMessage());
                    }
                }
                now = new KernelCase(now.rules.withoutLines(bad::contains), packets);
            }
        }
    }

    /** What differs between the kernel and Pinhole, a line each; empty if nothing does. */
    List<String> differences(Gateway gateway) throws IOException {
        String text = rules.text();
        try {
            PinholeSide.load(text);
        } catch (AssertionError refused) {
            return List.of("Pinhole refuses the rule set: " + refused.getMessage());
        }
        try {
            gateway.load(text);
        } catch (Gateway.RefusedException refused) {
            return List.of("nft refuses the rule set: " + refused.getMessage());
        }
        Observation kernel = gateway.send(packets, text.contains("ct count"));
        Observation pinhole = PinholeSide.send(text, packets);
        return Observation.differences(kernel, pinhole);
    }

    /** Rules and packets, for people. */
    String text() {
        StringBuilder out = new StringBuilder(rules.text());
        for (Sent packet : packets) {
            out.append(packet).append('\n');
        }
        return out.toString();
    }
}
