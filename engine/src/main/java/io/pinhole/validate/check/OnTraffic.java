package io.pinhole.validate.check;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Judges recorded traffic under two rule sets at once: which packets get another verdict, by
 * connection.
 */
public final class OnTraffic {
    /** Connections that are told apart; packets of others are counted only. */
    private static final int MOST = 100_000;

    /**
     * A connection of which some packet fares otherwise.
     *
     * @param flow as its first packet that does, null for packets without one
     * @param first that packet's number, in the file of this number
     * @param packets how many do
     * @param before its verdict under the old rules, and by what
     * @param what the transfer it carried, if it was announced; empty if nothing is known
     */
    public record Moved(
            @Nullable FlowKey flow,
            int file,
            long first,
            long packets,
            Decision before,
            Decision after,
            String what) {
        /** True if it passes now and did not. */
        public boolean opened() {
            return passes(after.verdict);
        }
    }

    /** A verdict and what gave it. */
    public record Decision(Verdict verdict, @Nullable CtState ct, RuleOrigin by) {
        /** {@code drop (ct new) by policy old.nft:8}. */
        public String text() {
            return verdict.label()
                    + (ct == null ? "" : " (ct " + ct.label() + ")")
                    + " by "
                    + by.text();
        }
    }

    /**
     * The effect.
     *
     * @param packets of all files
     * @param moved in the order of their first packets
     * @param movedPackets how many packets fare otherwise
     * @param damage what is wrong with files that end in damage
     */
    public record Effect(
            long packets,
            long connections,
            long movedPackets,
            List<Moved> moved,
            List<String> damage) {
        public Effect {
            moved = List.copyOf(moved);
            damage = List.copyOf(damage);
        }
    }

    private final Side old;
    private final Side now;
    private final Map<FlowKey, Tally> moved = new LinkedHashMap<>();
    private final Tally others = new Tally();
    private final Set<FlowKey> seen = new HashSet<>();
    private long packets;
    private long movedPackets;

    private OnTraffic(RuleSet before, RuleSet after, PathOptions options) {
        old = new Side(before, options);
        now = new Side(after, options);
    }

    /**
     * Judges captures.
     *
     * @throws CaptureException if one of them could not be read at all
     */
    public static Effect of(CaptureFiles files, RuleSet before, RuleSet after, PathOptions options)
            throws CaptureException {
        OnTraffic run = new OnTraffic(before, after, options);
        try {
            return run.run(files);
        } finally {
            run.old.path.close();
            run.now.path.close();
        }
    }

    private Effect run(CaptureFiles files) throws CaptureException {
        List<String> damage = new ArrayList<>();
        CapturedPacket packet = new CapturedPacket();
        boolean more = true;
        while (more) {
            try {
                more = files.next(packet);
                if (more) {
                    packet(packet);
                }
            } catch (CaptureException e) {
                if (e.kind() == CaptureException.Kind.UNREADABLE) {
                    throw e;
                }
                damage.add(String.valueOf(e.getMessage()));
            } catch (InternalError e) { // a mapped file that became shorter
                damage.add(String.valueOf(files.endFileAfter(e).getMessage()));
            }
        }
        old.path.finish();
        now.path.finish();
        compare(null); // fragments that were waiting
        Map<FlowKey, String> transfers = new HashMap<>(old.transfers);
        transfers.putAll(now.transfers);
        List<Moved> out = new ArrayList<>();
        moved.forEach((key, tally) -> out.add(tally.moved(transfers.getOrDefault(key, ""))));
        if (others.packets > 0) {
            out.add(others.moved(""));
        }
        out.sort(Comparator.comparingInt(Moved::file).thenComparingLong(Moved::first));
        return new Effect(packets, seen.size(), movedPackets, out, damage);
    }

    private void packet(CapturedPacket p) {
        packets++;
        old.judge(p);
        now.judge(p);
        compare(p);
    }

