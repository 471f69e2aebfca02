package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.MemoryBudget;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Settings;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import io.pinhole.expect.Expectation;
import io.pinhole.expect.ExpectationTable;
import io.pinhole.flow.StreamBuffers;
import io.pinhole.ftp.Announcement;
import io.pinhole.ftp.LinuxHelper;
import io.pinhole.ftp.Side;
import io.pinhole.rule.RuleOrigin;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The control sessions of one shard, their pinholes and data connections: opens, closes and settles
 * them, and tells it. Owned by the path.
 *
 * <p>A flow or shadow entry names its session or data connection by an index, which stays taken
 * until the entry is gone; nothing here touches a flow table, so it may be called while one removes
 * an entry.
 */
final class Sessions {
    private static final long SECOND = 1_000_000_000L;

    /** Control bytes held out of order or for comparison, in all sessions together. */
    static final long MAX_STREAM_BYTES = 32L << 20;

    /** Long lines and commands waiting for their replies, in all sessions together. */
    static final long MAX_DIALOGUE_BYTES = 32L << 20;

    private final Settings settings;
    private final boolean compatLinux;
    private final EventSink events;
    private final ExpectationTable expectations;
    private final ExpectationTable observed;
    private final StreamBuffers buffers;
    private final MemoryBudget dialogues;
    private final Registry<ControlSession> sessions = new Registry<>();
    private final Registry<DataConnection> data = new Registry<>();
    private final Map<HostPair, List<ControlSession>> byHosts = new HashMap<>();
    private final HostPair probe = new HostPair();

    /** Waiting pinholes by the client of their session. */
    private final Map<IpAddress, Integer> waitingOf = new HashMap<>();

    /** The kernel says that the current packet's checksum is only not written yet. */
    boolean checksumPending;

    private final PacketPath.Share share;
    private long nextNumber;
    private int live;
    private int followed;
    private long now;

    Sessions(
            Settings settings,
            boolean compatLinux,
            long seed,
            EventSink events,
            PacketPath.Share share) {
        this.share = share;
        nextNumber = share.shard() + 1L;
        this.settings = settings;
        this.compatLinux = compatLinux;
        this.events = events;
        int limit = settings.limits().expectations();
        expectations =
                new ExpectationTable(
                        limit,
                        seed,
                        new ExpectationTable.Expiry() {
                            @Override
                            public void expired(Expectation e) {
                                Sessions.this.expired(e);
                            }

                            @Override
                            public void left(Expectation e) {
                                if (e instanceof Pinhole.Permission permission) {
                                    IpAddress client = permission.pinhole.session.key.source();
                                    waitingOf.computeIfPresent(
                                            client, (c, n) -> n == 1 ? null : n - 1);
                                    share.notes().closed(permission);
                                }
                            }
                        });
        observed = new ExpectationTable(limit, seed, this::expired);
        dialogues = new MemoryBudget(MAX_DIALOGUE_BYTES / share.shards());
        buffers = new StreamBuffers(MAX_STREAM_BYTES / share.shards());
    }

    /** Bytes that the sessions hold beside their fixed part. */
    long bytesHeld() {
        return buffers.bytesInUse() + dialogues.used();
    }

    int liveSessions() {
        return live;
    }

    /** Data connections that are followed. */
    int liveData() {
        return followed;
    }

    /** Permissions that the tracker grants. */
    ExpectationTable expectations() {
        return expectations;
    }

    /** Announcements that only the observer saw; they permit nothing. */
    ExpectationTable observed() {
        return observed;
    }

    /**
     * The pinholes that wait now, in order of deadline. One that only the connection itself would
     * confirm is none yet.
     */
    List<OpenPinhole> waiting() {
        List<OpenPinhole> out = new ArrayList<>();
        expectations.forEachWaiting(
                e -> {
                    switch (e) {
                        case Pinhole.Permission p when p.pinhole.confirmed ->
                                out.add(
                                        open(
                                                p,
                                                p.pinhole.session.key,
                                                p.pinhole.announcement.text()));
                        case LinuxPermission linux -> out.add(open(linux, linux.parent(), null));
                        default -> {}
                    }
                });
        return out;
    }

