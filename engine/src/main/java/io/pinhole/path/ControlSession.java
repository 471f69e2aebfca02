package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.MemoryBudget;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.StreamBuffers;
import io.pinhole.flow.StreamReassembler;
import io.pinhole.ftp.Announcement;
import io.pinhole.ftp.ControlDialogue;
import io.pinhole.ftp.DialogueListener;
import io.pinhole.ftp.LinuxHelper;
import io.pinhole.ftp.Side;
import io.pinhole.rule.RuleOrigin;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A control connection whose dialogue is read, with its pinholes and data connections. Owned by the
 * path. Opens and closes nothing by itself: it asks {@link Sessions}.
 */
final class ControlSession implements DialogueListener {
    private static final int MAX_UNSEEN = 8;

    /**
     * Memory for a few commands and a line of some length that every session has, whatever the
     * others take: nobody's flood stops another's transfers.
     */
    static final int ALLOWANCE = 1_200;

    /** Memory that one of them takes. */
    private static final int UNSEEN_BYTES = 160;

    /** Announcements kept until they are settled; older ones are settled as they are. */
    private static final int MAX_UNSETTLED = 128;

    /** Alerts about single packets, per session; more are only counted. */
    static final int MAX_PACKET_ALERTS = 16;

    /** One direction: reassembly, and the checksums its sender writes. */
    private final class Stream implements StreamReassembler.Sink {
        final Side side;
        final StreamReassembler reassembler;
        boolean begun;

        /** Its sender leaves checksums to hardware behind the point of capture. */
        boolean checksumUnknown;

        /** Its FIN was seen, and where in the stream it stands. */
        boolean ends;

        int endsAt;

        /** The stream has come to its FIN. */
        boolean finished;

        /** It has sent anything in this input. */
        boolean spoke;

        Stream(Side side, StreamBuffers buffers, int limit) {
            this.side = side;
            reassembler = new StreamReassembler(buffers, limit);
        }

        @Override
        public void data(MemorySegment data, long offset, int length, long position) {
            dialogue.feed(side, data, offset, length, position);
        }

        @Override
        public void gap(Anomaly why, int length, long position) {
            if (why == Anomaly.SNAP_LENGTH) {
                cutAt = cutAt == 0 ? position : cutAt;
            } else {
                gapAt = gapAt == 0 ? position : gapAt;
            }
            dialogue.gap(side, why, position);
        }

        @Override
        public void anomaly(Anomaly kind, long position) {
            objection = kind;
            ControlSession.this.anomaly(kind, position, kind.text());
        }
    }

    final Sessions sessions;
    final long number;
    final FlowKey key;
    final long position;
    final long timeNanos;
    final Verdict verdict;
    final RuleOrigin rule;

    /** Index in the registry; what the flow's tag holds. */
    int index = -1;

    /** False where only the observer reads it. */
    boolean helper;

    /** How it ended, null while it is open. */
    Event.@Nullable Closed closed;

    /** Data connections that are not settled. */
    int openData;

    boolean settled;
    long endNanos;
    long dropped;
    boolean midstream;

    /** An announcement was read from beginning to end. */
    private boolean announcedHere;

    /** Decides instead of the dialogue under --compat=linux. */
    final @Nullable LinuxHelper linux;

    /** What {@link #linux} has waiting. */
    @Nullable LinuxPermission linuxPermission;

    /** First packet that {@link #linux} dropped, 0 if none. */
    long linuxDroppedAt;

    /** The last end point that was announced and refused; null if there is none. */
    @Nullable RefusedTarget refusedTarget;

    private final Settings.HelperPolicy policy;
    private final MemoryBudget.Account memory;
    private final ControlDialogue dialogue;
    private final Stream client;
    private final Stream server;
    private final List<Pinhole> pinholes = new ArrayList<>(2);
    private final List<Event.Unseen> unseen = new ArrayList<>(0);
    private int unseenTotal;
    private long encryptedAt;
    private long cutAt;
    private long gapAt;
    private int packetAlerts;
    private Anomaly objection = Anomaly.OVERLAP;
    private int mark;

