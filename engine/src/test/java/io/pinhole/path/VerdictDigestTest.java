package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import org.junit.jupiter.api.Test;

class VerdictDigestTest {
    private static final RuleOrigin RULE = new RuleOrigin("a.nft:1", "");

    private static String of(Object... positions) {
        VerdictDigest digest = new VerdictDigest();
        for (Object position : positions) {
            digest.add(
                    (int) position, Verdict.ACCEPT, CtState.NEW, Hook.FORWARD, RULE, Anomaly.NONE);
        }
        return digest.toString();
    }

    @Test
    void orderDoesNotMatterAndShardsAddUp() {
        VerdictDigest sum = new VerdictDigest();
        VerdictDigest part = new VerdictDigest();
        sum.add(1, Verdict.ACCEPT, CtState.NEW, Hook.FORWARD, RULE, Anomaly.NONE);
        part.add(2, Verdict.ACCEPT, CtState.NEW, Hook.FORWARD, RULE, Anomaly.NONE);
        sum.add(part);
        assertThat(sum.toString()).isEqualTo(of(2, 1)).isEqualTo(of(1, 2)).hasSize(32);
        assertThat(sum.packets()).isEqualTo(2);
    }

    @Test
    void everyFieldCounts() {
        assertThat(
                        java.util.stream.Stream.of(
                                one(
                                        1,
                                        Verdict.ACCEPT,
                                        CtState.NEW,
                                        Hook.FORWARD,
                                        "a",
                                        Anomaly.NONE),
                                one(
                                        2,
                                        Verdict.ACCEPT,
                                        CtState.NEW,
                                        Hook.FORWARD,
                                        "a",
                                        Anomaly.NONE),
                                one(1, Verdict.DROP, CtState.NEW, Hook.FORWARD, "a", Anomaly.NONE),
                                one(
                                        1,
                                        Verdict.ACCEPT,
                                        CtState.INVALID,
                                        Hook.FORWARD,
                                        "a",
                                        Anomaly.NONE),
                                one(1, Verdict.ACCEPT, null, Hook.FORWARD, "a", Anomaly.NONE),
                                one(1, Verdict.ACCEPT, CtState.NEW, Hook.INPUT, "a", Anomaly.NONE),
                                one(
                                        1,
                                        Verdict.ACCEPT,
                                        CtState.NEW,
                                        Hook.FORWARD,
                                        "b",
                                        Anomaly.NONE),
                                one(
                                        1,
                                        Verdict.ACCEPT,
                                        CtState.NEW,
                                        Hook.FORWARD,
                                        "a",
                                        Anomaly.OVERLAP)))
                .doesNotHaveDuplicates();
    }

    private static String one(
            long position, Verdict verdict, CtState ct, Hook hook, String rule, Anomaly why) {
        VerdictDigest digest = new VerdictDigest();
        digest.add(position, verdict, ct, hook, new RuleOrigin(rule, ""), why);
        return digest.toString();
    }
}
