package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

/** The compiled form of {@link Statement}: one step of a rule. Never throws, never allocates. */
abstract class Step {
    /** What it reads and does that a memo must know of: bits of {@link Trail}. */
    int reads;

    /** For a test of the TCP flags alone: one bit for each value that passes. */
    long @Nullable [] flags;

    abstract Outcome run(PacketFacts facts);

    /** Forgets earlier packets. */
    void reset() {}

    /** What a step says. All are made at compile time and compared by {@link #kind}. */
    static final class Outcome {
        static final int NEXT_STEP = 0;
        static final int BREAK = 1;
        static final int CONTINUE = 2;
        static final int ACCEPT = 3;
        static final int DROP = 4;
        static final int REJECT = 5;
        static final int RETURN = 6;
        static final int JUMP = 7;
        static final int GOTO = 8;

        static final Outcome NEXT = new Outcome(NEXT_STEP, null);
        static final Outcome BROKEN = new Outcome(BREAK, null);
        static final Outcome CONTINUED = new Outcome(CONTINUE, null);
        static final Outcome ACCEPTED = new Outcome(ACCEPT, null);
        static final Outcome DROPPED = new Outcome(DROP, null);
        static final Outcome REJECTED = new Outcome(REJECT, null);
        static final Outcome RETURNED = new Outcome(RETURN, null);

        final int kind;
        final @Nullable ChainCode target;

        private Outcome(int kind, @Nullable ChainCode target) {
            this.kind = kind;
            this.target = target;
        }

        static Outcome jump(ChainCode target) {
            return new Outcome(JUMP, target);
        }

        static Outcome goTo(ChainCode target) {
            return new Outcome(GOTO, target);
        }

        /** True if evaluation of the base chain is over. */
        boolean ends() {
            return kind == ACCEPT || kind == DROP || kind == REJECT;
        }

        static Outcome match(boolean yes) {
            return yes ? NEXT : BROKEN;
        }
    }

    static final class InRange extends Step {
        private final Value value;
        private final Range range;
        private final boolean negated;

        InRange(Value value, Range range, boolean negated) {
            this.value = value;
            this.range = range;
            this.negated = negated;
        }

        @Override
        Outcome run(PacketFacts facts) {
            return Outcome.match(
                    value.present(facts)
                            && range.contains(value.high(facts), value.low(facts)) != negated);
        }
    }

    static final class AnyBit extends Step {
        private final Value value;
        private final long mask;
        private final boolean negated;

        AnyBit(Value value, long mask, boolean negated) {
            this.value = value;
            this.mask = mask;
            this.negated = negated;
        }

        @Override
        Outcome run(PacketFacts facts) {
            return Outcome.match(
                    value.present(facts) && ((value.low(facts) & mask) != 0) != negated);
        }
    }

    static final class InSet extends Step {
        private final Value[] key;
        private final SetCode set;
        private final boolean negated;

        InSet(Value[] key, SetCode set, boolean negated) {
            this.key = key;
            this.set = set;
            this.negated = negated;
        }

        @Override
        Outcome run(PacketFacts facts) {
            return Outcome.match(
                    Value.allPresent(key, facts) && (set.find(key, facts) >= 0) != negated);
        }
    }

    /** A step whose outcome is known at compile time. */
    static final class Fixed extends Step {
        private final Outcome outcome;

        Fixed(Outcome outcome) {
            this.outcome = outcome;
        }

        @Override
        Outcome run(PacketFacts facts) {
            return outcome;
        }
    }

    static final class VerdictMap extends Step {
        private final Value[] key;
        private final SetCode map;
        private final Outcome[] outcomes;