    ControlSession(
            Sessions sessions,
            long number,
            FlowKey key,
            long position,
            long timeNanos,
            Verdict verdict,
            RuleOrigin rule,
            boolean helper,
            boolean compatLinux,
            Settings.HelperPolicy policy,
            Settings.Limits limits,
            StreamBuffers buffers,
            MemoryBudget budget) {
        this.sessions = sessions;
        this.number = number;
        this.key = key;
        this.position = position;
        this.timeNanos = timeNanos;
        this.verdict = verdict;
        this.rule = rule;
        this.helper = helper;
        linux = helper && compatLinux ? new LinuxHelper(key.source(), key.destination()) : null;
        this.policy = policy;
        endNanos = timeNanos;
        client = new Stream(Side.CLIENT, buffers, limits.reassemblyBytes());
        server = new Stream(Side.SERVER, buffers, limits.reassemblyBytes());
        memory = budget.open(ALLOWANCE);
        dialogue =
                new ControlDialogue(key.source(), key.destination(), policy, limits, memory, this);
    }

    /** Announcements that are not settled. */
    List<Pinhole> pinholes() {
        return pinholes;
    }

    /** The control flow's mark, which data flows announced from now on inherit. */
    void mark(int value) {
        mark = value;
    }

    /** Whether the client leaves its checksums to hardware behind the point of capture. */
    boolean clientChecksumUnknown() {
        return client.checksumUnknown;
    }

    Settings.HelperPolicy policy() {
        return policy;
    }

    /** True while announcements may go by unread: TLS, or a capture that cuts packets. */
    boolean isBlind() {
        return encryptedAt != 0 || cutAt != 0 || isOneWay() || (midstream && !announcedHere);
    }

    /** True while packets of one side only have been seen. */
    private boolean isOneWay() {
        return !client.begun || !server.begun;
    }

    /** True where the command that a reply answers may have gone by unseen. */
    private boolean isAskedUnseen() {
        return !client.begun || (midstream && !client.spoke);
    }

    /** Notes what the handshake said, seen before the session was made. */
    void handshake(Side side, int firstSequence, boolean checksumUnknown) {
        Stream stream = side == Side.CLIENT ? client : server;
        stream.reassembler.start(firstSequence);
        stream.begun = true;
        stream.checksumUnknown = checksumUnknown;
    }

    /**
     * Reads what came with a SYN and was taken.
     *
     * @param data null if that is not known: a gap
     */
    void early(Side side, byte @Nullable [] data, long position) {
        Stream stream = side == Side.CLIENT ? client : server;
        if (data == null) {
            stream.gap(Anomaly.STREAM_GAP, 0, position);
        } else if (data.length > 0) {
            stream.spoke = true;
            stream.reassembler.segment(
                    stream.reassembler.expected(),
                    MemorySegment.ofArray(data),
                    0,
                    data.length,
                    data.length,
                    position,
                    stream);
        }
    }

