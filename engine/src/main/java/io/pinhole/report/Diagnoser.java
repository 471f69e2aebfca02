package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import io.pinhole.report.Diagnosis.Cause;
import io.pinhole.rule.RuleOrigin;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Events in, diagnoses out: each cause at most once a session, when its control connection is
 * settled. Keeps a few words for each open session.
 */
final class Diagnoser {
    private final Totals totals;
    private static final int MAX_SERVERS = 64;

    private final int maxSessions;
    private final Set<String> servers = new HashSet<>(); // that speak FTP where nobody reads
    private final Map<Long, Facts> sessions = new LinkedHashMap<>();

    /**
     * @param maxSessions sessions with trouble that are remembered; past it the oldest is
     *     forgotten: what comes after a session's end would otherwise stay for good
     */
    Diagnoser(Totals totals, int maxSessions) {
        this.totals = totals;
        this.maxSessions = maxSessions;
    }

    /** What is remembered of one session until it ends. Positions are 0 where nothing happened. */
    private static final class Facts {
        long blockedAt;
        long blockedTime;
        int blockedTotal;
        @Nullable FlowKey blockedFlow;
        @Nullable RuleOrigin blockedBy;
        @Nullable String blockedReason;

        long addressAt;
        long addressTime;
        int addressTotal;
        @Nullable IpAddress announced;
        TransferMode addressMode = TransferMode.PASSIVE;
        long addressUsedBy;

        long missedAt;
        long missedTime;

        @Nullable FlowKey mismatch;
        Event.@Nullable Alert misled;

        long refusedAt;
        long refusedTime;
        @Nullable Anomaly refusedFor;

        long strayAt;
        int strayTotal;
        @Nullable FlowKey stray;
    }

    /** Sessions remembered at the moment. */
    int open() {
        return sessions.size();
    }

    /** Takes note of an event; a control event ends its session and brings its diagnoses. */
    List<Diagnosis> event(Event event) {
        switch (event) {
            case Event.Data d -> {
                if (isBlocked(d.verdict())) {
                    blockedData(d);
                }
            }
            case Event.Pinhole p -> pinhole(p);
            case Event.Alert a -> {
                if (a.kind() == Anomaly.UNANNOUNCED_CONNECTION) {
                    unannounced(a);
                } else if (a.kind() == Anomaly.ADDRESS_MISMATCH) {
                    misled(a);
                }
            }
            case Event.Elsewhere e -> {
                FlowKey flow = e.flow();
                String server = FlowKey.endpoint(flow.destination(), flow.destinationPort());
                boolean known = servers.size() >= MAX_SERVERS || !servers.add(server);
                return known ? List.of() : List.of(elsewhere(e));
            }
            case Event.Control c -> {
                return diagnose(c, sessions.remove(c.session()));
            }
        }
        return List.of();
    }

    static boolean isBlocked(Verdict verdict) {
        return verdict == Verdict.DROP || verdict == Verdict.REJECT;
    }

    /** Null where there is no session. */
    private @Nullable Facts facts(Event event) {
        if (event.session() == 0) {
            return null;
        }
        Facts known = sessions.get(event.session());
        if (known == null) {
            if (sessions.size() >= maxSessions) {
                Iterator<Facts> oldest = sessions.values().iterator();
                oldest.next();
                oldest.remove();
            }
            known = new Facts();
            sessions.put(event.session(), known);
        }
        return known;
    }

    private void blockedData(Event.Data d) {
        Facts f = facts(d);
        if (f == null) {
            return;
        }
        f.blockedTotal++;
        if (f.blockedFlow == null) {
            f.blockedAt = d.position();
            f.blockedTime = d.timeNanos();
            f.blockedFlow = d.flow();
            f.blockedBy = d.rule();
        }
    }

