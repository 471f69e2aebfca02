package io.pinhole.rule;

import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;

/**
 * A compiled rule set. {@link #run} allocates nothing and throws nothing. Not thread-safe where
 * {@link #hasGlobalState()}: one instance per shard, or one shard.
 */
public interface RuleProgram {
    /** Priority at which connection tracking happens (NF_IP_PRI_CONNTRACK). */
    int CONNTRACK_PRIORITY = -200;

    /**
     * Runs the base chains of {@code hook} whose priority p satisfies from &lt;= p &lt; to, in
     * order of priority.
     *
     * @return ACCEPT, DROP or REJECT; {@code facts.decidedBy} names the rule or policy, and stays
     *     as it was where no chain ran
     */
    Verdict run(Hook hook, int from, int to, PacketFacts facts);

    /** True if any base chain is attached to {@code hook} in this range of priorities. */
    boolean hasChains(Hook hook, int from, int to);

    /** True if any rule reads iif, oif, iifname or oifname. */
    boolean readsInterfaces();

    /** True if verdicts depend on limits, quotas or counts across flows. */
    boolean hasGlobalState();

    /** True if any rule assigns a helper of type ftp. */
    boolean assignsHelper();

    /** Name for messages: the file name without directories. */
    String name();
}