    /**
     * Reads one packet of the connection.
     *
     * @param fromClient the packet's direction
     * @param checksumBad its checksum was verified and is wrong
     * @param resets it is an RST that the receiver obeys
     * @return false if it carries other bytes than were read before in their place
     */
    boolean packet(
            PacketView p,
            boolean fromClient,
            boolean checksumBad,
            boolean resets,
            long position,
            long now) {
        Stream sender = fromClient ? client : server;
        Stream receiver = fromClient ? server : client;
        endNanos = now;
        boolean taken = true;
        if (p.has(PacketView.SYN)) {
            if (!sender.begun) {
                handshake(sender.side, p.tcpSequence() + 1, checksumBad);
            }
        } else if (!sender.begun) {
            sender.reassembler.pickUp(p.tcpSequence());
            sender.begun = true;
            sender.checksumUnknown = checksumBad;
            if (!midstream) {
                midstream = true;
                dialogue.midstream();
            }
        }
        if (p.has(PacketView.ACK) && receiver.begun) {
            receiver.reassembler.acknowledged(p.tcpAcknowledgement(), position, receiver);
        }
        if (p.payloadLength() > 0) {
            sender.spoke = true;
            if (checksumBad && !sender.checksumUnknown) {
                anomaly(Anomaly.BAD_CHECKSUM, position, Anomaly.BAD_CHECKSUM.text());
                return true;
            }
            taken =
                    sender.reassembler.segment(
                            p.tcpSequence() + (p.has(PacketView.SYN) ? 1 : 0),
                            p.data(),
                            p.payloadStart(),
                            p.payloadCaptured(),
                            p.payloadLength(),
                            position,
                            sender);
        }
        boolean obeyed = !checksumBad || sender.checksumUnknown;
        if (!obeyed && (resets || p.has(PacketView.FIN))) {
            anomaly(Anomaly.BAD_CHECKSUM, position, Anomaly.BAD_CHECKSUM.text());
        }
        if (p.has(PacketView.FIN) && obeyed) {
            int at = p.tcpSequence() + p.payloadLength();
            // One behind the stream's place is old or forged.
            boolean possible = at - sender.reassembler.expected() >= 0;
            if (possible && (!sender.ends || at - sender.endsAt < 0)) {
                sender.ends = true;
                sender.endsAt = at;
            }
        }
        finish(sender);
        finish(receiver); // an acknowledgement may have given up a hole before its FIN
        if (resets && obeyed) {
            closed = Event.Closed.RST;
            sessions.closePinholes(this, pinholes, "control connection reset");
        }
        return taken;
    }

    /** A FIN counts in its turn: one that is forged ahead of the stream closes nothing. */
    private void finish(Stream stream) {
        if (!stream.ends || stream.finished || stream.reassembler.expected() - stream.endsAt < 0) {
            return;
        }
        stream.finished = true;
        if (stream.side == Side.SERVER) {
            // A client may close its half and still wait for the transfer it asked for.
            sessions.closePinholes(this, pinholes, "control connection closed");
        }
    }

    /** Why the last packet's bytes were not taken: other bytes in their place, or no room. */
    Anomaly objection() {
        return objection;
    }

    /** True if its helper is strict and the dialogue broke the rules. */
    boolean isViolated() {
        return helper && linux == null && dialogue.violated();
    }

    /** True once both sides have said FIN and nothing of their streams is missing. */
    boolean isFinished() {
        return closed != null
                || (client.finished
                        && server.finished
                        && !client.reassembler.isWaiting()
                        && !server.reassembler.isWaiting());
    }

    /** True if any side has said FIN. */
    boolean isClosing() {
        return client.finished || server.finished;
    }

    void close(Event.Closed how) {
        if (closed == null) {
            closed = how;
        }
        client.reassembler.close();
        server.reassembler.close();
        memory.close();
        sessions.closePinholes(
                this, pinholes, how == Event.Closed.OPEN ? null : "control connection closed");
    }

    /** Notes a dropped connection between the hosts of a dialogue that cannot be read. */
    void unseen(long position, FlowKey flow, RuleOrigin rule) {
        unseenTotal++;
        if (unseen.size() < MAX_UNSEEN && memory.take(UNSEEN_BYTES)) {
            unseen.add(new Event.Unseen(position, flow, rule));
        }
    }

    /** The connection to an end point that was announced and refused has come. */
    void cameTo(RefusedTarget target, long position, FlowKey flow, String detail) {
        if (target.isNew(flow.sourcePort())) {
            packetAlert(target.why, position, flow, detail);
        }
    }

    /** An alert about a packet of this connection or of one of its data connections. */
    void packetAlert(Anomaly kind, long position, FlowKey flow, String detail) {
        if (packetAlerts++ < MAX_PACKET_ALERTS) {
            // Its control event has been its last.
            sessions.alert(settled ? 0 : number, position, kind, flow, detail);
        }
    }