    private void pinhole(Event.Pinhole p) {
        boolean refused = p.outcome() == PinholeOutcome.REFUSED;
        boolean misnamed = namesAnotherHost(p);
        boolean missed = !misnamed && Event.Pinhole.NOT_SEEN_BY_LINUX.equals(p.reason());
        boolean blocked =
                !refused && !missed && p.outcome() != PinholeOutcome.USED && p.reason() != null;
        Anomaly policy = refused && p.helper() ? policyOf(p.reason()) : null;
        if (!misnamed && !missed && !blocked && policy == null) {
            return;
        }
        Facts f = facts(p);
        if (f == null) {
            return;
        }
        if (misnamed && f.addressTotal++ == 0) {
            f.addressAt = p.position();
            f.addressTime = p.timeNanos();
            f.announced = p.announced();
            f.addressMode = p.mode();
            f.addressUsedBy = p.usedBy();
        }
        if (missed && f.missedAt == 0) {
            f.missedAt = p.position();
            f.missedTime = p.timeNanos();
        }
        if (blocked && f.blockedAt == 0) {
            f.blockedAt = p.position();
            f.blockedTime = p.timeNanos();
            f.blockedReason = p.reason();
        }
        if (policy != null && f.refusedFor == null) {
            f.refusedAt = p.position();
            f.refusedTime = p.timeNanos();
            f.refusedFor = policy;
        }
    }

    /** The anomaly whose label is the reason of a refusal, if a policy decided it. */
    private static @Nullable Anomaly policyOf(@Nullable String reason) {
        for (Anomaly kind : Anomaly.values()) {
            if (kind.label().equals(reason)) {
                return Cures.byPolicy(kind) == null ? null : kind;
            }
        }
        return null;
    }

    /**
     * The first alert names the control flow, a later one the client that went where it was sent.
     */
    private void misled(Event.Alert a) {
        Facts f = facts(a);
        if (f == null) {
            return;
        }
        if (f.mismatch == null) {
            f.mismatch = a.flow();
        } else if (f.misled == null && !a.flow().equals(f.mismatch)) {
            f.misled = a;
        }
    }

    private void unannounced(Event.Alert a) {
        Facts f = facts(a);
        if (f != null && f.strayTotal++ == 0) {
            f.strayAt = a.position();
            f.stray = a.flow();
        }
    }

    /**
     * Whether the announcement leads to another host than its speaker. A client may do so only by
     * policy; then nothing was refused and nothing is wrong.
     */
    private static boolean namesAnotherHost(Event.Pinhole p) {
        IpAddress announced = p.announced();
        if (announced == null) {
            return false;
        }
        if (p.mode().serverConnects()) {
            return p.outcome() == PinholeOutcome.REFUSED
                    && announced.isPrivate()
                    && !p.control().source().isPrivate();
        }
        boolean asAllowed = p.outcome() == PinholeOutcome.USED && announced.equals(p.destination());
        return !asAllowed && !announced.equals(p.control().destination());
    }

    private List<Diagnosis> diagnose(Event.Control c, @Nullable Facts f) {
        List<Diagnosis> found = new ArrayList<>();
        if (c.only() != null) {
            found.add(oneDirection(c, f));
            return found; // whatever else there is to say comes of it
        }
        if (isBlocked(c.verdict()) && !c.midstream()) {
            found.add(
                    ofControl(
                            c,
                            Cause.CONTROL_BLOCKED,
                            "the control connection was blocked by " + c.rule().text(),
                            Cures.controlBlocked(c.flow(), c.rule().text())));
        } else if (c.dropped() > 0 && c.commands() == 0 && c.server() == null) {
            found.add(
                    ofControl(
                            c,
                            Cause.CONTROL_BLOCKED,
                            "the control connection may start ("
                                    + c.rule().text()
                                    + "), but "
                                    + Units.count(c.dropped(), "later packet")
                                    + " of it did not pass",
                            Cures.controlAnswers()));
        }
        if (c.linuxDroppedAt() != 0 || (f != null && f.missedAt != 0)) {
            found.add(linuxHelper(c, f));
        }
        if (f != null) {
            ofAnnouncements(c, f, found);
        }
        ofDialogue(c, f, found);
        return found;
    }

    private Diagnosis oneDirection(Event.Control c, @Nullable Facts f) {
        String side = c.only() == Direction.ORIGINAL ? "client" : "server";
        String blocked = blockedMeanwhile(c, f);
        String detail =
                "the capture holds only what the "
                        + side
                        + " sent: neither the state of connections nor their announcements can be"
                        + " followed, and the verdicts are those for half a connection"
                        + (blocked == null ? "" : "; " + blocked);
        return ofControl(c, Cause.ONE_DIRECTION, detail, Cures.ONE_DIRECTION);
    }

