package io.pinhole.gateway;

import io.pinhole.capture.linux.LinuxException;
import io.pinhole.capture.linux.PacketSocket;
import io.pinhole.capture.linux.Waiter;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one shard of a bridge: two ports, one path, one thread. */
final class BridgeShard extends Shard {
    private static final Logger LOG = LoggerFactory.getLogger(BridgeShard.class);
    private static final int IDLE_MILLIS = 100;
    private static final long REFRESH_NANOS = 1_000_000_000L;
    private static final int ETHERTYPE_ARP = 0x0806;
    private static final int REJECTION_BYTES = 1280;
    private static final int MAX_LINK_HEADER = 32;

    /** Bytes of fragments that wait for their datagram; beyond, the path has let them go. */
    private final Map<Long, Held> held = new HashMap<>();

    /** A copy of a frame with its virtio header, and the port it is to leave by. */
    private record Held(MemorySegment frame, PacketSocket to) {}

    private final PacketSocket[] ports;
    private final Waiter waiter;
    private final boolean passArp;
    private final Arena arena = Arena.ofShared();
    private final Rejection rejection = new Rejection(arena.allocate(REJECTION_BYTES, 8));
    private final MemorySegment answer =
            arena.allocate((long) PacketSocket.prefix() + MAX_LINK_HEADER + REJECTION_BYTES, 8);
    private volatile boolean stopping;
    private long refreshed;
    private long settled;
    long arpDropped;
    long rejectsUnsent;

    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this
    BridgeShard(
            PathOptions pathOptions,
            GatewayOptions options,
            RuleSet set,
            EventHub events,
            @Nullable Recorder recorder,
            Clock clock,
            PacketSocket first,
            PacketSocket second)
            throws LinuxException {
        super(pathOptions, set, events, recorder, clock, 0, 1);
        ports = new PacketSocket[] {first, second};
        passArp = options.passArp();
        waiter = new Waiter(first.descriptor(), second.descriptor());
    }

    PacketSocket port(int i) {
        return ports[i];
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
            boolean busy = false;
            for (int i = 0; i < 2; i++) {
                PacketSocket from = ports[i];
                PacketSocket to = ports[1 - i];
                if (from.receive()) {
                    busy = true;
                    long now = now();
                    while (from.next()) {
                        one(from, to, now);
                    }
                    to.flush();
                    from.flush();
                    publish();
                }
            }
            mailbox.run();
            if (stopping) {
                break;
            }
            if (!busy) {
                tick();
                waiter.await(IDLE_MILLIS);
            }
            long now = now();
            if (now - refreshed > REFRESH_NANOS) {
                refreshed = now;
                ports[0].refresh();
                ports[1].refresh();
            }
        }
        finish();
    }

    private void one(PacketSocket from, PacketSocket to, long now) {
        if (!passArp && isArp(from)) {
            arpDropped++;
            return;
        }
        try {
            Verdict verdict =
                    judge(
                            from.data(),
                            from.offset(),
                            from.length(),
                            from.length(),
                            LinkType.ETHERNET,
                            from.name(),
                            to.name(),
                            from.checksumPending(),
                            false,
                            now);
            if (verdict == null) {
                hold(from, to);
            } else if (verdict == Verdict.ACCEPT || verdict == Verdict.UNFILTERED) {
                to.forward(from);
            } else if (verdict == Verdict.REJECT) {
                reject(from, to);
            }
        } catch (RuntimeException e) {
            // A fault of ours: this frame does not pass, the next may.
            internalErrors++;
            LOG.error("internal error; a frame was dropped", e);
        }
    }

    private static boolean isArp(PacketSocket from) {
        long at = from.offset() + 12;
        long end = from.offset() + from.length() - 2;
        for (int tags = 0; tags < 3 && at <= end; tags++, at += 4) {
            int type = Short.toUnsignedInt(from.data().get(Rejection.BE16, at));
            if (type != 0x8100 && type != 0x88a8 && type != 0x9100) {
                return type == ETHERTYPE_ARP;
            }
        }
        return false;
    }

    private void hold(PacketSocket from, PacketSocket to) {
        int bytes = from.length() + PacketSocket.prefix();
        MemorySegment copy = MemorySegment.ofArray(new byte[bytes]);
        MemorySegment.copy(from.data(), from.offset() - PacketSocket.prefix(), copy, 0, bytes);
        held.put(position(), new Held(copy, to));
    }

    @Override
    void late(long position, Verdict verdict) {
        Held frame = held.remove(position);
        if (frame == null || (verdict != Verdict.ACCEPT && verdict != Verdict.UNFILTERED)) {
            return;
        }
        settled++;
        try (Arena local = Arena.ofConfined()) {
            MemorySegment memory = local.allocate(frame.frame.byteSize(), 8);
            memory.copyFrom(frame.frame);
            frame.to.flush();
            frame.to.send(memory, 0, (int) memory.byteSize());
            frame.to.flush();
        }
    }

    /** Fragments that passed with their datagram. */
    long settled() {
        return settled;
    }

    private void reject(PacketSocket from, PacketSocket to) {
        PacketView packet = control.packet();
        if (control.isReset()) {
            answer(from, to, rejection.reset(packet, true), false);
            answer(from, from, rejection.reset(packet, false), true);
        } else {
            answer(from, from, rejection.answer(packet, control.rejectWith()), true);
        }
    }

    /** Sends {@link #rejection} under the link header of the frame that was rejected. */
    private void answer(PacketSocket frame, PacketSocket to, int length, boolean back) {
        if (length == 0) {
            return;
        }
        int link = linkHeader(frame);
        if (link > MAX_LINK_HEADER) {
            rejectsUnsent++;
            return;
        }
        int start = PacketSocket.prefix();
        answer.asSlice(0, start).fill((byte) 0);
        MemorySegment.copy(frame.data(), frame.offset(), answer, start, link);
        if (back) {
            MemorySegment.copy(frame.data(), frame.offset(), answer, start + 6L, 6);
            MemorySegment.copy(frame.data(), frame.offset() + 6, answer, start, 6);
        }
        MemorySegment.copy(rejection.bytes(), 0, answer, (long) start + link, length);
        to.flush();
        to.send(answer, 0, start + link + length);
        to.flush();
    }

    private static int linkHeader(PacketSocket frame) {
        int at = 12;
        while (at + 6 < frame.length()) {
            int type = Short.toUnsignedInt(frame.data().get(Rejection.BE16, frame.offset() + at));
            if (type != 0x8100 && type != 0x88a8 && type != 0x9100) {
                break;
            }
            at += 4;
        }
        return at + 2;
    }

    @Override
    public void close() {
        ports[0].close();
        ports[1].close();
        waiter.close();
        arena.close();
        super.close();
    }
}
