package io.pinhole.rule;

import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import org.jspecify.annotations.Nullable;

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

    /** In place of a memo where nothing is remembered; what a new flow starts with. */
    int NO_MEMO = 0;

    /**
     * Begins to note what rules read and count. Whoever wants the verdict of a flow's packets
     * remembered does this for each of them, once its facts are filled in after connection
     * tracking:
     *
     * <pre>{@code
     * Walk walk = rules.recall(flow.memo, facts);
     * if (walk != null) {
     *     verdict = walk.verdict(); hook = walk.hook(); rule = walk.decidedBy();
     * } else {
     *     rules.watch(facts);
     *     ... the chains from connection tracking on, as ever ...
     *     flow.memo = rules.remember(flow.memo, facts, verdict, hook, rule);
     * }
     * }</pre>
     *
     * <p>The memo is one int for both directions of a flow, {@link #NO_MEMO} in a new flow; it
     * means something only to the program that gave it. Chains before connection tracking are not
     * part of it and run for every packet.
     */
    default void watch(PacketFacts facts) {}

    /**
     * Remembers how the packet fared that was watched: call it where the last hook has run, before
     * anything else changes {@code facts}.
     *
     * @param memo the flow's memo so far, of any program
     * @param verdict that of all hooks together; with {@code hook} and {@code decidedBy} what
     *     {@link #recall} is to give back
     * @return the flow's memo from now on. Allocates only for a walk that no flow took before
     */
    default int remember(
            int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
        return NO_MEMO;
    }

    /**
     * The walk that this packet would take, if it is known; then all counters on it have moved and
     * {@code facts} (marks, {@code rejectWith}, {@code decidedBy}) are as the rules would have left
     * them. Null where the rules must run: nothing is remembered for this direction, or something
     * the walk depends on differs now (ct state, ct mark, an interface, TCP flags that a rule
     * tested …), or the memo is another program's. Reads of {@code facts} what rules may read.
     *
     * @param memo of the packet's flow
     */
    default @Nullable Walk recall(int memo, PacketFacts facts) {
        return null;
    }

    /**
     * The walk of a packet of an established flow that has ACK and nothing rare, if it is known,
     * accepts, and leaves no more behind than what {@link #count} does. Null otherwise; then {@link
     * #recall} may know more.
     *
     * @param memo of the packet's flow
     * @param ctMark of the flow
     */
    default @Nullable Walk recallOrdinary(
            int memo,
            Direction direction,
            @Nullable String input,
            @Nullable String output,
            int ctMark) {
        return null;
    }

    /**
     * The walk of a packet that could begin a flow, if it is known, drops, and leaves no more
     * behind than what {@link #count} does. Null otherwise.
     *
     * @param memo of a packet with the same 5-tuple that began no flow: its ct state was new, and
     *     no mark, helper or expectation went with it
     * @param tcpFlags of the packet, 0 if it is not TCP
     */
    default @Nullable Walk recallDrop(
            int memo, int tcpFlags, @Nullable String input, @Nullable String output) {
        return null;
    }

    /**
     * Moves the counters on a walk that {@link #recallOrdinary} or {@link #recallDrop} gave.
     *
     * @param bytes IP length of the packet
     */
    default void count(Walk walk, int bytes) {}

    /**
     * True if no rule needs to see another packet of this flow: both directions are established,
     * both are accepted whatever their next valid packet holds, and no limit, quota or test of a
     * packet's own fields was on their way. The kernel may carry the flow on; what it carried can
     * be counted by {@link #credit}.
     */
    default boolean mayOffload(int memo) {
        return false;
    }

    /**
     * Counts packets that passed without the program having seen them, as if they had taken the
     * remembered walk. Does nothing where there is none.
     *
     * @param bytes IP packets' lengths, headers included
     */
    default void credit(int memo, Direction direction, long packets, long bytes) {}

    /**
     * Takes the place of another program whose memos are still in the flow table: none of them will
     * mean anything to this one.
     *
     * @return true if that cannot be kept up (once in 4,095 reloads): set all memos to {@link
     *     #NO_MEMO} before the next packet
     */
    default boolean replaces(RuleProgram earlier) {
        return true;
    }

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
