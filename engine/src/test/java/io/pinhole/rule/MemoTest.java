package io.pinhole.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketBytes;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A remembered walk is what the rules would have said and done, or it is not remembered. */
class MemoTest {
    private static final long SEED = Seeds.seed();
    private static final Hook[] HOOKS = {Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING};

    private final Random random = new Random(SEED);
    private int recalled;

    /** Walks as PacketPath does. */
    private static String run(RuleProgram rules, PacketFacts facts) {
        Verdict verdict = Verdict.ACCEPT;
        Hook hook = Hook.FORWARD;
        RuleOrigin rule = RuleOrigin.NONE;
        for (Hook at : HOOKS) {
            RuleOrigin before = rule;
            facts.decidedBy = RuleOrigin.NONE;
            verdict = rules.run(at, Integer.MIN_VALUE, Integer.MAX_VALUE, facts);
            hook = at;
            rule = facts.decidedBy;
            if (verdict != Verdict.ACCEPT) {
                break;
            }
            if (at == Hook.POSTROUTING) {
                hook = Hook.FORWARD;
                rule = before;
            }
        }
        return result(verdict, hook, rule, facts);
    }

    private static String result(Verdict verdict, Hook hook, RuleOrigin rule, PacketFacts f) {
        return verdict
                + " at "
                + hook
                + " by "
                + rule
                + " mark "
                + f.mark
                + " ctmark "
                + f.ctMark
                + f.ctMarkChanged
                + f.helper
                + f.timeout
                + (verdict == Verdict.REJECT ? f.rejectWith : "");
    }

    private int memo;

    /** The same with a memo. */
    private String remembering(CompiledRules rules, PacketFacts facts) {
        Walk walk = rules.recall(memo, facts);
        if (walk != null) {
            recalled++;
            return result(walk.verdict(), walk.hook(), walk.decidedBy(), facts);
        }
        rules.watch(facts);
        Verdict verdict = Verdict.ACCEPT;
        Hook hook = Hook.FORWARD;
        RuleOrigin rule = RuleOrigin.NONE;
        for (Hook at : HOOKS) {
            RuleOrigin before = rule;
            facts.decidedBy = RuleOrigin.NONE;
            verdict = rules.run(at, Integer.MIN_VALUE, Integer.MAX_VALUE, facts);
            hook = at;
            rule = facts.decidedBy;
            if (verdict != Verdict.ACCEPT) {
                break;
            }
            if (at == Hook.POSTROUTING) {
                hook = Hook.FORWARD;
                rule = before;
            }
        }
        memo = rules.remember(memo, facts, verdict, hook, rule);
        return result(verdict, hook, rule, facts);
    }

    @Test
    void aRecalledWalkIsWhatTheRulesWouldHaveDone() {
        RandomRules generator = new RandomRules(random);
        for (int i = 0; i < 250; i++) {
            String text = generator.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            CompiledRules plain = rules.compile();
            CompiledRules remembering = rules.compile();
            for (int flow = 0; flow < 8; flow++) {
                memo = RuleProgram.NO_MEMO;
                String first = generator.packet();
                for (int p = 0; p < 12; p++) {
                    PacketFacts a = RuleFixture.packet(first);
                    PacketFacts b = RuleFixture.packet(first);
                    long vary = random.nextLong();
                    vary(a, vary);
                    vary(b, vary);
                    String expected = run(plain, a);
                    assertThat(remembering(remembering, b))
                            .as("seed %d, set %d: %s (%d) in%n%s", SEED, i, first, p, text)
                            .isEqualTo(expected);
                }
            }
            assertThat(remembering.counts()).as(text).isEqualTo(plain.counts());
            assertThat(remembering.counters()).as(text).isEqualTo(plain.counters());
        }
        // 250 * 8 * 12 packets, most of them of kinds that are never remembered.
        assertThat(recalled).isGreaterThan(2000);
    }

