package io.pinhole.rule;

import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A rule set compiled for matching. Owned by one thread: it counts without locks.
 *
 * <p>Chains of type nat are not in it; {@link RuleSet#natRules()} says whether that matters.
 */
public final class CompiledRules implements RuleProgram {
    /** A base chain, in the order in which its hook runs them. */
    record Base(Family family, int priority, boolean accept, RuleOrigin policy, ChainCode code) {}

    private final RuleSet source;
    private final Base[][] byHook;
    private final List<ChainCode> chains;
    private final Map<RuleOrigin, Step.Counter> counters;
    private final Tally tally;
    private final List<Step> stateful;
    private final List<LivingSet> livingSets;
    private boolean waiting; // for the first packet: timeouts begin to run with it
    private long lastNanos;
    private final Memos memos = new Memos();
    private final boolean readsInterfaces;
    private final boolean globalState;
    private final boolean assignsHelper;

    CompiledRules(
            RuleSet source,
            Base[][] byHook,
            List<ChainCode> chains,
            Map<RuleOrigin, Step.Counter> counters,
            Tally tally,
            List<Step> stateful,
            List<LivingSet> livingSets) {
        this.source = source;
        this.byHook = byHook;
        this.chains = chains;
        this.counters = counters;
        this.tally = tally;
        this.stateful = List.copyOf(stateful);
        this.livingSets = livingSets;
        waiting = !livingSets.isEmpty();
        readsInterfaces = !source.interfaceRules().isEmpty();
        globalState = source.hasGlobalState();
        assignsHelper = source.assignsHelper();
    }

    @Override
    public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
        facts.hook = hook;
        if (!livingSets.isEmpty()) {
            passing(facts.timeNanos);
        }
        int version = facts.packet.ipVersion();
        for (Base base : byHook[hook.ordinal()]) {
            if (base.priority < from || base.priority >= to || !base.family.sees(version)) {
                continue;
            }
            Step.Outcome outcome = base.code.run(facts);
            if (outcome.kind == Step.Outcome.ACCEPT) {
                continue;
            }
            if (outcome.kind == Step.Outcome.DROP) {
                return Verdict.DROP;
            }
            if (outcome.kind == Step.Outcome.REJECT) {
                return Verdict.REJECT;
            }
            facts.decidedBy = base.policy;
            if (!base.accept) {
                return Verdict.DROP;
            }
        }
        return Verdict.ACCEPT;
    }

    /**
     * As {@link #run}, with the same outcome, counters and effects, telling {@code trace} of each
     * rule. Slower, and it allocates.
     */
    public Verdict trace(Hook hook, int from, int to, PacketFacts facts, RuleTrace trace) {
        facts.hook = hook;
        if (!livingSets.isEmpty()) {
            passing(facts.timeNanos);
        }
        int version = facts.packet.ipVersion();
        for (Base base : byHook[hook.ordinal()]) {
            if (base.priority < from || base.priority >= to || !base.family.sees(version)) {
                continue;
            }
            trace.begin(base.code.table(), base.code.model());
            Step.Outcome outcome = base.code.traced(facts, trace);
            boolean byPolicy = !outcome.ends();
            Verdict verdict =
                    switch (outcome.kind) {
                        case Step.Outcome.ACCEPT -> Verdict.ACCEPT;
                        case Step.Outcome.DROP -> Verdict.DROP;
                        case Step.Outcome.REJECT -> Verdict.REJECT;
                        default -> base.accept ? Verdict.ACCEPT : Verdict.DROP;
                    };
            if (byPolicy) {
                facts.decidedBy = base.policy;
            }
            trace.end(base.code.model(), verdict, byPolicy ? base.policy : facts.decidedBy);
            if (verdict != Verdict.ACCEPT) {
                return verdict;
            }
        }
        return Verdict.ACCEPT;
    }

    private void passing(long nowNanos) {
        lastNanos = nowNanos;
        if (waiting) {
            livingSets.forEach(set -> set.start(nowNanos));
            waiting = false;
        }
    }

    @Override
    public void watch(PacketFacts facts) {
        facts.trail.start(facts);
    }

    @Override
    public int remember(
            int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        return memos.remember(memo, facts, verdict, hook, decidedBy);
    }

    @Override
    public @Nullable Walk recall(int memo, PacketFacts facts) {
        Walk walk = memos.walk(memo, facts.ctDirection);
        if (walk == null || !facts.hasFlow || !walk.fits(facts) || !Memos.isWhole(facts.packet)) {
            return null;
        }
        walk.repeat(facts, tally);
        return walk;
    }

    @Override
    public @Nullable Walk recallOrdinary(
            int memo,
            Direction direction,
            @Nullable String input,
            @Nullable String output,
            int ctMark) {
        Walk walk = memos.walk(memo, direction);
        return walk == null || !walk.fitsOrdinary(input, output, ctMark) ? null : walk;
    }

    @Override
    public @Nullable Walk recallDrop(
            int memo, int tcpFlags, @Nullable String input, @Nullable String output) {
        Walk walk = memos.walk(memo, Direction.ORIGINAL);
        return walk == null || !walk.fitsDropped(tcpFlags, input, output) ? null : walk;
    }

    @Override
    public void count(Walk walk, int bytes) {
        walk.count(tally, bytes);
    }

    @Override
    public boolean mayOffload(int memo) {
        Walk original = memos.walk(memo, Direction.ORIGINAL);
        Walk reply = memos.walk(memo, Direction.REPLY);
        return original != null && reply != null && original.acceptsAll() && reply.acceptsAll();
    }

    @Override
    public void credit(int memo, Direction direction, long packets, long bytes) {
        Walk walk = memos.walk(memo, direction);
        if (walk != null) {
            walk.credit(tally, packets, bytes);
        }
    }

    @Override
    public boolean replaces(RuleProgram earlier) {
        return !(earlier instanceof CompiledRules before) || memos.follow(before.memos);
    }

    @Override
    public boolean hasChains(Hook hook, int from, int to) {
        for (Base base : byHook[hook.ordinal()]) {
            if (base.priority >= from && base.priority < to) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean readsInterfaces() {
        return readsInterfaces;
    }

    @Override
    public boolean hasGlobalState() {
        return globalState;
    }

    @Override
    public boolean assignsHelper() {
        return assignsHelper;
    }

    @Override
    public String name() {
        return source.name();
    }

    /** Fills limits and quotas up again, as if no packet had passed; counters go on. */
    public void resetLimits() {
        stateful.forEach(Step::reset);
        livingSets.forEach(LivingSet::reset);
        waiting = !livingSets.isEmpty();
    }

    /**
     * Adds what another program of the same rule set counted, such as that of another shard.
     *
     * @param fresh one that has counted nothing
     */
    public void addCounts(CompiledRules other, CompiledRules fresh) {
        tally.addAll(other.tally, fresh.tally);
    }

    /** The elements of a set as they are now; null for a set that stays as it is written. */
    @Nullable List<Element> elements(ElementSet set) {
        for (LivingSet living : livingSets) {
            if (living.isOf(set)) {
                return living.elements(lastNanos);
            }
        }
        return null;
    }

    /** The chains, with what their rules counted. */
    List<ChainCode> chains() {
        return chains;
    }

    /** What the named counter shows that is declared here; null if no rule uses it. */
    @Nullable RuleCount counter(SourcePos declared, String tableAndName) {
        Step.Counter counter =
                counters.get(new RuleOrigin(declared.shortText(), "counter " + tableAndName));
        return counter == null ? null : counter.count(RuleOrigin.NONE);
    }

    /** The rule set this was made of. */
    public RuleSet source() {
        return source;
    }

    /** How often each rule matched so far, in the order of the text. */
    public List<RuleCount> counts() {
        List<RuleCount> out = new ArrayList<>();
        for (ChainCode chain : chains) {
            for (RuleCode rule : chain.rules()) {
                out.add(rule.count());
            }
        }
        return out;
    }

    /** What the named counters that rules use show; their origin is their declaration. */
    public List<RuleCount> counters() {
        List<RuleCount> out = new ArrayList<>();
        counters.forEach((origin, counter) -> out.add(counter.count(origin)));
        return out;
    }
}
