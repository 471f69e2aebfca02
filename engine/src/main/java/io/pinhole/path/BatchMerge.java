package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.expect.Expectation;
import io.pinhole.expect.ExpectationTable;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tells what the lanes found out in the order of the packets, as one path would have told it:
 * sessions numbered as they began, and a packet that knocks at another shard's pinhole named.
 */
final class BatchMerge {
    /** Sessions that are over and whose number is remembered for what may come late. */
    private static final int REMEMBERED = 1 << 16;

    /** Receives everything in order. */
    private final Shards.Output out;

    private final int shards;
    private final Map<Long, Session> sessions = new HashMap<>();
    private final ArrayDeque<Long> over = new ArrayDeque<>();
    private final ExpectationTable doors;
    private final Map<Pinhole.Permission, Door> doorOf = new HashMap<>();
    private final ExpectationTable targets;
    private final Map<RefusedTarget, Watch> watchOf = new HashMap<>();
    private long nextNumber = 1;

    /** A session as it is told. */
    private static final class Session {
        private final long number;
        private boolean settled;
        private int alerts;

        private Session(long number) {
            this.number = number;
        }
    }

    /** A pinhole as the other shards see it. */
    private static final class Door extends Expectation {
        private final Pinhole.Permission permission;

        private Door(Pinhole.Permission p) {
            super(p.source(), 0, p.destination(), p.destinationPort(), p.deadlineNanos());
            permission = p;
        }
    }

    /** An end point that was refused in one shard; who goes there is seen in another. */
    private static final class Watch extends Expectation {
        private final RefusedTarget target;

        private Watch(RefusedTarget t) {
            super(t.source(), 0, t.destination(), t.destinationPort(), t.deadlineNanos());
            target = t;
        }
    }

    BatchMerge(Shards.Output out, int shards, int expectations) {
        this.out = out;
        this.shards = shards;
        doors = new ExpectationTable(expectations, 0, e -> {});
        targets = new ExpectationTable(expectations, 0, e -> watchOf.remove(((Watch) e).target));
    }

    /** Tells a batch that all lanes have judged. */
    void tell(PacketBatch batch) {
        int[] next = new int[shards];
        for (int shard = 0; shard < shards; shard++) {
            next[shard] = entries(batch, shard, 0, BatchLog.Entries.BEFORE);
        }
        for (int i = 0; i < batch.size; i++) {
            out.packet(batch, i);
            BatchSlot slot = batch.slot(i);
            next[slot.shard] = entries(batch, slot.shard, next[slot.shard], i);
            if (slot.knocks && doors.size() + targets.size() > 0) {
                knock(slot, batch.flow(i));
            }
            InternalError fault = slot.fault;
            if (fault != null) {
                out.fault(batch, i, fault);
            }
            slot.tell(out);
        }
    }

    private int entries(PacketBatch batch, int shard, int from, int place) {
        BatchLog.Entries entries = batch.entries[shard];
        int i = from;
        while (i < entries.size() && entries.at(i) == place) {
            entry(batch.slot(Math.max(place, 0)), entries.what(i));
            i++;
        }
        return i;
    }

    private void entry(BatchSlot slot, Object what) {
        switch (what) {
            case Event event -> event(event);
            case BatchLog.Verdicts v ->
                    out.verdict(v.position(), v.verdict(), v.ct(), v.hook(), v.rule(), v.why());
            case BatchLog.Begun b -> sessions.put(b.number(), new Session(nextNumber++));
            case BatchLog.Opened o -> opened(o.permission(), slot.now);
            case BatchLog.Closed c -> closed(c.permission(), c.used());
            case BatchLog.Refused r -> refused(r.target(), slot.now);
            case BatchLog.Forgotten f -> forgotten(f.target());
            case BatchLog.Knock k -> knock(slot, k.key());
            default -> throw new IllegalStateException(what.toString());
        }
    }

    private void event(Event event) {
        Session session = sessions.get(event.session());
        if (session == null) {
            out.event(event);
            return;
        }
        out.event(event.withSession(session.number));
        if (event instanceof Event.Control) {
            session.settled = true;
            over.add(event.session());
            if (over.size() > REMEMBERED) {
                sessions.remove(over.remove());
            }
        }
    }

    private void opened(Pinhole.Permission p, long now) {
        if (shards == 1) {
            return;
        }
        doors.expire(now);
        Expectation same =
                doors.findDenied(
                        p.destination().version(),
                        p.destination().high(),
                        p.destination().low(),
                        p.destinationPort(),
                        now);
        if (same instanceof Door old && old.source().equals(p.source())) {
            doorOf.remove(old.permission);
            doors.remove(old);
        }
        Door door = new Door(p);
        if (doors.add(door)) {
            doorOf.put(p, door);
        }
    }

    private void closed(Pinhole.Permission p, boolean used) {
        Door door = doorOf.remove(p);
        if (door != null && used) {
            doors.use(door);
        } else if (door != null) {
            doors.remove(door);
        }
    }

    private void refused(RefusedTarget target, long now) {
        targets.expire(now);
        Watch watch = new Watch(target);
        if (targets.add(watch)) {
            watchOf.put(target, watch);
        }
    }

    private void forgotten(RefusedTarget target) {
        Watch watch = watchOf.remove(target);
        if (watch != null) {
            targets.remove(watch);
        }
    }

    /** As {@code Observer.matchAnnouncement}, where the end point is another shard's. */
    private void cameTo(BatchSlot slot, FlowKey key) {
        Expectation e =
                targets.find(
                        key.source().version(),
                        key.source().high(),
                        key.source().low(),
                        key.sourcePort(),
                        key.destination().high(),
                        key.destination().low(),
                        key.destinationPort(),
                        slot.now);
        if (!(e instanceof Watch watch)) {
            return;
        }
        if (!watch.target.isNew(key.sourcePort())) {
            return;
        }
        Session session = sessions.get(watch.target.session.number);
        if (session != null && session.alerts++ < ControlSession.MAX_PACKET_ALERTS) {
            out.event(
                    new Event.Alert(
                            session.settled ? 0 : session.number,
                            slot.position,
                            slot.now,
                            watch.target.why,
                            key,
                            RefusedTarget.detail(slot.passed(), slot.rule)));
        }
    }

    /** As {@code PacketPath.deniedPinhole}, where the pinhole is another shard's. */
    private void knock(BatchSlot slot, @Nullable FlowKey key) {
        if (key == null) {
            return;
        }
        cameTo(slot, key);
        long now = slot.now;
        Expectation e =
                doors.findDenied(
                        key.destination().version(),
                        key.destination().high(),
                        key.destination().low(),
                        key.destinationPort(),
                        now);
        if (!(e instanceof Door door)) {
            return;
        }
        ControlSession s = door.permission.pinhole.session;
        Session session = sessions.get(s.number);
        if (session != null && session.alerts++ < ControlSession.MAX_PACKET_ALERTS) {
            out.event(
                    new Event.Alert(
                            session.settled ? 0 : session.number,
                            slot.position,
                            now,
                            Anomaly.PINHOLE_WRONG_HOST,
                            key,
                            door.permission.pinhole.announcement.text()));
        }
    }
}