    Event.Control event() {
        Event.Closed how = closed == null ? Event.Closed.OPEN : closed;
        return new Event.Control(
                number,
                position,
                timeNanos,
                endNanos,
                key,
                dialogue.user(),
                dialogue.loginRefused(),
                dialogue.serverSoftware(),
                helper,
                encryptedAt,
                cutAt,
                gapAt,
                linuxDroppedAt,
                midstream,
                isOneWay() ? (client.begun ? Direction.ORIGINAL : Direction.REPLY) : null,
                dialogue.commands(),
                how,
                verdict,
                rule,
                dropped,
                List.copyOf(unseen),
                unseenTotal);
    }

    // ---- what the dialogue tells ----

    private Pinhole pinholeOf(Announcement a) {
        for (int i = pinholes.size() - 1; i >= 0; i--) {
            if (pinholes.get(i).announcement == a) {
                return pinholes.get(i);
            }
        }
        Pinhole p = new Pinhole(this, a, sessions.now(), helper && linux == null);
        p.mark = mark;
        if (pinholes.size() >= MAX_UNSETTLED) {
            sessions.settleOldest(pinholes);
        }
        pinholes.add(p);
        return p;
    }

    /** The announcement that was complete with this packet, null if there is none. */
    @Nullable Pinhole announcedBy(long position) {
        for (int i = pinholes.size() - 1; i >= 0; i--) {
            if (pinholes.get(i).announcement.position() == position) {
                return pinholes.get(i);
            }
        }
        return null;
    }

    private @Nullable Pinhole known(@Nullable Announcement a) {
        for (int i = pinholes.size() - 1; i >= 0; i--) {
            if (pinholes.get(i).announcement == a) {
                return pinholes.get(i);
            }
        }
        return null;
    }

    /** Forgets a pinhole about which nothing more can be learnt. */
    void forget(Pinhole pinhole) {
        pinholes.remove(pinhole);
    }

    @Override
    public void announced(Announcement a) {
        announcedHere = true;
        sessions.expectEarly(this, pinholes, pinholeOf(a));
    }

    @Override
    public void open(Announcement a) {
        sessions.open(this, pinholes, pinholeOf(a));
    }

    @Override
    public void refused(Announcement a, Anomaly why, String detail) {
        Pinhole p = pinholeOf(a);
        if (linux != null) {
            p.refusal = why.label(); // Linux decides, and has not read the packet yet
            return;
        }
        if (why == Anomaly.UNSOLICITED_REPLY && isAskedUnseen()) {
            sessions.refuse(p, Event.Pinhole.ASKED_UNSEEN);
            forget(p);
            return;
        }
        sessions.refuse(p, why.label());
        if (p.data == null) {
            forget(p);
        }
        if (why.severity() == Anomaly.Severity.ALERT) {
            sessions.watch(this, a, why);
        }
    }

    @Override
    public void transfer(
            @Nullable Announcement a, String command, @Nullable String file, long position) {
        Pinhole p = known(a);
        if (p != null && p.command == null) {
            p.command = command;
            p.file = file;
        }
    }

    @Override
    public void transferEnded(@Nullable Announcement a, int code, long position) {
        Pinhole p = known(a);
        if (p != null) {
            p.replyCode = code;
            sessions.transferEnded(p);
        }
    }

    @Override
    public void anomaly(Anomaly kind, long position, String detail) {
        boolean excused = kind == Anomaly.UNSOLICITED_REPLY && isAskedUnseen();
        if (kind.severity() != Anomaly.Severity.INFO && !excused) {
            sessions.alert(number, position, kind, key, detail);
        }
    }

    @Override
    public void closing(long position) {
        sessions.closePinholes(this, pinholes, "control connection closed");
    }

    @Override
    public void encrypted(long position) {
        if (encryptedAt == 0) {
            encryptedAt = position;
        }
    }

    @Override
    public void cleartext(long position) {}
}
