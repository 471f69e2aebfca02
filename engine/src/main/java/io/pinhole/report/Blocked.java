package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Packets that did not pass, grouped by cause: verdict, rule, ct state, hook and anomaly. A packet
 * of a known cause allocates nothing.
 */
final class Blocked {
    private final int maxCauses;
    private final Map<Cause, Group> groups = new HashMap<>();
    private final Cause probe = new Cause();
    private @Nullable Group last;
    private long others;

    /**
     * @param maxCauses packets of further causes are only counted
     */
    Blocked(int maxCauses) {
        this.maxCauses = maxCauses;
    }

    /** Map key, mutable so that one probe serves all look-ups. */
    private static final class Cause {
        private Verdict verdict = Verdict.DROP;
        private RuleOrigin rule = RuleOrigin.NONE;
        private @Nullable CtState ct;
        private @Nullable Hook hook;
        private Anomaly why = Anomaly.NONE;

        Cause set(Verdict verdict, RuleOrigin rule, @Nullable CtState ct, @Nullable Hook hook) {
            this.verdict = verdict;
            this.rule = rule;
            this.ct = ct;
            this.hook = hook;
            return this;
        }

        Cause copy() {
            Cause copy = new Cause().set(verdict, rule, ct, hook);
            copy.why = why;
            return copy;
        }

        @Override
        public boolean equals(@Nullable Object o) {
            return o instanceof Cause c
                    && verdict == c.verdict
                    && ct == c.ct
                    && hook == c.hook
                    && why == c.why
                    && rule.equals(c.rule);
        }

        @Override
        public int hashCode() {
            int h = rule.text().hashCode(); // a String remembers its hash
            h = 31 * h + verdict.ordinal();
            h = 31 * h + (ct == null ? -1 : ct.ordinal());
            h = 31 * h + (hook == null ? -1 : hook.ordinal());
            return 31 * h + why.ordinal();
        }
    }

    /** The packets of one cause. */
    static final class Group {
        private final Cause cause;
        private final long first;
        private long count;
        private @Nullable FlowKey example;

        private Group(Cause cause, long first) {
            this.cause = cause;
            this.first = first;
        }

        Verdict verdict() {
            return cause.verdict;
        }

        RuleOrigin rule() {
            return cause.rule;
        }

        @Nullable CtState ct() {
            return cause.ct;
        }

        @Nullable Hook hook() {
            return cause.hook;
        }

        Anomaly why() {
            return cause.why;
        }

        /** Position of the first packet settled. */
        long first() {
            return first;
        }

        long count() {
            return count;
        }

        /** The flow of one of the packets; null if none is known. */
        @Nullable FlowKey example() {
            return example;
        }
    }

    /**
     * @param flow asked where this cause has no example yet; null if the packet is not the current
     *     one
     */
    void add(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why,
            @Nullable FlowSource flow) {
        probe.set(verdict, rule, ct, hook).why = why;
        Group group = last != null && last.cause.equals(probe) ? last : groups.get(probe);
        if (group == null) {
            if (groups.size() >= maxCauses) {
                others++;
                return;
            }
            Cause cause = probe.copy();
            group = new Group(cause, position);
            groups.put(cause, group);
        }
        last = group;
        group.count++;
        if (group.example == null && flow != null) {
            group.example = flow.flow();
        }
    }

    /** Largest first, equals in order of their first packets. */
    List<Group> largestFirst() {
        return groups.values().stream()
                .sorted(
                        Comparator.comparingLong(Group::count)
                                .reversed()
                                .thenComparingLong(Group::first))
                .toList();
    }

    /** Packets of causes past the limit. */
    long others() {
        return others;
    }

    long total() {
        long sum = others;
        for (Group group : groups.values()) {
            sum += group.count;
        }
        return sum;
    }
}