    private static OpenPinhole open(Expectation e, FlowKey control, @Nullable String announcement) {
        return new OpenPinhole(
                control,
                announcement,
                e.source(),
                e.sourcePort(),
                e.destination(),
                e.destinationPort(),
                e.deadlineNanos());
    }

    /** Time of the packet that is being judged. */
    long now() {
        return now;
    }

    /** Moves time on; what has expired by then is settled. */
    void expire(long nanos) {
        now = nanos;
        expectations.expire(nanos);
        observed.expire(nanos);
    }

    // ---- control sessions ----

    /** Sessions that are open. */
    int live() {
        return live;
    }

    boolean hasRoom() {
        return live < settings.limits().controls();
    }

    /**
     * Makes a session out of a handshake, or out of nothing where that is forgotten.
     *
     * @param key from client to server
     * @param helperName the helper object that was assigned, null if none was
     */
    ControlSession begin(
            FlowKey key,
            Handshakes handshakes,
            int serial,
            long position,
            Verdict verdict,
            RuleOrigin rule,
            boolean helper,
            @Nullable String helperName,
            @Nullable ControlSession former) {
        boolean known = handshakes.knows(serial);
        ControlSession s =
                new ControlSession(
                        this,
                        former != null ? former.number : number(),
                        key,
                        former != null
                                ? former.position
                                : known ? handshakes.position(serial) : position,
                        former != null
                                ? former.timeNanos
                                : known ? handshakes.timeNanos(serial) : now,
                        known ? handshakes.verdict(serial) : verdict,
                        known ? handshakes.rule(serial) : rule,
                        helper,
                        compatLinux,
                        helperName == null ? settings.helper() : settings.helper(helperName),
                        settings.limits(),
                        buffers,
                        dialogues);
        if (known) {
            for (Side side : Side.values()) {
                boolean client = side == Side.CLIENT;
                if (handshakes.sawSyn(serial, client)) {
                    s.handshake(
                            side,
                            handshakes.first(serial, client),
                            handshakes.checksumUnknown(serial, client));
                    s.early(side, handshakes.data(serial, client), handshakes.position(serial));
                }
            }
            handshakes.over(serial);
        }
        s.index = sessions.add(s);
        live++;
        byHosts.computeIfAbsent(
                        new HostPair().of(key.source(), key.destination()),
                        hosts -> new ArrayList<>(1))
                .add(s);
        return s;
    }

    private long number() {
        long number = nextNumber;
        nextNumber += share.shards();
        share.notes().sessionBegun(number);
        return number;
    }

    private void leaveHosts(ControlSession s) {
        HostPair hosts = probe.of(s.key.source(), s.key.destination());
        List<ControlSession> there = byHosts.get(hosts);
        if (there != null && there.remove(s) && there.isEmpty()) {
            byHosts.remove(hosts);
        }
    }

    @Nullable ControlSession session(int index) {
        return sessions.get(index);
    }

    /** The session has ended; its event follows when its data connections are settled. */
    void end(ControlSession s, Event.Closed how) {
        if (sessions.get(s.index) != s) {
            return;
        }
        sessions.clear(s.index);
        live--;
        leaveHosts(s);
        unwatch(s);
        s.close(how);
        settleIfDone(s);
    }

    /** Drops a session without an event, because another takes its place. */
    void replace(ControlSession s) {
        sessions.clear(s.index);
        live--;
        leaveHosts(s);
        unwatch(s);
        s.settled = true;
        s.close(Event.Closed.OPEN);
    }

    private void settleIfDone(ControlSession s) {
        if (!s.settled && s.closed != null && s.openData == 0) {
            s.settled = true;
            events.event(s.event());
        }
    }

