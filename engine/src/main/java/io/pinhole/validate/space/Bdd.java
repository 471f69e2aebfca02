package io.pinhole.validate.space;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Reduced ordered binary decision diagrams (R. E. Bryant, Graph-Based Algorithms for Boolean
 * Function Manipulation, 1986): sets of bit vectors where equality is one comparison. A set is an
 * int; nodes are shared and never freed, so that a budget bounds memory. One thread.
 *
 * <p>Why our own: the libraries on Maven Central are a decade old, and what a rule set needs of one
 * are two hundred lines.
 */
public final class Bdd {
    public static final int FALSE = 0;
    public static final int TRUE = 1;

    /** Bytes of a node, a place in the hash table and the copying of one array included. */
    private static final int NODE_BYTES = 26;

    /** Bytes of the cache of results, and the rule set's own. */
    private static final long BESIDE_NODES = 100L << 20;

    private static final int LEAF = Integer.MAX_VALUE;
    private static final int AND = 0;
    private static final int OR = 1;
    private static final int DIFF = 2;
    private static final int XOR = 3;
    private static final int MAX_CACHE = 1 << 22;

    private final int budget;

    // Bit i of a vector is asked for at this level, and the other way round; beyond, i itself.
    private final int[] levels;
    private final int[] indexes;

    // Nodes: the level that they ask for.
    private int[] variable = new int[1 << 14];
    private int[] low = new int[1 << 14];
    private int[] high = new int[1 << 14];
    private int[] chain = new int[1 << 14];
    private int[] buckets = new int[1 << 14];
    private int size = 2;

    private long[] cacheKey = new long[1 << 14];
    private long[] cacheKey2 = new long[1 << 14];
    private int[] cacheValue = new int[1 << 14];

