package io.pinhole.gateway;

import io.pinhole.capture.linux.Interfaces;
import io.pinhole.capture.linux.LinuxException;
import io.pinhole.capture.linux.NfQueue;
import io.pinhole.capture.linux.RawIp;
import io.pinhole.capture.linux.Waiter;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.path.Event;
import io.pinhole.path.JournalEntry;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The shard of one NFQUEUE. */
final class QueueShard extends Shard {
    private static final Logger LOG = LoggerFactory.getLogger(QueueShard.class);
    private static final int IDLE_MILLIS = 100;
    private static final int REJECTION_BYTES = 1280;

    private final NfQueue queue;
    private final Waiter waiter;
    private final GatewayOptions options;
    private final Offloads offloaded;
    private final @Nullable RawIp raw;
    private final EventHub events;
    private final int index;

    /** All shards in order, this one among them; complete before any runs. */
    private final List<QueueShard> lanes;

    private final Arena arena = Arena.ofShared();
    private final Rejection rejection = new Rejection(arena.allocate(REJECTION_BYTES, 8));
    private final Interfaces interfaces = new Interfaces();

    // Fragments that the kernel did not put together, waiting for their datagram: position to id.
    private final Map<Long, Integer> held = new HashMap<>();
    private volatile boolean stopping;
    private long lostBefore;
    private long settled;
    long rejectsUnsent;
    long errands;

    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    QueueShard(
            PathOptions pathOptions,
            GatewayOptions options,
            RuleSet set,
            EventHub events,
            @Nullable Recorder recorder,
            Clock clock,
            int index,
            NfQueue queue,
            Offloads offloaded,
            @Nullable RawIp raw,
            List<QueueShard> lanes)
            throws LinuxException {
        super(pathOptions, set, events, recorder, clock, index, options.queues());
        this.options = options;
        this.queue = queue;
        this.offloaded = offloaded;
        this.raw = raw;
        this.events = events;
        this.lanes = lanes;
        this.index = index;
        waiter = new Waiter(queue.descriptor());
    }

    NfQueue queue() {
        return queue;
    }

    @Override
    void wake() {
        waiter.wake();
    }

    @Override
    void stop() {
        stopping = true;
        waiter.wake();
    }

    @Override
    void run() {
        while (true) {
            if (queue.receive()) {
                long now = now();
                while (queue.next()) {
                    one(now);
                }
                queue.flush();
                publish();
                overflow();
                mailbox.run();
                continue;
            }
            mailbox.run();
            if (stopping) {
                break;
            }
            tick();
            queue.flush();
            if (queue.overflows() != settled && queue.settle()) {
                settled = queue.overflows();
                overflow();
            }
            waiter.await(IDLE_MILLIS);
        }
        finish();
        queue.flush();
    }

    private void one(long now) {
        int id = queue.id();
        int mark = queue.mark();
        try {
            judgeOne(id, mark, now);
        } catch (RuntimeException e) {
            // A fault of ours: this packet does not pass, the next may.
            internalErrors++;
            LOG.error("internal error; a packet was dropped", e);
            queue.drop(id);
        }
    }

    private void judgeOne(int id, int mark, long now) {
        String input = interfaces.name(queue.inIndex());
        String output = interfaces.name(queue.outIndex());
        if (lanes.size() > 1 && isErrand(id, input, output)) {
            return;
        }
        Verdict verdict =
                judge(
                        queue.data(),
                        queue.offset(),
                        queue.captured(),
                        queue.wire(),
                        LinkType.RAW,
                        input.isEmpty() ? null : input,
                        output.isEmpty() ? null : output,
                        !queue.checksumReady(),
                        (mark & options.invalidMark()) != 0,
                        now);
        if (verdict == null) {
            held.put(position(), id);
            return;
        }
        switch (verdict) {
            case ACCEPT -> accept(id, mark, input, output);
            case UNFILTERED -> queue.accept(id);
            case DROP, UNDECODABLE -> queue.drop(id);
            case REJECT -> {
                queue.drop(id);
                reject();
            }
        }
    }