    private static Diagnosis elsewhere(Event.Elsewhere e) {
        FlowKey flow = e.flow();
        String server = FlowKey.endpoint(flow.destination(), flow.destinationPort());
        Cures.Cure cure =
                e.encrypted() ? Cures.implicitTls(flow) : Cures.otherPort(flow.destinationPort());
        return new Diagnosis(
                e.encrypted() ? Cause.TLS_CONTROL : Cause.OTHER_PORT,
                flow,
                e.position(),
                e.timeNanos(),
                e.encrypted()
                        ? server + " speaks implicit FTPS: TLS hides the whole dialogue"
                        : server + " speaks FTP, and nobody reads this port",
                cure.text(),
                cure.lines());
    }

    private Diagnosis linuxHelper(Event.Control c, @Nullable Facts f) {
        boolean dropped = c.linuxDroppedAt() != 0;
        long position = dropped || f == null ? c.linuxDroppedAt() : f.missedAt;
        String what =
                dropped
                        ? "Linux's helper drops "
                                + reference(c, position)
                                + " and each repetition of it, because what it holds of an"
                                + " announcement does not fit its pattern: the control connection"
                                + " hangs"
                        : "Linux's helper does not see the announcement in "
                                + reference(c, position);
        String then = f == null || f.blockedAt == 0 ? "" : "; " + blockedText(c, f);
        return new Diagnosis(
                Cause.LINUX_HELPER,
                c.flow(),
                position,
                dropped || f == null ? c.timeNanos() : f.missedTime,
                what + then,
                Cures.LINUX_HELPER.text(),
                Cures.LINUX_HELPER.lines());
    }

    private void ofAnnouncements(Event.Control c, Facts f, List<Diagnosis> found) {
        boolean linux = c.linuxDroppedAt() != 0 || f.missedAt != 0; // has been told
        if (f.blockedAt != 0 && !linux) {
            String what = blockedText(c, f);
            if (c.helper()) {
                String rule = f.blockedBy == null ? null : f.blockedBy.text();
                found.add(
                        new Diagnosis(
                                Cause.BLOCKED_DATA,
                                c.flow(),
                                f.blockedAt,
                                f.blockedTime,
                                what,
                                "accept what the helper announced",
                                Cures.acceptRelated(rule)));
            } else {
                String rule = f.blockedBy == null ? null : f.blockedBy.text();
                found.add(
                        new Diagnosis(
                                Cause.NO_HELPER,
                                c.flow(),
                                f.blockedAt,
                                f.blockedTime,
                                "no helper reads this control connection; " + what,
                                Cures.ASSIGN_HELPER,
                                Cures.assignHelper(c.flow().destinationPort(), rule)));
            }
        }
        if (f.announced != null) {
            found.add(misnamed(c, f, f.announced));
        }
        Cures.Cure policy = f.refusedFor == null ? null : Cures.byPolicy(f.refusedFor);
        boolean explained = f.announced != null && f.addressAt == f.refusedAt;
        if (policy != null && f.refusedFor != null && !explained) {
            found.add(
                    new Diagnosis(
                            Cause.PINHOLE_REFUSED,
                            c.flow(),
                            f.refusedAt,
                            f.refusedTime,
                            "the helper refused the announcement in "
                                    + reference(c, f.refusedAt)
                                    + ": "
                                    + f.refusedFor.text(),
                            policy.text(),
                            policy.lines()));
        }
    }

    private String blockedText(Event.Control c, Facts f) {
        if (f.blockedFlow == null) {
            return "the pinhole announced in "
                    + reference(c, f.blockedAt)
                    + " was of no use: "
                    + f.blockedReason;
        }
        String by = f.blockedBy == null ? "" : " by " + f.blockedBy.text();
        String more =
                f.blockedTotal > 1
                        ? ", and " + Units.count(f.blockedTotal - 1L) + " more later"
                        : "";
        return "the announced data connection "
                + f.blockedFlow
                + " was blocked in "
                + reference(c, f.blockedAt)
                + by
                + more;
    }

