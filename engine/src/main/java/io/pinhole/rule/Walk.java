package io.pinhole.rule;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A remembered walk through the hooks: what came of it, what must hold for it to come again, and
 * what it leaves behind. Made by {@link RuleProgram#remember}, handed out by {@link
 * RuleProgram#recall}. Immutable.
 */
public final class Walk {
    // Every combination of flags that nf_conntrack_proto_tcp.c lets pass in an established flow,
    // PSH, URG, ECE and CWR being free: ACK, FIN ACK, RST, RST ACK.
    private static final int[] ORDINARY = {
        PacketView.ACK,
        PacketView.FIN | PacketView.ACK,
        PacketView.RST,
        PacketView.RST | PacketView.ACK
    };
    private static final int FREE = PacketView.PSH | PacketView.URG | 0xc0;

    private final Verdict verdict;
    private final Hook hook;
    private final RuleOrigin decidedBy;

    // ---- what must hold ----
    private final CtState ctState;
    private final Direction direction;
    private final int bits;
    private final long flags0;
    private final long flags1;
    private final long flags2;
    private final long flags3;
    private final @Nullable String inputInterface;
    private final @Nullable String outputInterface;
    private final int mark;
    private final int ctMark;
    private final int ctStatus;

    // ---- what it leaves behind ----
    private final int[] counters;
    private final int markAfter;
    private final int ctMarkAfter;
    private final @Nullable RejectWith rejectWith;

    /** Whether {@link #fitsOrdinary} may be true at all. */
    private final boolean ordinary;

    /** Whether {@link #fitsDropped} may be true at all. */
    private final boolean droppedAtFirst;

    Walk(PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        Trail trail = facts.trail;
        this.verdict = verdict;
        this.hook = hook;
        this.decidedBy = decidedBy;
        ctState = facts.ctState;
        direction = facts.ctDirection;
        bits = trail.bits;
        flags0 = trail.flags[0];
        flags1 = trail.flags[1];
        flags2 = trail.flags[2];
        flags3 = trail.flags[3];
        inputInterface = reads(Trail.INPUT) ? facts.inputInterface : null;
        outputInterface = reads(Trail.OUTPUT) ? facts.outputInterface : null;
        mark = reads(Trail.MARK) ? trail.mark : 0;
        ctMark = reads(Trail.CT_MARK) ? trail.ctMark : 0;
        ctStatus = reads(Trail.CT_STATUS) ? trail.ctStatus : 0;
        counters = Arrays.copyOf(trail.counters, trail.length);
        markAfter = reads(Trail.SETS_MARK) ? facts.mark : 0;
        ctMarkAfter = reads(Trail.SETS_CT_MARK) ? facts.ctMark : 0;
        rejectWith = verdict == Verdict.REJECT ? facts.rejectWith : null;
        ordinary = isOrdinary();
        droppedAtFirst = isDroppedAtFirst();
    }

    private boolean reads(int what) {
        return (bits & what) != 0;
    }

    /** The verdict of all hooks together. */
    public Verdict verdict() {
        return verdict;
    }

    /** As given to {@link RuleProgram#remember}. */
    public Hook hook() {
        return hook;
    }

    /** As given to {@link RuleProgram#remember}. */
    public RuleOrigin decidedBy() {
        return decidedBy;
    }

    /** True if a walk that just ended is this one: it need not be stored again. */
    @SuppressWarnings("ReferenceEquality") // origins and rejects are made once, at compile time
    boolean isThatOf(PacketFacts facts, Verdict v, Hook h, RuleOrigin by) {
        Trail t = facts.trail;
        return verdict == v
                && hook == h
                && decidedBy == by
                && ctState == facts.ctState
                && direction == facts.ctDirection
                && bits == t.bits
                && flags0 == t.flags[0]
                && flags1 == t.flags[1]
                && flags2 == t.flags[2]
                && flags3 == t.flags[3]
                && (!reads(Trail.INPUT) || same(inputInterface, facts.inputInterface))
                && (!reads(Trail.OUTPUT) || same(outputInterface, facts.outputInterface))
                && (!reads(Trail.MARK) || mark == t.mark)
                && (!reads(Trail.CT_MARK) || ctMark == t.ctMark)
                && (!reads(Trail.CT_STATUS) || ctStatus == t.ctStatus)
                && (!reads(Trail.SETS_MARK) || markAfter == facts.mark)
                && (!reads(Trail.SETS_CT_MARK) || ctMarkAfter == facts.ctMark)
                && (v != Verdict.REJECT || rejectWith == facts.rejectWith)
                && Arrays.equals(counters, 0, counters.length, t.counters, 0, t.length);
    }

    /** Of what {@link #isThatOf} compares, enough to spread walks over a hash table. */
    static int hash(PacketFacts facts, Verdict v, RuleOrigin by) {
        Trail t = facts.trail;
        int h = v.ordinal() * 31 + facts.ctState.ordinal();
        h = h * 31 + facts.ctDirection.ordinal();
        h = h * 31 + t.bits;
        h = h * 31 + System.identityHashCode(by);
        h = h * 31 + Long.hashCode(t.flags[0] ^ t.flags[1] * 3);
        h = h * 31 + ((t.bits & Trail.SETS_MARK) == 0 ? 0 : facts.mark);
        h = h * 31 + ((t.bits & Trail.SETS_CT_MARK) == 0 ? 0 : facts.ctMark);
        for (int i = 0; i < t.length; i++) {
            h = h * 31 + t.counters[i];
        }
        return h * 0x9e3779b9;
    }

    /** True if a packet with these facts would walk the same way. */
    boolean fits(PacketFacts facts) {
        if (ctState != facts.ctState || direction != facts.ctDirection) {
            return false;
        }
        int read = bits;
        if (read == 0) {
            return true;
        }
        return (!reads(Trail.FIRST_PACKET) || isConfirmed(facts.ctStatus))
                && (!reads(Trail.TCP_FLAGS) || allows(facts.packet.tcpFlags()))
                && (!reads(Trail.INPUT) || same(inputInterface, facts.inputInterface))
                && (!reads(Trail.OUTPUT) || same(outputInterface, facts.outputInterface))
                && (!reads(Trail.MARK) || mark == facts.mark)
                && (!reads(Trail.CT_MARK) || ctMark == facts.ctMark)
                && (!reads(Trail.CT_STATUS) || ctStatus == facts.ctStatus);
    }

    /** True if an ordinary packet of an established flow would walk this way; see the program. */
    boolean fitsOrdinary(@Nullable String input, @Nullable String output, int flowMark) {
        return ordinary
                && (!reads(Trail.INPUT) || same(inputInterface, input))
                && (!reads(Trail.OUTPUT) || same(outputInterface, output))
                && (!reads(Trail.CT_MARK) || ctMark == flowMark);
    }

    private boolean isOrdinary() {
        return acceptsAll()
                && (bits & (Trail.CT_STATUS | Trail.SETS_MARK | Trail.SETS_CT_MARK)) == 0
                && mark == 0;
    }

    /** True if a packet of a flow that is not in the table would walk this way; see the program. */
    boolean fitsDropped(int tcpFlags, @Nullable String input, @Nullable String output) {
        return droppedAtFirst
                && (!reads(Trail.TCP_FLAGS) || allows(tcpFlags))
                && (!reads(Trail.INPUT) || same(inputInterface, input))
                && (!reads(Trail.OUTPUT) || same(outputInterface, output));
    }

    private boolean isDroppedAtFirst() {
        int unwanted = Trail.CT_STATUS | Trail.FIRST_PACKET | Trail.SETS_MARK | Trail.SETS_CT_MARK;
        return verdict == Verdict.DROP
                && ctState == CtState.NEW
                && direction == Direction.ORIGINAL
                && (bits & unwanted) == 0
                && mark == 0
                && ctMark == 0;
    }

    void count(Tally tally, long length) {
        for (int counter : counters) {
            tally.count(counter, length);
        }
    }

    static boolean isConfirmed(int ctStatus) {
        return (ctStatus & PacketFacts.STATUS_CONFIRMED) != 0;
    }

    private boolean allows(int flags) {
        long word =
                switch (flags >>> 6) {
                    case 0 -> flags0;
                    case 1 -> flags1;
                    case 2 -> flags2;
                    default -> flags3;
                };
        return (word >>> (flags & 63) & 1) != 0;
    }

    @SuppressWarnings({"ReferenceEquality", "StringEquality"}) // names are nearly always the same
    private static boolean same(@Nullable String a, @Nullable String b) {
        return a == b || (a != null && a.equals(b));
    }

    /** Does to counters and facts what the rules would have done. */
    void repeat(PacketFacts facts, Tally tally) {
        count(tally, facts.packet.ipLength());
        facts.decidedBy = decidedBy;
        if (verdict == Verdict.REJECT) {
            facts.rejectWith = rejectWith;
        }
        if (reads(Trail.SETS_MARK)) {
            facts.mark = markAfter;
        }
        if (reads(Trail.SETS_CT_MARK) && facts.ctMark != ctMarkAfter) {
            facts.ctMark = ctMarkAfter;
            facts.ctMarkChanged = true;
        }
    }

    void credit(Tally tally, long packets, long bytes) {
        for (int counter : counters) {
            tally.credit(counter, packets, bytes);
        }
    }

    /** True if every further packet of this direction that conntrack finds valid is accepted. */
    boolean acceptsAll() {
        if (verdict != Verdict.ACCEPT || ctState != CtState.ESTABLISHED) {
            return false;
        }
        if (!reads(Trail.TCP_FLAGS)) {
            return true;
        }
        for (int flags : ORDINARY) {
            for (int more = FREE; ; more = more - 1 & FREE) {
                if (!allows(flags | more)) {
                    return false;
                }
                if (more == 0) {
                    break;
                }
            }
        }
        return true;
    }
}
