package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import java.util.IdentityHashMap;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A fingerprint of verdicts: two runs that judged the same packets alike have the same. It covers
 * each packet's number within its file, verdict, ct state, hook, rule and reason. Order does not
 * matter, so several shards' digests add up. Against chance, not against forgery. One thread.
 */
public final class VerdictDigest {
    private static final int MAX_RULES = 1 << 16;

    private static final long[] REASONS = new long[Anomaly.values().length];

    static {
        for (Anomaly a : Anomaly.values()) {
            REASONS[a.ordinal()] = hash(a.label());
        }
    }

    private final IdentityHashMap<RuleOrigin, Long> rules = new IdentityHashMap<>();
    private long first;
    private long second;
    private long packets;

    /** Adds one verdict; the arguments are those of {@link VerdictSink}. */
    public void add(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        long fields =
                verdict.ordinal()
                        | (ct == null ? 0xff : ct.ordinal()) << 8
                        | (hook == null ? 0xff : hook.ordinal()) << 16;
        fields ^= REASONS[why.ordinal()] << 24;
        long h = mix(Positions.number(position) * 0x9e37_79b9_7f4a_7c15L + fields);
        h = mix(h ^ hash(rule));
        first += h;
        second += mix(h + 0x632b_e59b_d9b4_e019L);
        packets++;
    }

    /** Adds what another digest has. */
    public void add(VerdictDigest other) {
        first += other.first;
        second += other.second;
        packets += other.packets;
    }

    private long hash(RuleOrigin rule) {
        Long known = rules.get(rule);
        if (known != null) {
            return known;
        }
        long h = hash(rule.text());
        if (rules.size() < MAX_RULES) {
            rules.put(rule, h);
        }
        return h;
    }

    /** FNV-1a, 64 bits. */
    private static long hash(String text) {
        long h = 0xcbf2_9ce4_8422_2325L;
        for (int i = 0; i < text.length(); i++) {
            h = (h ^ text.charAt(i)) * 0x100_0000_01b3L;
        }
        return h;
    }

    /** The finaliser of SplitMix64. */
    private static long mix(long value) {
        long h = (value ^ value >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        h = (h ^ h >>> 27) * 0x94d0_49bb_1331_11ebL;
        return h ^ h >>> 31;
    }

    public long packets() {
        return packets;
    }

    /** 32 hexadecimal digits. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%016x%016x", first, second);
    }
}