    private Diagnosis misnamed(Event.Control c, Facts f, IpAddress announced) {
        IpAddress speaker =
                f.addressMode.serverConnects() ? c.flow().source() : c.flow().destination();
        boolean behindNat = announced.isPrivate() && !speaker.isPrivate();
        String who = f.addressMode.serverConnects() ? "client" : "server";
        StringBuilder detail = new StringBuilder();
        detail.append("the ").append(who).append(" announced ").append(announced);
        detail.append(" in ").append(reference(c, f.addressAt)).append(", but is seen as ");
        detail.append(speaker);
        detail.append(behindNat ? ": it is behind NAT and does not know it" : "");
        if (f.addressUsedBy != 0) {
            detail.append("; the data connection came all the same (")
                    .append(reference(c, f.addressUsedBy))
                    .append("), but clients that take the announced address will fail");
        }
        Event.Alert misled = f.misled;
        if (misled != null) {
            detail.append("; the ")
                    .append(f.addressMode.serverConnects() ? "server" : "client")
                    .append(" went there in ")
                    .append(reference(c, misled.position()))
                    .append(" (")
                    .append(misled.detail())
                    .append(')');
        }
        if (f.addressTotal > 1) {
            detail.append("; ").append(Units.count(f.addressTotal - 1L)).append(" more later");
        }
        Cures.Cure cure =
                f.addressMode.serverConnects()
                        ? Cures.CLIENT_BEHIND_NAT
                        : Cures.serverAddress(speaker);
        return new Diagnosis(
                behindNat ? Cause.PRIVATE_ADDRESS : Cause.FOREIGN_ADDRESS,
                c.flow(),
                f.addressAt,
                f.addressTime,
                detail.toString(),
                cure.text(),
                cure.lines());
    }

    /** What may be due to a dialogue that could not be read. */
    private void ofDialogue(Event.Control c, @Nullable Facts f, List<Diagnosis> found) {
        String blocked = blockedMeanwhile(c, f);
        if (c.encryptedAt() != 0 && blocked != null) {
            String detail =
                    "TLS hides the dialogue from "
                            + reference(c, c.encryptedAt())
                            + " on, so its announcements opened nothing; "
                            + blocked;
            found.add(ofControl(c, Cause.TLS_CONTROL, detail, Cures.tls(c)));
        }
        String also = blocked == null ? "" : "; " + blocked;
        if (c.cutAt() != 0) {
            String detail =
                    "the snap length cut the dialogue, first in "
                            + reference(c, c.cutAt())
                            + "; announcements may be missing here that the real helper sees"
                            + also;
            found.add(ofControl(c, Cause.SNAP_LENGTH, detail, Cures.SNAP_LENGTH));
        }
        if (c.gapAt() != 0) {
            String detail =
                    "part of the dialogue after "
                            + reference(c, c.gapAt())
                            + " is not in the capture; announcements may be missing"
                            + also;
            found.add(ofControl(c, Cause.CAPTURE_LOSS, detail, Cures.CAPTURE_LOSS));
        }
        boolean explained = c.encryptedAt() != 0 || c.cutAt() != 0 || c.gapAt() != 0;
        if (c.midstream() && (blocked != null || c.dropped() > 0) && !explained) {
            String detail =
                    "the control connection is older than the capture: what it announced before"
                            + " is unknown; "
                            + (blocked != null
                                    ? blocked
                                    : Units.count(c.dropped(), "packet") + " of it did not pass");
            found.add(ofControl(c, Cause.LATE_START, detail, Cures.LATE_START));
        }
    }

    /** The connections that nobody saw announced, in words; null if there was none. */
    private @Nullable String blockedMeanwhile(Event.Control c, @Nullable Facts f) {
        if (!c.unseen().isEmpty()) {
            Event.Unseen first = c.unseen().getFirst();
            return blockedMeanwhile(c, first.flow(), first.position(), c.unseenTotal())
                    + ", by "
                    + first.rule().text();
        }
        if (f != null && f.stray != null) {
            return blockedMeanwhile(c, f.stray, f.strayAt, f.strayTotal);
        }
        return null;
    }

    private String blockedMeanwhile(Event.Control c, FlowKey flow, long position, int total) {
        String more = total > 1 ? " and " + Units.count(total - 1L) + " more" : "";
        return "blocked meanwhile: " + flow + " in " + reference(c, position) + more;
    }

    private static Diagnosis ofControl(
            Event.Control c, Cause cause, String detail, Cures.Cure cure) {
        return new Diagnosis(
                cause, c.flow(), c.position(), c.timeNanos(), detail, cure.text(), cure.lines());
    }

    private String reference(Event.Control c, long position) {
        return totals.reference(position, Positions.file(c.position()));
    }
}
