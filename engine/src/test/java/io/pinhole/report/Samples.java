package io.pinhole.report;

import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.TransferMode;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleOrigin;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Events as the path tells them, about one session between the same two hosts. */
final class Samples {
    static final IpAddress CLIENT = address("198.51.100.7");
    static final IpAddress SERVER = address("203.0.113.10");
    static final FlowKey CONTROL = FlowKey.tcp(CLIENT, 41022, SERVER, 21);
    static final FlowKey DATA = FlowKey.tcp(CLIENT, 41023, SERVER, 50000);
    static final RuleOrigin POLICY = new RuleOrigin("policy r.nft:9", "");
    static final RuleOrigin RULE = new RuleOrigin("r.nft:3", "ct state established accept");

    private Samples() {}

    static IpAddress address(String text) {
        return Objects.requireNonNull(IpAddress.parse(text));
    }

    static long at(int packet) {
        return Positions.of(0, packet);
    }

    static Event.Pinhole pinhole(
            TransferMode mode, PinholeOutcome outcome, long usedBy, @Nullable String reason) {
        return new Event.Pinhole(
                1,
                at(14),
                0,
                CONTROL,
                mode,
                mode.serverConnects() ? SERVER : CLIENT,
                mode.serverConnects() ? CLIENT : SERVER,
                50000,
                mode.serverConnects() ? CLIENT : SERVER,
                outcome,
                usedBy,
                reason,
                "227 Entering Passive Mode (203,0,113,10,195,80)",
                true);
    }

    static Event.Data data(Verdict verdict, boolean complete) {
        return new Event.Data(
                1,
                at(17),
                0,
                1_000_000,
                DATA,
                CONTROL,
                TransferMode.PASSIVE,
                "RETR",
                "big.bin",
                1000,
                complete,
                verdict,
                verdict == Verdict.ACCEPT ? RULE : POLICY,
                true);
    }

    static Event.Control control() {
        return new ControlBuilder().build();
    }

    /** A control event that is unremarkable but for what is set. */
    static final class ControlBuilder {
        @Nullable String user = "alice";
        boolean loginRefused;
        @Nullable String server = "vsFTPd 3.0.3";
        boolean helper = true;
        long encryptedAt;
        long cutAt;
        long gapAt;
        long linuxDroppedAt;
        boolean midstream;
        @Nullable Direction only;
        long commands = 9;
        Verdict verdict = Verdict.ACCEPT;
        long dropped;
        List<Event.Unseen> unseen = List.of();

        Event.Control build() {
            return new Event.Control(
                    1,
                    at(1),
                    0,
                    30_000_000,
                    CONTROL,
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
                    Event.Closed.FIN,
                    verdict,
                    verdict == Verdict.ACCEPT ? RULE : POLICY,
                    dropped,
                    unseen,
                    unseen.size());
        }
    }
}