    /** Another packet of the same flow: what may differ from one to the next. */
    private static void vary(PacketFacts facts, long seed) {
        Random r = new Random(seed);
        facts.ctState = r.nextInt(3) == 0 ? CtState.NEW : CtState.ESTABLISHED;
        facts.hasFlow = true;
        facts.ctDirection = r.nextBoolean() ? Direction.ORIGINAL : Direction.REPLY;
        facts.ctStatus = r.nextInt(4) == 0 ? 0 : PacketFacts.STATUS_CONFIRMED | (r.nextInt(2) << 2);
        facts.ctMark = r.nextInt(4) == 0 ? r.nextInt(4) : facts.ctMark;
        facts.mark = r.nextInt(4) == 0 ? 1 : 0;
        facts.inputInterface = r.nextInt(4) == 0 ? "eth10" : facts.inputInterface;
        facts.timeNanos = (seed & 0xffff) * 1_000_000L;
        facts.ctExpirationMillis = r.nextInt(100_000);
        if (facts.packet.truncated()) {
            return;
        }
        byte[] bytes = new byte[facts.packet.ipCaptured()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) facts.packet.u8(facts.packet.networkStart() + i);
        }
        int flags = 33 + (facts.packet.ipVersion() == 6 ? 20 : 0);
        if (facts.packet.protocol() == 6 && bytes.length > flags) {
            bytes[flags] = (byte) (r.nextInt(3) == 0 ? r.nextInt(256) : 0x10);
        }
        if (facts.packet.ipVersion() == 4) {
            PacketBytes.ttl(bytes, 1 + r.nextInt(255));
        }
        int ports = facts.originalSourcePort;
        RuleFixture.wrap(facts, bytes, bytes.length);
        facts.originalSourcePort = ports;
    }

    @ParameterizedTest(name = "{0} -> {1} {2}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # rules, ';' between them                                | known | offload
                    ct state established accept                              | yes | yes
                    counter; tcp dport 21 counter accept; accept             | yes | yes
                    iifname "eth0" accept                                    | yes | yes
                    meta mark 0 accept                                       | yes | yes
                    meta mark set 5; ct mark set meta mark; accept           | yes | yes
                    ct helper set "ftp4"; accept                             | yes | yes
                    tcp flags fin,syn / fin,syn drop; accept                 | yes | yes
                    tcp flags { syn, ack } accept; drop                      | yes | no
                    tcp flags vmap { ack : accept }; accept                  | no  | no
                    ct state established drop                                | yes | no
                    limit rate 1000/second accept; accept                    | no  | no
                    limit name "slowly" accept; accept                       | no  | no
                    quota name "some" accept; accept                         | no  | no
                    meta length > 100 drop; accept                           | no  | no
                    ip ttl 1 drop; accept                                    | no  | no
                    ct expiration < 5s drop; accept                          | no  | no
                    ct state invalid limit rate 1/second accept; accept      | yes | yes
                    ip saddr 9.9.9.9 meta length 99 drop; accept             | yes | yes
                    meta length 99 ip saddr 9.9.9.9 drop; accept             | yes | yes
                    ip ttl 1 icmp type echo-request drop; accept             | yes | yes
                    meta length > 9000 tcp dport 21 drop; accept             | no  | no
                    limit rate 1/second ip saddr 9.9.9.9 drop; accept        | no  | no
                    reject                                                   | yes | no
                    """)
    void knowsWhatMayBeRemembered(String ruleText, String known, String offload) {
        CompiledRules rules =
                RuleFixture.load(RuleFixture.inForward("inet", ruleText.replace(';', '\n')))
                        .compile();
        for (String direction : new String[] {"", " reply"}) {
            String text =
                    "tcp 10.0.0.1:1025 > 10.0.0.2:21 A established confirmed in=eth0" + direction;
            String first = remembering(rules, RuleFixture.packet(text));
            PacketFacts again = RuleFixture.packet(text);
            Walk walk = rules.recall(memo, again);
            assertThat(walk != null).isEqualTo(known.equals("yes"));
            if (walk != null) {
                assertThat(result(walk.verdict(), walk.hook(), walk.decidedBy(), again))
                        .isEqualTo(first);
            }
        }
        assertThat(rules.mayOffload(memo)).isEqualTo(offload.equals("yes"));
    }

    @ParameterizedTest(name = "{0}, then {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # rule                         | what is different
                    ct state established accept    | new
                    accept                         | reply
                    iifname "eth0" accept          | in=eth1
                    meta mark 0 accept             | mark=1
                    ct mark 0 accept               | ctmark=1
                    ct status confirmed accept     | helper=ftp
                    tcp flags syn drop             | S
                    accept                         | untracked
                    accept                         | snap=30
                    """)
    void whatTheWalkDependsOnIsCompared(String ruleText, String other) {
        CompiledRules rules = RuleFixture.load(RuleFixture.inForward("inet", ruleText)).compile();
        String text = "tcp 10.0.0.1:1025 > 10.0.0.2:21 A established confirmed in=eth0";
        remembering(rules, RuleFixture.packet(text));
        assertThat(rules.recall(memo, RuleFixture.packet(text))).isNotNull();
        String change = other.replaceAll("\\s+#.*", "");
        PacketFacts changed =
                RuleFixture.packet(
                        change.equals("S") ? text.replace(" A ", " S ") : text + " " + change);
        if (change.startsWith("helper")) {
            changed.ctStatus |= PacketFacts.STATUS_ASSURED;
        }
        assertThat(rules.recall(memo, changed)).isNull();
    }

    @Test
    void anotherProgramDoesNotKnowTheMemo() {
        RuleSet set = RuleFixture.load(RuleFixture.inForward("inet", "accept"));
        CompiledRules rules = set.compile();
        String text = "tcp 10.0.0.1:1025 > 10.0.0.2:21 A established confirmed";
        remembering(rules, RuleFixture.packet(text));
        int first = memo;
        int wraps = 0;
        for (int i = 0; i < 5000; i++) {
            CompiledRules next = set.compile();
            boolean wrapped = next.replaces(rules);
            wraps += wrapped ? 1 : 0;
            // The owner of the flows clears them when told.
            first = wrapped ? RuleProgram.NO_MEMO : first;
            memo = RuleProgram.NO_MEMO;
            remembering(next, RuleFixture.packet(text));
            assertThat(next.recall(memo, RuleFixture.packet(text))).isNotNull();
            assertThat(next.recall(first, RuleFixture.packet(text))).as("reload %d", i).isNull();
            rules = next;
        }
        assertThat(wraps).isEqualTo(1);
    }

    @Test
    void countsWhatTheKernelCarriedOn() {
        CompiledRules rules =
                RuleFixture.load(RuleFixture.inForward("inet", "counter name \"hits\" accept"))
                        .compile();
        remembering(rules, RuleFixture.packet("tcp 10.0.0.1:1 > 10.0.0.2:2 A established"));
        rules.credit(memo, Direction.ORIGINAL, 10, 15_000);
        rules.credit(memo, Direction.REPLY, 10, 15_000); // no walk there
        assertThat(rules.counts().getLast().packets()).isEqualTo(11);
        assertThat(rules.counters().getFirst().packets()).isEqualTo(11);
        assertThat(rules.counters().getFirst().bytes()).isEqualTo(15_040);
    }

    @Test
    void forgetsAllWhenFullAndGoesOn() {
        Memos memos = new Memos(8);
        PacketFacts facts =
                RuleFixture.packet("tcp 10.0.0.1:1025 > 10.0.0.2:21 A established confirmed");
        for (int i = 0; i < 100_000; i++) {
            facts.trail.start(facts);
            facts.trail.counted(i);
            int m = memos.remember(0, facts, Verdict.ACCEPT, Hook.FORWARD, RuleOrigin.NONE);
            Walk walk = memos.walk(m, Direction.ORIGINAL);
            assertThat(
                            walk == null
                                    || walk.isThatOf(
                                            facts, Verdict.ACCEPT, Hook.FORWARD, RuleOrigin.NONE))
                    .isTrue();
            assertThat(memos.walk(m, Direction.REPLY)).isNull();
        }
    }
}