    /** The flow or shadow entry that named this index is gone. */
    void sessionGone(int index) {
        ControlSession s = sessions.get(index);
        if (s != null) {
            end(s, s.isClosing() ? Event.Closed.FIN : Event.Closed.TIMEOUT);
        }
        sessions.free(index);
    }

    /** Notes the dropped first packet of a connection that no announcement explains. */
    void unannounced(PacketView p, long position, RuleOrigin rule) {
        if (live == 0) {
            return;
        }
        List<ControlSession> there = byHosts.get(probe.of(p));
        if (there == null) {
            return;
        }
        for (int i = there.size() - 1; i >= 0; i--) {
            if (there.get(i).isBlind()) {
                there.get(i).unseen(position, key(p), rule);
                return;
            }
        }
        there.get(there.size() - 1)
                .packetAlert(
                        Anomaly.UNANNOUNCED_CONNECTION,
                        position,
                        key(p),
                        "dropped by " + rule.text());
    }

    /**
     * Whether the transport checksum of a control packet is wrong. A capture shows the
     * pseudo-header sum where the sender's hardware writes the checksum later: that counts as
     * unknown, not wrong, when the packet's connection began that way.
     */
    boolean checksumBad(PacketView p) {
        return settings.tcp().checksum()
                && !checksumPending
                && switch (Checksums.transport(p)) {
                    case BAD, PARTIAL -> true;
                    case GOOD, UNKNOWN -> false;
                };
    }

    // ---- pinholes ----

    /**
     * PORT and its kin wait for the server's word, but some servers (pyftpdlib) connect first and
     * answer then: a connection from the server to the announced end point, while the command is
     * unanswered, is its word. Only the newest unanswered one counts, and a refusal takes it back.
     */
    void expectEarly(ControlSession s, List<Pinhole> ofSession, Pinhole p) {
        if (!p.announcement.mode().serverConnects() || s.policy().strict()) {
            return;
        }
        for (Pinhole other : ofSession) {
            if (other != p && other.isWaiting() && !other.confirmed) {
                takeBack(other);
            }
        }
        enter(s, p);
    }

    /** A confirmed announcement becomes an expectation, replacing what its session had waiting. */
    void open(ControlSession s, List<Pinhole> ofSession, Pinhole p) {
        p.confirmed = true;
        if (p.outcome != null) {
            return;
        }
        makeRoom(ofSession, p);
        if (p.permission == null) {
            enter(s, p);
        }
    }

    /**
     * Lets Linux's helper read a segment.
     *
     * @return false if it drops it
     */
    boolean linuxReads(
            ControlSession s, LinuxHelper linux, PacketView p, boolean fromClient, long position) {
        Side side = fromClient ? Side.CLIENT : Side.SERVER;
        switch (linux.segment(
                side, p.tcpSequence(), p.data(), p.payloadStart(), p.payloadCaptured())) {
            case PASS -> {
                return true;
            }
            case DROP -> {
                return false;
            }
            case EXPECT -> {}
        }
        LinuxPermission before = s.linuxPermission;
        if (before != null) {
            expectations.remove(before);
        }
        IpAddress source = fromClient ? s.key.destination() : s.key.source();
        if (linux.port() == 0) {
            return true;
        }
        Pinhole pinhole = s.announcedBy(position);
        if (pinhole != null) {
            pinhole.linuxTarget = linux.address();
            pinhole.linuxPort = linux.port();
        } else if (before != null
                && before.destinationPort() == linux.port()
                && before.destination().equals(linux.address())) {
            pinhole = before.pinhole(); // the line came again
        }
        LinuxPermission permission =
                new LinuxPermission(
                        s.key,
                        pinhole,
                        source,
                        linux.address(),
                        linux.port(),
                        now + settings.timeouts().expectation() * SECOND);
        s.linuxPermission = permission;
        return expectations.add(permission);
    }

