package io.pinhole.benchmarks;

import io.pinhole.benchmarks.generate.PacketArray;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.VerdictSink;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A packet path to be measured, with a sink that counts. */
final class Path implements VerdictSink, AutoCloseable {
    private final PacketPath path;
    private final long[] verdicts = new long[Verdict.values().length];
    private final long[] states = new long[CtState.values().length];
    private long position;
    private long events;

    Path(RuleProgram rules) {
        var options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        0x5eed);
        path = new PacketPath(options, rules, this, event -> events++);
    }

    @Override
    public void verdict(
            long at,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        verdicts[verdict.ordinal()]++;
        if (ct != null) {
            states[ct.ordinal()]++;
        }
    }

    /**
     * Judges one packet.
     *
     * @return how many were accepted so far
     */
    long process(PacketArray packets, int packet, long timeNanos) {
        int length = packets.length(packet);
        path.process(
                packets.data(),
                packets.offset(packet),
                length,
                length,
                LinkType.ETHERNET,
                timeNanos,
                ++position,
                null,
                null);
        return verdicts[Verdict.ACCEPT.ordinal()];
    }

    long count(CtState state) {
        return states[state.ordinal()];
    }

    long count(Verdict verdict) {
        return verdicts[verdict.ordinal()];
    }

    long packets() {
        return position;
    }

    long events() {
        return events;
    }

    int flows() {
        return path.flows();
    }

    @Override
    public void close() {
        path.close();
    }
}