        VerdictMap(Value[] key, SetCode map, Outcome[] outcomes) {
            this.key = key;
            this.map = map;
            this.outcomes = outcomes;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!Value.allPresent(key, facts)) {
                return Outcome.BROKEN;
            }
            int found = map.find(key, facts);
            return found < 0 ? Outcome.BROKEN : outcomes[found];
        }
    }

    static final class Reject extends Step {
        private final RejectWith with;

        Reject(RejectWith with) {
            this.with = with;
        }

        @Override
        Outcome run(PacketFacts facts) {
            facts.rejectWith = with;
            return Outcome.REJECTED;
        }
    }

    /** nft_counter: packets and their length from the IP header on. */
    static final class Counter extends Step {
        private final Tally tally;
        private final int counter;

        Counter(Tally tally, long packets, long bytes) {
            this.tally = tally;
            counter = tally.add(packets, bytes);
        }

        @Override
        Outcome run(PacketFacts facts) {
            facts.trail.counted(counter);
            tally.count(counter, facts.packet.ipLength());
            return Outcome.NEXT;
        }

        RuleCount count(RuleOrigin origin) {
            return new RuleCount(origin, tally.packets(counter), tally.bytes(counter));
        }
    }

    /** The token bucket of nft_limit_eval, in nanoseconds of the packets' own time. */
    static final class Limit extends Step {
        private final LimitRate rate;
        private final long unitNanos;
        private final long packetCost;
        private final long fullNanos;
        private long tokens;
        private long last;
        private boolean started;

        LimitRate rate() {
            return rate;
        }

        Limit(LimitRate rate) {
            this.rate = rate;
            unitNanos = rate.unitSeconds() * 1_000_000_000L;
            packetCost = unitNanos / rate.amount();
            fullNanos =
                    rate.bytes()
                            ? scaled(unitNanos, rate.amount() + rate.burst(), rate.amount())
                            : packetCost * rate.burst();
            tokens = fullNanos;
        }

        @Override
        Outcome run(PacketFacts facts) {
            long now = facts.timeNanos;
            if (!started) {
                started = true;
                last = now;
            }
            tokens = Math.min(fullNanos, tokens + Math.max(0, now - last));
            last = now;
            long cost =
                    rate.bytes()
                            ? scaled(unitNanos, facts.packet.ipLength(), rate.amount())
                            : packetCost;
            boolean within = tokens >= cost;
            if (within) {
                tokens -= cost;
            }
            return Outcome.match(within != rate.over());
        }

        @Override
        void reset() {
            started = false;
            tokens = fullNanos;
        }

        /** a * b / c without overflow, for a, b, c at least 0 and a result that fits. */
        private static long scaled(long a, long b, long c) {
            long high = Math.multiplyHigh(a, b);
            if (high == 0 && a * b >= 0) {
                return a * b / c;
            }
            // Weeks of nanoseconds times gigabytes: split a, whose low part then cannot overflow.
            long whole = a / c;
            long rest = a % c;
            return whole * b + (long) ((double) rest * b / c);
        }
    }

    /** nft_quota_do_eval, as of Linux 6.16: a quota that is used up exactly still matches. */
    static final class Quota extends Step {
        private final QuotaSize size;
        private long used;

        Quota(QuotaSize size) {
            this.size = size;
            used = size.used();
        }

        /** With what is used by now. */
        QuotaSize size() {
            return new QuotaSize(size.bytes(), used, size.over());
        }

        @Override
        Outcome run(PacketFacts facts) {
            long after = used + facts.packet.ipLength();
            used = after < used ? Long.MAX_VALUE : after;
            return Outcome.match((used > size.bytes()) == size.over());
        }

        @Override
        void reset() {
            used = size.used();
        }
    }

    /** One of several steps, chosen by a key. */
    static final class Chosen extends Step {
        private final Value[] key;
        private final SetCode map;
        private final Step[] steps;

        Chosen(Value[] key, SetCode map, Step[] steps) {
            this.key = key;
            this.map = map;
            this.steps = steps;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!Value.allPresent(key, facts)) {
                return Outcome.BROKEN;
            }
            int found = map.find(key, facts);
            return found < 0 ? Outcome.BROKEN : steps[found].run(facts);
        }
    }

    /**
     * nft_ct_helper_obj_eval: only on the flow's first packet, only where the protocols fit, only
     * once. The rule goes on in any case.
     */
    static final class SetHelper extends Step {
        private final HelperObject helper;

        SetHelper(HelperObject helper) {
            this.helper = helper;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (helper.template()) {
                facts.template = helper;
                return Outcome.NEXT;
            }
            boolean open =
                    facts.hasFlow
                            && (facts.ctStatus
                                            & (PacketFacts.STATUS_CONFIRMED
                                                    | PacketFacts.STATUS_HELPER))
                                    == 0
                            && facts.helper == null;
            if (open
                    && facts.packet.protocol() == helper.l4proto()
                    && (helper.family() == 0 || helper.family() == facts.packet.ipVersion())) {
                facts.helper = helper;
                facts.ctStatus |= PacketFacts.STATUS_HELPER;
            }
            return Outcome.NEXT;
        }
    }

    /** nft_ct_timeout_obj_eval; the kernel leaves the protocol to the author, we insist on it. */
    static final class SetTimeout extends Step {
        private final TimeoutObject timeout;

        SetTimeout(TimeoutObject timeout) {
            this.timeout = timeout;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (facts.hasFlow
                    && (facts.ctStatus & PacketFacts.STATUS_CONFIRMED) == 0
                    && facts.packet.protocol() == timeout.l4proto()
                    && (timeout.family() == 0 || timeout.family() == facts.packet.ipVersion())) {
                facts.timeout = timeout;
            }
            return Outcome.NEXT;
        }
    }

    /** nft_notrack_eval: nothing where the packet already has a flow. */
    static final class Notrack extends Step {
        @Override
        Outcome run(PacketFacts facts) {
            if (!facts.hasFlow) {
                facts.notrack = true;
                facts.ctState = io.pinhole.core.CtState.UNTRACKED;
            }
            return Outcome.NEXT;
        }
    }

    static final class SetMark extends Step {
        private final Value value;

        SetMark(Value value) {
            this.value = value;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!value.present(facts)) {
                return Outcome.BROKEN;
            }
            facts.mark = (int) value.low(facts);
            facts.trail.bits |= Trail.SETS_MARK;
            return Outcome.NEXT;
        }
    }

    /** nft_ct_set_eval: nothing where the packet has no flow. */
    static final class SetCtMark extends Step {
        private final Value value;

        SetCtMark(Value value) {
            this.value = value;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!value.present(facts)) {
                return Outcome.BROKEN;
            }
            int mark = (int) value.low(facts);
            facts.trail.bits |= Trail.SETS_CT_MARK;
            if (facts.hasFlow && facts.ctMark != mark) {
                facts.ctMark = mark;
                facts.ctMarkChanged = true;
            }
            return Outcome.NEXT;
        }
    }
}
