package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import io.pinhole.flow.FlowTable;
import io.pinhole.rule.RuleOrigin;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** One packet of a {@link PacketBatch}: where it lies, who judges it, and what came of it. */
final class BatchSlot {
    private static final Verdict[] VERDICTS = Verdict.values();
    private static final CtState[] STATES = CtState.values();
    private static final Hook[] HOOKS = Hook.values();
    private static final Anomaly[] ANOMALIES = Anomaly.values();
    private static final int ABSENT = 0xff;

    /** Place in its batch. */
    final int index;

    MemorySegment data = MemorySegment.NULL;
    long offset;
    int captured;
    int wire;
    @Nullable LinkType link;

    /** As captured, in nanoseconds since the epoch. */
    long timeNanos;

    /** Time does not run backwards: the latest so far. */
    long now;

    long position;
    @Nullable String input;
    @Nullable String output;

    final PlainPacket plain = new PlainPacket();

    /** Whether {@link #plain} holds the packet; {@link #wrap} reads any. */
    boolean isPlain;

    int shard;

    /** What its flow is found by, 0 if it has no ports; and whether that is an IPv6 flow. */
    int fingerprint;

    boolean v6;

    /** Where the flow table thinks that its flow is. */
    long hint;

    /** What decided; null where the packet has no verdict yet. */
    @Nullable RuleOrigin rule;

    private int verdict; // and ct, hook, why: a byte each
    @Nullable FlowKey datagram;
    boolean knocks;
    @Nullable InternalError fault;

    BatchSlot(int index) {
        this.index = index;
    }

    /** Reads the packet with everything that can be known of it. */
    Anomaly wrap(PacketView view) {
        LinkType type = link;
        if (type == null) {
            view.clear();
            return Anomaly.LINK_UNSUPPORTED;
        }
        return view.wrap(data, offset, captured, wire, type);
    }

    /** Reads what decides who judges the packet, and what its flow is found by. */
    void read(PacketView view, HostHash hash, int shards, long seed) {
        LinkType type = link;
        isPlain = type != null && plain.read(data, offset, captured, wire, type);
        if (isPlain) {
            shard = HostHash.shard(plain, shards);
            fingerprint = FlowTable.fingerprint(seed, plain);
            v6 = plain.isV6();
        } else {
            Anomaly bad = wrap(view);
            shard = hash.shard(view, shards);
            fingerprint = PacketPath.fingerprint(seed, view, bad);
            v6 = !view.isV4();
        }
    }

    void verdict(
            Verdict judged,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin decidedBy,
            Anomaly why) {
        verdict =
                judged.ordinal() << 24
                        | (ct == null ? ABSENT : ct.ordinal()) << 16
                        | (hook == null ? ABSENT : hook.ordinal()) << 8
                        | why.ordinal();
        rule = decidedBy;
    }

    /** Whether a packet that has its verdict passed. */
    boolean passed() {
        return verdict >>> 24 == Verdict.ACCEPT.ordinal();
    }

    void tell(VerdictSink verdicts) {
        RuleOrigin decidedBy = rule;
        if (decidedBy == null) {
            return;
        }
        int ct = verdict >>> 16 & 0xff;
        int hook = verdict >>> 8 & 0xff;
        verdicts.verdict(
                position,
                VERDICTS[verdict >>> 24],
                ct == ABSENT ? null : STATES[ct],
                hook == ABSENT ? null : HOOKS[hook],
                decidedBy,
                ANOMALIES[verdict & 0xff]);
    }
}
