package io.pinhole.rule;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a rule may read of one packet, and what it may change. Filled by {@code path}, re-used for
 * each packet; one thread.
 */
public final class PacketFacts {
    // Bits of ct status (linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_status).
    public static final int STATUS_EXPECTED = 1;
    public static final int STATUS_SEEN_REPLY = 1 << 1;
    public static final int STATUS_ASSURED = 1 << 2;
    public static final int STATUS_CONFIRMED = 1 << 3;
    public static final int STATUS_HELPER = 1 << 13;

    // ---- read by rules ----

    public PacketView packet = new PacketView();

    /** Packet time in nanoseconds since the epoch; limits count in it. */
    public long timeNanos;

    /** Name of the interface the packet came in by; null where unknown or none. */
    public @Nullable String inputInterface;

    /** Name of the interface the packet leaves by; null where unknown, none, or not yet routed. */
    public @Nullable String outputInterface;

    /** What the host has taken off the TTL or hop limit by the hook that is being run. */
    public int hopsTaken;

    /** {@code ct state}; before connection tracking INVALID, or UNTRACKED after notrack. */
    public CtState ctState = CtState.INVALID;

    /**
     * True if the packet belongs to a tracked flow: every other ct key but the state matches
     * nothing when false, as in the kernel.
     */
    public boolean hasFlow;

    public Direction ctDirection = Direction.ORIGINAL;
    public int ctStatus;
    public int ctMark;
    public int ctId;

    /** Names the packet's flow to {@link #flows}; meaningless without a flow. */
    public long flow;

    /** Knows which flows are open, for {@code ct count}. */
    public LiveFlows flows = LiveFlows.NONE;

    /** Milliseconds until the flow expires. */
    public long ctExpirationMillis;

    /** Type of the helper of the flow's parent, e.g. "ftp"; null if the flow has no parent. */
    public @Nullable String parentHelper;

    /** The flow's original direction: addresses as two longs, IPv4 in mapped form. */
    public long originalSourceHigh;

    public long originalSourceLow;
    public long originalDestinationHigh;
    public long originalDestinationLow;
    public int originalSourcePort;
    public int originalDestinationPort;

    /** The host's own addresses, for the types of addresses. */
    public List<IpAddress> localAddresses = List.of();

    // ---- changed by rules ----

    /** {@code meta mark}. */
    public int mark;

    /** Set by {@code notrack}; only {@code path} clears it. */
    public boolean notrack;

    /**
     * Set by {@code ct helper set}: the helper object assigned to the packet's flow. The program
     * sets it only where the kernel would (flow present and unconfirmed, l3proto and l4proto fit).
     */
    public @Nullable HelperObject helper;

    /** Set by {@code -j CT --helper}: for the flow that this packet begins, if it begins one. */
    public @Nullable HelperObject template;

    /** Set by {@code ct timeout set}. */
    public @Nullable TimeoutObject timeout;

    /** True once a rule changed {@link #ctMark}. */
    public boolean ctMarkChanged;

    // ---- result of the last run ----

    /** The rule or policy that decided: that of the drop or reject, else of the last accept. */
    public RuleOrigin decidedBy = RuleOrigin.NONE;

    /** How the last reject wants the sender told; null where no rule rejected. */
    public @Nullable RejectWith rejectWith;

    /** The hook that is being run. */
    public Hook hook = Hook.PREROUTING;

    /** What rules read since {@link RuleProgram#watch}. */
    final Trail trail = new Trail();
}