    /** Looks out for the connection to an end point that was announced and refused. */
    void watch(ControlSession s, Announcement a, Anomaly why) {
        IpAddress address = a.address();
        IpAddress source = a.mode().serverConnects() ? s.key.destination() : s.key.source();
        if (address == null || a.port() == 0 || address.version() != source.version()) {
            return;
        }
        unwatch(s);
        long deadline = now + settings.timeouts().expectation() * SECOND;
        RefusedTarget target = new RefusedTarget(s, why, source, address, a.port(), deadline);
        boolean third = !address.equals(s.key.source()) && !address.equals(s.key.destination());
        if (third && share.shards() > 1) {
            target.elsewhere = true;
            s.refusedTarget = target;
            share.notes().refused(target);
        } else if (observed.add(target)) {
            s.refusedTarget = target;
        }
    }

    private void unwatch(ControlSession s) {
        RefusedTarget target = s.refusedTarget;
        if (target != null) {
            if (target.elsewhere) {
                share.notes().forgotten(target);
            } else {
                observed.remove(target);
            }
            s.refusedTarget = null;
        }
    }

    private void takeBack(Pinhole p) {
        Pinhole.Permission permission = p.permission;
        if (permission != null) {
            (p.helper ? expectations : observed).remove(permission);
            p.permission = null;
        }
    }

    private void enter(ControlSession s, Pinhole p) {
        Announcement a = p.announcement;
        IpAddress target = a.target();
        if (target == null) {
            return;
        }
        if (!target.equals(a.address())) {
            watch(s, a, Anomaly.ADDRESS_MISMATCH);
        }
        boolean active = a.mode().serverConnects();
        IpAddress source = active ? s.key.destination() : s.key.source();
        int sourcePort =
                active && s.policy().activeSourcePort() == Settings.ActiveSourcePort.FTP_DATA
                        ? 20
                        : 0;
        int ofHelper = s.policy().lifetimeSeconds();
        long lifetime = (ofHelper != 0 ? ofHelper : settings.timeouts().expectation()) * SECOND;
        Pinhole.Permission permission =
                new Pinhole.Permission(p, source, sourcePort, target, a.port(), now + lifetime);
        ExpectationTable table = p.helper ? expectations : observed;
        Expectation same =
                table.findDenied(target.version(), target.high(), target.low(), a.port(), now);
        if (same instanceof Pinhole.Permission other
                && other.source().equals(source)
                && other.destination().equals(target)) {
            boolean waited = other.pinhole.isWaiting();
            table.remove(other);
            if (waited) {
                settle(other.pinhole, PinholeOutcome.REPLACED, null);
                other.pinhole.session.forget(other.pinhole);
                if (p.helper && other.pinhole.session != s) {
                    alert(s.number, a.firstPosition(), Anomaly.PINHOLE_CLASH, s.key, a.text());
                }
            }
        }
        IpAddress client = s.key.source();
        boolean tooMany =
                p.helper
                        && waitingOf.getOrDefault(client, 0)
                                >= settings.limits().expectationsPerClient();
        if (tooMany || !table.add(permission)) {
            settle(p, PinholeOutcome.REFUSED, Anomaly.EXPECTATIONS_FULL.label());
            s.forget(p);
            alert(s.number, a.firstPosition(), Anomaly.EXPECTATIONS_FULL, s.key, a.text());
            return;
        }
        if (p.helper) {
            waitingOf.merge(client, 1, Integer::sum);
            share.notes().opened(permission);
        }
        p.permission = permission;
    }

    /** Takes away the oldest waiting pinholes of a session until one more may be opened. */
    private void makeRoom(List<Pinhole> ofSession, Pinhole newest) {
        int waiting = 0;
        for (Pinhole p : ofSession) {
            waiting += p != newest && p.confirmed && p.isWaiting() ? 1 : 0;
        }
        for (int i = 0; i < ofSession.size(); i++) {
            Pinhole p = ofSession.get(i);
            if (waiting < settings.limits().expectationsPerParent()) {
                return;
            }
            if (p != newest && p.confirmed && p.isWaiting()) {
                withdraw(p, PinholeOutcome.REPLACED, null);
                ofSession.remove(i--);
                waiting--;
            }
        }
    }

