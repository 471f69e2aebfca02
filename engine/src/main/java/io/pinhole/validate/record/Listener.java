package io.pinhole.validate.record;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.validate.scenario.Bytes;
import io.pinhole.validate.scenario.Expected;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Judges a capture and keeps all of it. */
final class Listener {
    /** More make no scenario that anybody reads. */
    static final int MAX_PACKETS = 50_000;

    private final List<Heard> packets = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private final Map<Long, Heard> byPosition = new HashMap<>();

    /** The packets in their order. */
    List<Heard> packets() {
        return packets;
    }

    /** What was settled before the capture's end. */
    List<Event> events() {
        return events;
    }

    /**
     * Hears a capture to its end, or to where it is damaged.
     *
     * @return what is wrong with it, or null
     */
    @Nullable String listen(CaptureFiles files, PathOptions options, RuleProgram rules)
            throws CaptureException, RecordException {
        String damage = null;
        CapturedPacket packet = new CapturedPacket();
        PacketView view = new PacketView();
        try (PacketPath path =
                new PacketPath(
                        options,
                        rules,
                        (position, verdict, ct, hook, rule, why) -> {
                            Heard heard = byPosition.remove(position);
                            if (heard != null && verdict != Verdict.UNFILTERED) {
                                heard.expected = new Expected(verdict, ct, null);
                            }
                        },
                        events::add)) {
            Set<String> open = new HashSet<>();
            long number = 0;
            while (true) {
                try {
                    if (!files.next(packet)) {
                        break;
                    }
                } catch (CaptureException e) {
                    if (e.kind() == CaptureException.Kind.UNREADABLE) {
                        throw e;
                    }
                    damage = e.getMessage();
                    continue;
                }
                if (++number > MAX_PACKETS) {
                    throw new RecordException(
                            "the capture holds more than "
                                    + MAX_PACKETS
                                    + " packets; cut it to the sessions of interest first");
                }
                if (packet.unsupportedLink) {
                    continue;
                }
                Heard heard = heard(packet, view, number);
                packets.add(heard);
                long position = Positions.of(0, number);
                byPosition.put(position, heard);
                path.process(
                        packet.data,
                        packet.offset,
                        packet.capturedLength,
                        packet.wireLength,
                        packet.linkType,
                        packet.timeNanos,
                        position,
                        null,
                        null);
                heard.opened = news(path.pinholes(packet.timeNanos), open);
            }
            // What is never completed is dropped at the end; events of that time are not ours.
            List<Event> settled = List.copyOf(events);
            path.finish();
            events.clear();
            events.addAll(settled);
        }
        return damage;
    }

    private static List<OpenPinhole> news(List<OpenPinhole> waiting, Set<String> before) {
        List<OpenPinhole> out = new ArrayList<>();
        Set<String> now = new HashSet<>();
        for (OpenPinhole p : waiting) {
            String key = p + " " + p.control();
            now.add(key);
            if (!before.contains(key)) {
                out.add(p);
            }
        }
        before.clear();
        before.addAll(now);
        return out;
    }

    private static Heard heard(CapturedPacket p, PacketView view, long number) {
        Bytes frame =
                Bytes.of(p.data.asSlice(p.offset, p.capturedLength).toArray(ValueLayout.JAVA_BYTE));
        return new Heard(number, p.timeNanos, p.linkType, frame, p.wireLength, segment(p, view));
    }

    private static Heard.@Nullable Segment segment(CapturedPacket p, PacketView view) {
        if (view.wrap(p.data, p.offset, p.capturedLength, p.wireLength, p.linkType)
                != Anomaly.NONE) {
            return null;
        }
        if (view.ipVersion() == 0
                || view.protocol() != PacketView.TCP
                || view.isFragment()
                || view.transportAnomaly() != Anomaly.NONE
                || view.payloadCaptured() != view.payloadLength()
                || Checksums.transport(view) == Checksums.Result.BAD) {
            return null;
        }
        byte[] payload =
                view.data()
                        .asSlice(view.payloadStart(), view.payloadLength())
                        .toArray(ValueLayout.JAVA_BYTE);
        return new Heard.Segment(
                FlowKey.tcp(
                        view.source(),
                        view.sourcePort(),
                        view.destination(),
                        view.destinationPort()),
                view.tcpFlags(),
                view.tcpSequence(),
                view.tcpAcknowledgement(),
                Bytes.of(payload));
    }
}
