package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What happened beyond single verdicts; emitted when it is settled. Positions name packets as the
 * source numbered them ({@link Positions}); times are nanoseconds since the epoch.
 */
public sealed interface Event {
    /** Number of the control session concerned, from 1; 0 where there is none. */
    long session();

    /** The first packet concerned. */
    long position();

    /** Time of the first packet concerned. */
    long timeNanos();

    /** The same under another session number. */
    Event withSession(long number);

    /** How a control connection ended. */
    enum Closed {
        FIN,
        RST,
        TIMEOUT,
        /** Still open at the end of the input. */
        OPEN;

        /** Lower-case name as in JSON. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A new connection that was dropped and that an unreadable dialogue may have announced. */
    record Unseen(long position, FlowKey flow, RuleOrigin rule) {}

    /**
     * A control connection; the last event of its session.
     *
     * @param flow from client to server
     * @param loginRefused whether the server refused the last login
     * @param helper whether a helper read it, and not just the observer
     * @param encryptedAt packet from which on it was TLS, 0 if it never was
     * @param cutAt first packet whose dialogue the snap length cut, 0 if none
     * @param gapAt first packet after which bytes of the dialogue were missing, 0 if none
     * @param linuxDroppedAt first packet that Linux's helper dropped under --compat=linux, 0 if
     *     none
     * @param midstream true if its beginning is not in the input
     * @param only the direction that was seen where the other was not, ORIGINAL being the client's;
     *     null if both were
     * @param verdict of its first packet
     * @param rule that gave that verdict
     * @param dropped how many of its packets were dropped or rejected
     * @param unseen the first of the connections that were dropped while the dialogue could not be
     *     read
     * @param unseenTotal how many there were
     */
    record Control(
            long session,
            long position,
            long timeNanos,
            long endNanos,
            FlowKey flow,
            @Nullable String user,
            boolean loginRefused,
            @Nullable String server,
            boolean helper,
            long encryptedAt,
            long cutAt,
            long gapAt,
            long linuxDroppedAt,
            boolean midstream,
            @Nullable Direction only,
            long commands,
            Closed closed,
            Verdict verdict,
            RuleOrigin rule,
            long dropped,
            List<Unseen> unseen,
            int unseenTotal)
            implements Event {
        @Override
        public Control withSession(long number) {
            return new Control(
                    number,
                    position,
                    timeNanos,
                    endNanos,
                    flow,
                    user,
                    loginRefused,
                    server,
                    helper,
                    encryptedAt,
                    cutAt,
                    gapAt,
                    linuxDroppedAt,
                    midstream,
                    only,
                    commands,
                    closed,
                    verdict,
                    rule,
                    dropped,
                    unseen,
                    unseenTotal);
        }
    }

    /**
     * An announcement and what became of its pinhole.
     *
     * @param control from client to server
     * @param source who may connect
     * @param destination the host the pinhole leads to; null if the announcement could not be read
     * @param destinationPort 0 if the announcement could not be read
     * @param announced the address as announced; differs from {@code destination} where the policy
     *     replaced it; null if the announcement could not be read
     * @param usedBy first packet of the data connection, 0 if none came
     * @param reason why it was refused, or what kept it from being used; null if nothing did
     * @param text the line that announced it, printable
     * @param helper false if only the observer read it: then nothing was opened, the outcome says
     *     whether the announced connection came
     */
    record Pinhole(
            long session,
            long position,
            long timeNanos,
            FlowKey control,
            TransferMode mode,
            IpAddress source,
            @Nullable IpAddress destination,
            int destinationPort,
            @Nullable IpAddress announced,
            PinholeOutcome outcome,
            long usedBy,
            @Nullable String reason,
            String text,
            boolean helper)
            implements Event {
        /** The reason where {@code --compat=linux} opened nothing. */
        public static final String NOT_SEEN_BY_LINUX = "not seen by Linux's helper";

        /** The reason where the command that was answered is not in the input. */
        public static final String ASKED_UNSEEN = "asked-unseen";

        @Override
        public Pinhole withSession(long number) {
            return new Pinhole(
                    number,
                    position,
                    timeNanos,
                    control,
                    mode,
                    source,
                    destination,
                    destinationPort,
                    announced,
                    outcome,
                    usedBy,
                    reason,
                    text,
                    helper);
        }
    }

    /**
     * A data connection that was announced and opened.
     *
     * @param flow in the direction of its first packet
     * @param command the transfer command, upper case; null if none was seen
     * @param file the command's argument, printable; null if it had none
     * @param bytes payload bytes, retransmissions counted once
     * @param complete whether the transfer came to its end
     * @param verdict of its first packet
     * @param rule that gave that verdict
     */
    record Data(
            long session,
            long position,
            long timeNanos,
            long endNanos,
            FlowKey flow,
            FlowKey control,
            TransferMode mode,
            @Nullable String command,
            @Nullable String file,
            long bytes,
            boolean complete,
            Verdict verdict,
            RuleOrigin rule,
            boolean helper)
            implements Event {
        @Override
        public Data withSession(long number) {
            return new Data(
                    number, position, timeNanos, endNanos, flow, control, mode, command, file,
                    bytes, complete, verdict, rule, helper);
        }
    }

    /**
     * A control connection on a port that neither a helper nor the observer reads; told once for
     * each server.
     *
     * @param flow from client to server
     * @param encrypted whether it is implicit FTPS, TLS from the first byte
     */
    record Elsewhere(long position, long timeNanos, FlowKey flow, boolean encrypted)
            implements Event {
        @Override
        public long session() {
            return 0;
        }

        @Override
        public Elsewhere withSession(long number) {
            return this;
        }
    }

    /**
     * Something an administrator should see.
     *
     * @param flow the flow concerned, in the direction of the packet or from client to server
     * @param detail one printable line
     */
    record Alert(
            long session, long position, long timeNanos, Anomaly kind, FlowKey flow, String detail)
            implements Event {
        @Override
        public Alert withSession(long number) {
            return new Alert(number, position, timeNanos, kind, flow, detail);
        }
    }
}