    private void withdraw(Pinhole p, PinholeOutcome outcome, @Nullable String reason) {
        Pinhole.Permission permission = p.permission;
        if (permission != null) {
            (p.helper ? expectations : observed).remove(permission);
        }
        settle(p, outcome, reason);
    }

    /**
     * Closes what a session has waiting.
     *
     * @param reason null at the end of the input
     */
    void closePinholes(ControlSession s, List<Pinhole> ofSession, @Nullable String reason) {
        for (int i = ofSession.size() - 1; i >= 0; i--) {
            Pinhole p = ofSession.get(i);
            if (p.isWaiting() && p.confirmed || p.linuxTarget != null && p.outcome == null) {
                withdraw(p, reason == null ? PinholeOutcome.UNUSED : PinholeOutcome.CLOSED, null);
                ofSession.remove(i);
            } else if (p.outcome == null) {
                takeBack(p);
                settle(p, PinholeOutcome.REFUSED, p.refusal == null ? "not-confirmed" : p.refusal);
                ofSession.remove(i);
            } else if (p.data != null && p.data.hasEnded()) {
                settle(p.data);
            }
        }
    }

    /** A session has more announcements outstanding than are kept: let go of the oldest. */
    void settleOldest(List<Pinhole> ofSession) {
        Pinhole p = ofSession.get(0);
        if (p.isWaiting() && p.confirmed) {
            withdraw(p, PinholeOutcome.REPLACED, null);
        } else if (p.outcome == null) {
            takeBack(p);
            settle(p, PinholeOutcome.REFUSED, "not-confirmed");
        }
        ofSession.remove(p);
    }

    /** Every control session that is open. */
    void forEach(java.util.function.Consumer<ControlSession> each) {
        for (int i = 0; i < sessions.end(); i++) {
            ControlSession s = sessions.get(i);
            if (s != null) {
                each.accept(s);
            }
        }
    }

    /** An operator closes a pinhole that waits. */
    void close(Pinhole p) {
        withdraw(p, PinholeOutcome.CLOSED, "by the operator");
        p.session.forget(p);
    }

    private void expired(Expectation e) {
        if (e instanceof Pinhole.Permission permission) {
            settle(permission.pinhole, PinholeOutcome.EXPIRED, null);
            permission.pinhole.session.forget(permission.pinhole);
        }
    }

    /** The announcement opens nothing, or no longer. */
    void refuse(Pinhole p, String reason) {
        takeBack(p);
        settle(p, PinholeOutcome.REFUSED, reason);
    }

    private void settle(Pinhole p, PinholeOutcome outcome, @Nullable String reason) {
        if (p.outcome != null) {
            return;
        }
        p.outcome = outcome;
        ControlSession s = p.session;
        Announcement a = p.announcement;
        DataConnection d = p.data;
        RuleOrigin blockedBy = p.blockedBy;
        String why = reason;
        if (why == null && blockedBy != null) {
            why = "blocked by " + blockedBy.text();
        } else if (why == null && s.linux != null && p.linuxTarget == null) {
            why = Event.Pinhole.NOT_SEEN_BY_LINUX;
        }
        IpAddress linuxTarget = p.linuxTarget;
        TransferMode mode = a.mode();
        events.event(
                new Event.Pinhole(
                        s.number,
                        a.firstPosition(),
                        p.timeNanos,
                        s.key,
                        mode,
                        mode.serverConnects() ? s.key.destination() : s.key.source(),
                        linuxTarget != null ? linuxTarget : a.target(),
                        linuxTarget != null ? p.linuxPort : a.port(),
                        a.address(),
                        outcome,
                        d == null ? 0 : d.position,
                        why,
                        a.text(),
                        p.isOpened()));
    }

    // ---- data connections ----