    /** What both have said by now; a fragment's verdict comes with a later packet. */
    private void compare(@Nullable CapturedPacket p) {
        FlowKey flow = p == null || p.unsupportedLink ? null : now.path.currentFlow();
        if (flow != null && seen.size() < MOST) {
            seen.add(canonical(flow));
        }
        if (now.said.isEmpty()) {
            return;
        }
        long here = p == null ? -1 : Positions.of(p.file, p.number);
        List<Long> done = new ArrayList<>();
        now.said.forEach(
                (position, after) -> {
                    Decision before = old.said.get(position);
                    if (before == null) {
                        return;
                    }
                    done.add(position);
                    if (passes(before.verdict) != passes(after.verdict)
                            || (before.verdict == Verdict.REJECT)
                                    != (after.verdict == Verdict.REJECT)) {
                        movedPackets++;
                        tally(position == here ? flow : null)
                                .add(position == here ? flow : null, position, before, after);
                    }
                });
        done.forEach(
                position -> {
                    old.said.remove(position);
                    now.said.remove(position);
                });
    }

    private Tally tally(@Nullable FlowKey flow) {
        if (flow == null || (moved.size() >= MOST && !moved.containsKey(canonical(flow)))) {
            return others;
        }
        return moved.computeIfAbsent(canonical(flow), k -> new Tally());
    }

    /** The same for both directions. */
    private static FlowKey canonical(FlowKey flow) {
        IpAddress a = flow.source();
        IpAddress b = flow.destination();
        int order = Long.compareUnsigned(a.high(), b.high());
        order = order != 0 ? order : Long.compareUnsigned(a.low(), b.low());
        order = order != 0 ? order : flow.sourcePort() - flow.destinationPort();
        return order <= 0 ? flow : flow.reversed();
    }

    private static boolean passes(Verdict verdict) {
        return verdict != Verdict.DROP && verdict != Verdict.REJECT;
    }

    private static final class Tally {
        private @Nullable FlowKey flow;
        private long first = -1;
        private long packets;
        private @Nullable Decision before;
        private @Nullable Decision after;

        void add(@Nullable FlowKey of, long position, Decision old, Decision now) {
            if (packets++ == 0) {
                flow = of;
                first = position;
                before = old;
                after = now;
            }
        }

        Moved moved(String what) {
            Decision old = before;
            Decision now = after;
            if (old == null || now == null) {
                throw new IllegalStateException("no packet was counted");
            }
            return new Moved(
                    flow, Positions.file(first), Positions.number(first), packets, old, now, what);
        }
    }

    /** One rule set, with the verdicts that the other has not given yet. */
    private static final class Side {
        private final Map<Long, Decision> said = new LinkedHashMap<>();
        private final Map<FlowKey, String> transfers = new HashMap<>();
        private final PacketPath path;

        Side(RuleSet rules, PathOptions options) {
            path = new PacketPath(options, rules.compile(), this::verdict, this::event);
        }

        private void verdict(
                long position,
                Verdict verdict,
                @Nullable CtState ct,
                @Nullable Hook hook,
                RuleOrigin rule,
                Anomaly why) {
            said.put(position, new Decision(verdict, ct, rule));
        }

        private void event(Event event) {
            if (event instanceof Event.Data d && transfers.size() < MOST) {
                String file = d.file() == null ? "" : " " + d.file();
                transfers.put(
                        canonical(d.flow()),
                        d.mode().label() + (d.command() == null ? "" : " " + d.command()) + file);
            }
        }

        void judge(CapturedPacket p) {
            long position = Positions.of(p.file, p.number);
            if (p.unsupportedLink) {
                path.unsupportedLink(p.timeNanos, position);
                return;
            }
            path.process(
                    p.data,
                    p.offset,
                    p.capturedLength,
                    p.wireLength,
                    p.linkType,
                    p.timeNanos,
                    position,
                    p.outbound ? null : p.interfaceName,
                    p.outbound ? p.interfaceName : null);
        }
    }
}
