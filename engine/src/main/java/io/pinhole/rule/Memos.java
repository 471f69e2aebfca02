package io.pinhole.rule;

import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The walks that packets took, each kept once, and the pairs of them (one for each direction of a
 * flow) that memos name. A memo is a generation above a pair's number, so that what an earlier rule
 * set remembered says nothing to a later one.
 *
 * <p>Bounded: when there is no more room everything is forgotten and a new generation begins.
 */
final class Memos {
    private static final int PAIR_BITS = 20;
    private static final int PAIR_MASK = (1 << PAIR_BITS) - 1;
    private static final int GENERATIONS = 1 << 32 - PAIR_BITS;

    private final int maxPairs;
    private int generation = 1;
    private boolean exhausted;

    // Open addressing, at most half full. Numbers start at 1; 0 is a free place or no walk.
    private int[] walkTable = new int[64];
    private @Nullable Walk[] walks = new Walk[32];
    private int[] hashes = new int[32];
    private int walkCount = 1;
    private int[] pairTable = new int[64];
    private long[] pairs = new long[32];
    private int pairCount = 1;

    Memos() {
        this(1 << 18);
    }

    /**
     * @param maxPairs bound for the walks, too; at most 2^20
     */
    Memos(int maxPairs) {
        this.maxPairs = maxPairs;
    }

    /** True if the generations have all been used and begin anew. */
    boolean follow(Memos earlier) {
        generation = earlier.generation + 1;
        exhausted = false;
        boolean wrapped = generation >= GENERATIONS || earlier.exhausted;
        if (wrapped) {
            generation = 1;
        }
        return wrapped;
    }

    private boolean isCurrent(int memo) {
        return memo >>> PAIR_BITS == generation && (memo & PAIR_MASK) < pairCount;
    }

    @Nullable Walk walk(int memo, Direction direction) {
        if (!isCurrent(memo)) {
            return null;
        }
        long pair = pairs[memo & PAIR_MASK];
        return walks[direction == Direction.ORIGINAL ? (int) (pair >>> 32) : (int) pair];
    }

    /**
     * True if header fields that name the flow can be read, and nothing else of the packet decides
     * whether they can.
     */
    static boolean isWhole(PacketView p) {
        return switch (p.protocol()) {
            case PacketView.TCP -> p.transportCaptured() >= 20 && !p.isFragment();
            case PacketView.UDP -> p.transportCaptured() >= 8 && !p.isFragment();
            default -> false;
        };
    }

    int remember(int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        int kept = isCurrent(memo) ? memo : RuleProgram.NO_MEMO;
        int bits = facts.trail.bits;
        if (!facts.hasFlow
                || exhausted
                || !isWhole(facts.packet)
                || (bits & Trail.PER_PACKET) != 0
                || ((bits & Trail.FIRST_PACKET) != 0 && !Walk.isConfirmed(facts.trail.ctStatus))
                || ((bits & Trail.TCP_FLAGS) != 0 && facts.packet.protocol() != PacketView.TCP)) {
            return kept;
        }
        if (walkCount >= maxPairs || pairCount >= maxPairs) {
            forget();
            kept = RuleProgram.NO_MEMO;
            if (exhausted) {
                return kept;
            }
        }
        long walk = intern(facts, verdict, hook, decidedBy);
        long pair = kept == RuleProgram.NO_MEMO ? 0 : pairs[kept & PAIR_MASK];
        pair =
                facts.ctDirection == Direction.ORIGINAL
                        ? walk << 32 | pair & 0xffff_ffffL
                        : pair & 0xffff_ffff_0000_0000L | walk;
        return generation << PAIR_BITS | pair(pair);
    }

    private int intern(PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        int mask = walkTable.length - 1;
        int at = Walk.hash(facts, verdict, decidedBy) >>> 4 & mask;
        while (walkTable[at] != 0) {
            Walk known = walks[walkTable[at]];
            if (known != null && known.isThatOf(facts, verdict, hook, decidedBy)) {
                return walkTable[at];
            }
            at = at + 1 & mask;
        }
        int number = walkCount++;
        walkTable[at] = number;
        if (number == walks.length) {
            walks = Arrays.copyOf(walks, number * 2);
            walkTable = new int[number * 4];
            hashes = Arrays.copyOf(hashes, number * 2);
            for (int i = 1; i < number; i++) {
                place(walkTable, hashes[i], i);
            }
            place(walkTable, Walk.hash(facts, verdict, decidedBy), number);
        }
        hashes[number] = Walk.hash(facts, verdict, decidedBy);
        walks[number] = new Walk(facts, verdict, hook, decidedBy);
        return number;
    }

    private static void place(int[] table, int hash, int number) {
        int mask = table.length - 1;
        int at = hash >>> 4 & mask;
        while (table[at] != 0) {
            at = at + 1 & mask;
        }
        table[at] = number;
    }

    private int pair(long pair) {
        int mask = pairTable.length - 1;
        int at = hash(pair) >>> 4 & mask;
        while (pairTable[at] != 0) {
            if (pairs[pairTable[at]] == pair) {
                return pairTable[at];
            }
            at = at + 1 & mask;
        }
        int number = pairCount++;
        pairTable[at] = number;
        if (number == pairs.length) {
            pairs = Arrays.copyOf(pairs, number * 2);
            pairTable = new int[number * 4];
            for (int i = 1; i < number; i++) {
                place(pairTable, hash(pairs[i]), i);
            }
            place(pairTable, hash(pair), number);
        }
        pairs[number] = pair;
        return number;
    }

    private static int hash(long pair) {
        return (int) (pair * 0x9e37_79b9_7f4a_7c15L >>> 32);
    }

    private void forget() {
        if (++generation >= GENERATIONS) {
            exhausted = true;
            generation = GENERATIONS - 1;
        }
        walkTable = new int[64];
        walks = new Walk[32];
        hashes = new int[32];
        walkCount = 1;
        pairTable = new int[64];
        pairs = new long[32];
        pairCount = 1;
    }
}