    /**
     * An ICMP error belongs to the flow it quotes, but comes from elsewhere and so by another queue
     * perhaps. A shard that does not know the flow passes a copy on to one that might; whoever
     * knows it, or the last, judges.
     */
    private boolean isErrand(int id, String input, String output) {
        if (!control.isStrangersError(
                queue.data(), queue.offset(), queue.captured(), queue.wire(), LinkType.RAW)) {
            return false;
        }
        errands++;
        byte[] copy = new byte[queue.captured()];
        MemorySegment packet = MemorySegment.ofArray(copy);
        MemorySegment.copy(queue.data(), queue.offset(), packet, 0, copy.length);
        Errand errand =
                new Errand(this, id, packet, queue.wire(), !queue.checksumReady(), input, output);
        return lanes.get((index + 1) % lanes.size())
                .mailbox
                .offer(() -> lanes.get((index + 1) % lanes.size()).run(errand, 1));
    }

    private record Errand(
            QueueShard of,
            int id,
            MemorySegment packet,
            int wire,
            boolean checksumPending,
            String input,
            String output) {}

    private void run(Errand errand, int hops) {
        int captured = (int) errand.packet.byteSize();
        if (hops + 1 < lanes.size()
                && control.isStrangersError(
                        errand.packet, 0, captured, errand.wire, LinkType.RAW)) {
            QueueShard next = lanes.get((index + 1) % lanes.size());
            if (next.mailbox.offer(() -> next.run(errand, hops + 1))) {
                return;
            }
        }
        Verdict verdict =
                judge(
                        errand.packet,
                        0,
                        captured,
                        errand.wire,
                        LinkType.RAW,
                        errand.input.isEmpty() ? null : errand.input,
                        errand.output.isEmpty() ? null : errand.output,
                        errand.checksumPending,
                        false,
                        now());
        boolean passes = verdict == Verdict.ACCEPT || verdict == Verdict.UNFILTERED;
        QueueShard home = errand.of;
        home.mailbox.offer(
                () -> {
                    if (passes) {
                        home.queue.accept(errand.id);
                    } else {
                        home.queue.drop(errand.id);
                    }
                });
    }

    private void accept(int id, int mark, String input, String output) {
        GatewayOptions.Offload offload = options.offload();
        if (offload != GatewayOptions.Offload.NONE
                && control.isOffloadable(offload == GatewayOptions.Offload.DATA)
                && !control.isOffloaded()
                && mayOffload(input, output)) {
            FlowKey key = control.flow();
            control.offload(key, now());
            boolean forth = control.isOriginal();
            offloaded.add(
                    new Offloads.Carried(
                            key, true, forth ? input : output, forth ? output : input));
            note(new JournalEntry.Offload(key));
            offloads++;
            queue.accept(id, mark | options.mark());
            return;
        }
        queue.accept(id);
    }

    /** The kernel keeps its entry for a while; nobody counts or recalls it any more. */
    @Override
    void ended(Event.Data data) {
        offloaded.remove(data.flow());
    }

    @Override
    void late(long position, Verdict verdict) {
        Integer id = held.remove(position);
        if (id == null) {
            return;
        }
        switch (verdict) {
            case ACCEPT, UNFILTERED -> queue.accept(id);
            case DROP, REJECT, UNDECODABLE -> queue.drop(id);
        }
    }

    private void reject() {
        RawIp to = raw;
        if (to == null) {
            rejectsUnsent++;
            return;
        }
        PacketView packet = control.packet();
        if (control.isReset()) {
            send(to, rejection.reset(packet, true), packet, true);
            send(to, rejection.reset(packet, false), packet, false);
        } else {
            send(to, rejection.answer(packet, control.rejectWith()), packet, false);
        }
    }

    private void send(RawIp to, int length, PacketView packet, boolean toReceiver) {
        if (length > 0
                && !to.send(
                        rejection.bytes(),
                        length,
                        toReceiver ? packet.destination() : packet.source())) {
            rejectsUnsent++;
        }
    }

    private void overflow() {
        long lost = queue.lost();
        if (lost != lostBefore) {
            long packets = lost - lostBefore;
            lostBefore = lost;
            note(new JournalEntry.Gap(packets));
            String fate = options.failOpen() ? "passed uninspected" : "dropped";
            events.told(
                    "overflow",
                    "overflow queue=%d packets=%d %s".formatted(queue.number(), packets, fate),
                    "{\"event\":\"overflow\",\"queue\":%d,\"packets\":%d,\"uninspected\":%b}"
                            .formatted(queue.number(), packets, options.failOpen()));
        }
    }

    @Override
    public void close() {
        queue.close();
        waiter.close();
        interfaces.close();
        arena.close();
        super.close();
    }
}