    /** There is more to a question than fits into memory. */
    public static final class TooLarge extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooLarge(int budget) {
            super(
                    "the rule set is too entangled for an exact answer in %,d nodes"
                            .formatted(budget));
        }
    }

    /** As many nodes as go into three quarters of the heap, with what is beside them. */
    static int defaultBudget() {
        long room = Runtime.getRuntime().maxMemory() / 4 * 3 - BESIDE_NODES;
        return Math.clamp(room / NODE_BYTES, 1 << 20, 1 << 28);
    }

    public Bdd() {
        this(defaultBudget());
    }

    /**
     * @param budget most nodes there may ever be
     */
    public Bdd(int budget) {
        this(budget, new int[0]);
    }

    /**
     * @param levels the order in which the first bits are asked for: bit i at level {@code
     *     levels[i]}; a permutation
     */
    Bdd(int budget, int[] levels) {
        this.budget = budget;
        this.levels = levels;
        indexes = new int[levels.length];
        for (int i = 0; i < levels.length; i++) {
            indexes[levels[i]] = i;
        }
        variable[FALSE] = LEAF;
        variable[TRUE] = LEAF;
        Arrays.fill(buckets, -1);
    }

    /** Nodes made so far. */
    public int nodes() {
        return size;
    }

    /** The level that a node asks for; more than any for the two leaves. */
    int level(int node) {
        return variable[node];
    }

    /** The level at which bit {@code index} is asked for. */
    int levelOf(int index) {
        return index < levels.length ? levels[index] : index;
    }

    private int indexAt(int level) {
        return level < indexes.length ? indexes[level] : level;
    }

    private BitSet levelsOf(BitSet bits) {
        BitSet out = new BitSet();
        bits.stream().forEach(i -> out.set(levelOf(i)));
        return out;
    }

    public int low(int node) {
        return low[node];
    }

    public int high(int node) {
        return high[node];
    }

    /** All vectors with this bit set. */
    public int bit(int index) {
        return node(levelOf(index), FALSE, TRUE);
    }

    /** {@code level ? high : low}; both must ask at later levels only. */
    private int node(int index, int lowChild, int highChild) {
        if (lowChild == highChild) {
            return lowChild;
        }
        int slot = mix(index, lowChild, highChild) & buckets.length - 1;
        for (int n = buckets[slot]; n >= 0; n = chain[n]) {
            if (variable[n] == index && low[n] == lowChild && high[n] == highChild) {
                return n;
            }
        }
        if (size == budget) {
            throw new TooLarge(budget);
        }
        if (size == variable.length) {
            grow();
            slot = mix(index, lowChild, highChild) & buckets.length - 1;
        }
        int n = size++;
        variable[n] = index;
        low[n] = lowChild;
        high[n] = highChild;
        chain[n] = buckets[slot];
        buckets[slot] = n;
        return n;
    }

    private void grow() {
        int to = (int) Math.min(budget, variable.length * 2L);
        variable = Arrays.copyOf(variable, to);
        low = Arrays.copyOf(low, to);
        high = Arrays.copyOf(high, to);
        chain = Arrays.copyOf(chain, to);
        buckets = new int[Integer.highestOneBit(Math.max(1, to - 1)) << 1];
        Arrays.fill(buckets, -1);
        for (int n = 2; n < size; n++) {
            int slot = mix(variable[n], low[n], high[n]) & buckets.length - 1;
            chain[n] = buckets[slot];
            buckets[slot] = n;
        }
        if (cacheValue.length < MAX_CACHE) {
            int entries = cacheValue.length * 2;
            cacheKey = new long[entries];
            cacheKey2 = new long[entries];
            cacheValue = new int[entries];
        }
    }

    private static int mix(int a, int b, int c) {
        long h = a * 0x9e3779b97f4a7c15L + b * 0xc2b2ae3d27d4eb4fL + c * 0x165667b19e3779f9L;
        h ^= h >>> 32;
        h *= 0xd6e8feb86659fd93L;
        return (int) (h ^ h >>> 32);
    }

    public int and(int a, int b) {
        return apply(AND, a, b);
    }

    public int or(int a, int b) {
        return apply(OR, a, b);
    }

    /** In {@code a} and not in {@code b}. */
    public int minus(int a, int b) {
        return apply(DIFF, a, b);
    }

    public int xor(int a, int b) {
        return apply(XOR, a, b);
    }

    public int not(int a) {
        return apply(DIFF, TRUE, a);
    }

    public int ifThenElse(int condition, int yes, int no) {
        if (yes == no) {
            return yes;
        }
        return or(and(condition, yes), minus(no, condition));
    }

    public boolean isSubset(int a, int b) {
        return minus(a, b) == FALSE;
    }

    private int apply(int operation, int a, int b) {
        switch (operation) {
            case AND -> {
                if (a == FALSE || b == FALSE) {
                    return FALSE;
                }
                if (a == TRUE || a == b) {
                    return b;
                }
                if (b == TRUE) {
                    return a;
                }
            }
            case OR -> {
                if (a == TRUE || b == TRUE) {
                    return TRUE;
                }
                if (a == FALSE || a == b) {
                    return b;
                }
                if (b == FALSE) {
                    return a;
                }
            }
            case DIFF -> {
                if (a == FALSE || b == TRUE || a == b) {
                    return FALSE;
                }
                if (b == FALSE) {
                    return a;
                }
            }
            default -> {
                if (a == b) {
                    return FALSE;
                }
                if (a == FALSE) {
                    return b;
                }
                if (b == FALSE) {
                    return a;
                }
            }
        }
        if (operation != DIFF && a > b) {
            int swap = a;
            a = b;
            b = swap;
        }
        long key = (long) a << 32 | b;
        int slot = mix(a, b, operation) & cacheValue.length - 1;
        // The first key is never 0 for two inner nodes, and only these come here, or TRUE - x.
        if (cacheKey[slot] == key && cacheKey2[slot] == operation) {
            return cacheValue[slot];
        }
        int va = variable[a];
        int vb = variable[b];
        int top = Math.min(va, vb);
        int lowResult = apply(operation, va == top ? low[a] : a, vb == top ? low[b] : b);
        int highResult = apply(operation, va == top ? high[a] : a, vb == top ? high[b] : b);
        int result = node(top, lowResult, highResult);
        remember(key, operation, result, mix(a, b, operation));
        return result;
    }

    private void remember(long key, long key2, int result, int hash) {
        int slot = hash & cacheValue.length - 1;
        cacheKey[slot] = key;
        cacheKey2[slot] = key2;
        cacheValue[slot] = result;
    }

    /** The union of all sets, in a tree: cheaper than one after the other. */
    public int any(int... sets) {
        return balanced(OR, sets, 0, sets.length);
    }

    private int balanced(int operation, int[] sets, int from, int to) {
        if (to - from <= 1) {
            return to == from ? FALSE : sets[from];
        }
        int middle = from + to >>> 1;
        return apply(
                operation,
                balanced(operation, sets, from, middle),
                balanced(operation, sets, middle, to));
    }

    /** Vectors that are in the set with some value of these bits. */
    public int exists(int set, BitSet bits) {
        return exists(set, levelsOf(bits), new HashMap<>());
    }

    private int exists(int set, BitSet bits, Map<Integer, Integer> done) {
        if (set <= TRUE || bits.nextSetBit(variable[set]) < 0) {
            return set;
        }
        Integer known = done.get(set);
        if (known != null) {
            return known;
        }
        int no = exists(low[set], bits, done);
        int result;
        if (bits.get(variable[set])) {
            result = no == TRUE ? TRUE : or(no, exists(high[set], bits, done));
        } else {
            result = node(variable[set], no, exists(high[set], bits, done));
        }
        done.put(set, result);
        return result;
    }

    /** The set with bit i of each vector moved to place {@code to[i]}; each place once. */
    public int permute(int set, int[] to) {
        return permute(set, to, new HashMap<>());
    }

    private int permute(int set, int[] to, Map<Integer, Integer> done) {
        if (set <= TRUE) {
            return set;
        }
        Integer known = done.get(set);
        if (known != null) {
            return known;
        }
        int no = permute(low[set], to, done);
        int yes = permute(high[set], to, done);
        int index = indexAt(variable[set]);
        int result = ifThenElse(bit(index < to.length ? to[index] : index), yes, no);
        done.put(set, result);
        return result;
    }

    /**
     * How many vectors over the given bits are in the set.
     *
     * @param bits all that the set asks for, or more
     */
    public BigInteger count(int set, BitSet bits) {
        int[] order = levelsOf(bits).stream().toArray();
        Map<Integer, Integer> place = new HashMap<>();
        for (int i = 0; i < order.length; i++) {
            place.put(order[i], i);
        }
        return count(set, 0, order.length, place, new HashMap<>());
    }

    private BigInteger count(
            int set,
            int from,
            int bits,
            Map<Integer, Integer> place,
            Map<Integer, BigInteger> done) {
        if (set == FALSE) {
            return BigInteger.ZERO;
        }
        int at = set == TRUE ? bits : place.getOrDefault(variable[set], bits);
        BigInteger here;
        if (set == TRUE) {
            here = BigInteger.ONE;
        } else {
            BigInteger known = done.get(set);
            if (known == null) {
                known =
                        count(low[set], at + 1, bits, place, done)
                                .add(count(high[set], at + 1, bits, place, done));
                done.put(set, known);
            }
            here = known;
        }
        return here.shiftLeft(at - from);
    }

    /** True if the vector is in the set. */
    public boolean contains(int set, BitSet vector) {
        int n = set;
        while (n > TRUE) {
            n = vector.get(indexAt(variable[n])) ? high[n] : low[n];
        }
        return n == TRUE;
    }

    /** A vector of a set that is not empty; bits it does not ask for are zero. */
    public BitSet one(int set) {
        if (set == FALSE) {
            throw new IllegalArgumentException("the empty set has no vector");
        }
        BitSet out = new BitSet();
        int n = set;
        while (n > TRUE) {
            if (low[n] != FALSE) {
                n = low[n];
            } else {
                out.set(indexAt(variable[n]));
                n = high[n];
            }
        }
        return out;
    }
}