    /**
     * The connection that was announced has come.
     *
     * @param verdict of its first packet; unless it is ACCEPT the pinhole stays open
     * @return null if no more can be followed
     * @param shadow whether the entry that will name it is the observer's
     */
    @Nullable DataConnection arrived(
            Pinhole p,
            PacketView packet,
            long position,
            Verdict verdict,
            RuleOrigin rule,
            boolean shadow) {
        if (followed >= settings.limits().expectations()) {
            p.session.packetAlert(
                    Anomaly.DATA_FULL, position, key(packet), Anomaly.DATA_FULL.text());
            if (verdict == Verdict.ACCEPT || !p.helper) {
                used(p);
                p.session.forget(p);
            }
            return null;
        }
        followed++;
        DataConnection d = new DataConnection(p, key(packet), position, now, verdict, rule);
        d.shadow = shadow;
        d.index = data.add(d);
        p.session.openData++;
        p.data = d;
        if (verdict == Verdict.ACCEPT || !p.helper) {
            used(p);
        } else {
            p.blockedBy = rule;
        }
        d.packet(packet.tcpFlags(), packet.tcpSequence(), packet.payloadLength(), 0, now);
        return d;
    }

    /** A pinhole's permission is spent. */
    void used(Pinhole p) {
        if (p.permission != null) {
            (p.helper ? expectations : observed).use(p.permission);
        }
        settle(p, PinholeOutcome.USED, null);
    }

    @Nullable DataConnection data(int index) {
        return data.get(index);
    }

    /** Follows one packet of a data connection. */
    void packet(DataConnection d, PacketView p, Direction direction) {
        packet(d, p.tcpFlags(), p.tcpSequence(), p.payloadLength(), direction);
    }

    void packet(DataConnection d, int flags, int sequence, int payloadLength, Direction direction) {
        d.packet(flags, sequence, payloadLength, direction.ordinal(), now);
        if (d.hasEnded() && (d.pinhole.replyCode != 0 || d.pinhole.session.closed != null)) {
            settle(d);
        }
    }

    /** The server has spoken of a transfer's end. */
    void transferEnded(Pinhole p) {
        DataConnection d = p.data;
        if (d != null && d.hasEnded()) {
            settle(d);
        }
    }

    private void settle(DataConnection d) {
        if (d.settled) {
            return;
        }
        d.settled = true;
        followed--;
        data.clear(d.index); // its flow may stay for long
        Pinhole p = d.pinhole;
        ControlSession s = p.session;
        events.event(
                new Event.Data(
                        s.number,
                        d.position,
                        d.timeNanos,
                        d.endNanos(),
                        d.key,
                        s.key,
                        p.announcement.mode(),
                        p.command,
                        p.file,
                        d.bytes(),
                        d.isComplete(),
                        d.verdict,
                        d.rule,
                        p.isOpened()));
        if (p.outcome != null) {
            s.forget(p);
        }
        s.openData--;
        settleIfDone(s);
    }

    /** The flow or shadow entry that named this index is gone. */
    void dataGone(int index) {
        DataConnection d = data.get(index);
        if (d != null) {
            settle(d);
        }
        data.free(index);
    }

    // ---- telling ----

    void alert(long session, long position, Anomaly kind, FlowKey flow, String detail) {
        events.event(new Event.Alert(session, position, now, kind, flow, detail));
    }

    void elsewhere(FlowKey flow, long position, boolean encrypted) {
        events.event(new Event.Elsewhere(position, now, flow, encrypted));
    }

    static FlowKey key(PacketView p) {
        return new FlowKey(
                p.protocol(), p.source(), p.sourcePort(), p.destination(), p.destinationPort());
    }

    /** End of the input: everything that is still open is told as it stands. */
    void finish() {
        for (int i = 0; i < sessions.end(); i++) {
            ControlSession s = sessions.get(i);
            if (s != null) {
                end(s, s.isFinished() ? Event.Closed.FIN : Event.Closed.OPEN);
            }
        }
        for (int i = 0; i < data.end(); i++) {
            DataConnection d = data.get(i);
            if (d != null) {
                settle(d);
            }
        }
    }
}
