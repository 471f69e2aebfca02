package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A capture of a router's interfaces ({@code tcpdump -i any -y LINUX_SLL2}): each packet once as it
 * arrives, and once more as it leaves if the kernel let it pass.
 *
 * <p>An arrival and the departure that follows from it have the same bytes but for the TTL and its
 * checksum. Where a packet came twice with the same bytes, the departure is the later one's: on one
 * processor the kernel is done with a packet before it takes the next.
 */
final class KernelCaptures {
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private static final int DISCARD = 9; // its UDP port

    /** Linux's packet types, linux/if_packet.h. */
    private static final int TO_US = 0;

    private static final int OUTGOING = 4;

    /** One packet that arrived at the router to be forwarded. */
    static final class Arrival {
        final long number;
        final String text;
        final CapturedPacket packet;
        final int arrivedAt;
        boolean forwarded;
        Verdict verdict = Verdict.UNDECODABLE;
        String why = "";

        Arrival(long number, String text, CapturedPacket packet, int arrivedAt) {
            this.number = number;
            this.text = text;
            this.packet = packet;
            this.arrivedAt = arrivedAt;
        }

        boolean differs() {
            return forwarded != (verdict == Verdict.ACCEPT);
        }

        @Override
        public String toString() {
            return "%d %s: the kernel %s, %s %s"
                    .formatted(
                            number, text, forwarded ? "forwards" : "drops", verdict.label(), why);
        }
    }

    private final List<Arrival> arrivals = new ArrayList<>();
    private int markers;

    private KernelCaptures() {}

    /**
     * What lies between two marks, the first of them included.
     *
     * @param interfaces the router's two, by their numbers
     */
    static KernelCaptures read(CaptureFiles files, Map<Integer, String> interfaces)
            throws Exception {
        KernelCaptures all = new KernelCaptures();
        Map<ByteBuffer, Deque<Arrival>> waiting = new HashMap<>();
        PacketView view = new PacketView();
        CapturedPacket packet = new CapturedPacket();
        while (all.markers < 2 && files.next(packet)) {
            int device = packet.data.get(U32, packet.offset + 4);
            int type = type(packet);
            wrap(view, packet);
            if (!interfaces.containsKey(device) || !isForOthers(view)) {
                continue;
            }
            if (isMark(view) && type == TO_US && ++all.markers == 2) {
                break;
            }
            if (all.markers == 0) {
                continue;
            }
            ByteBuffer same = ByteBuffer.wrap(withoutHops(packet, view));
            if (type == TO_US) {
                CapturedPacket kept = new CapturedPacket();
                kept.set(packet);
                assertThat(kept.stays).as("a mapped file").isTrue();
                Arrival a = new Arrival(packet.number, text(view), kept, device);
                all.arrivals.add(a);
                waiting.computeIfAbsent(same, k -> new ArrayDeque<>()).push(a);
            } else if (type == OUTGOING) {
                Deque<Arrival> arrived = waiting.get(same);
                if (arrived == null || arrived.isEmpty()) {
                    throw new AssertionError("left without having come: " + text(view));
                }
                arrived.pop().forwarded = true;
            }
        }
        assertThat(all.markers).as("marks in the capture").isEqualTo(2);
        return all;
    }

    /** Whether both marks have arrived, so that everything between them is in the file. */
    static boolean isComplete(Path file) throws Exception {
        int marks = 0;
        try (CaptureFiles files = CaptureFiles.open(List.of(file.toString()), System.in)) {
            PacketView view = new PacketView();
            CapturedPacket packet = new CapturedPacket();
            while (files.next(packet)) {
                wrap(view, packet);
                marks += type(packet) == TO_US && isForOthers(view) && isMark(view) ? 1 : 0;
            }
        } catch (CaptureException e) {
            return false; // the last packet is only half written
        }
        return marks >= 2;
    }

    private static int type(CapturedPacket packet) {
        return Byte.toUnsignedInt(packet.data.get(ValueLayout.JAVA_BYTE, packet.offset + 10));
    }

    private static void wrap(PacketView view, CapturedPacket p) {
        view.wrap(p.data, p.offset, p.capturedLength, p.wireLength, p.linkType);
    }

    private static boolean isMark(PacketView v) {
        return v.protocol() == PacketView.UDP && v.destinationPort() == DISCARD;
    }

    /** Between client and server, and not to or from the router itself. */
    private static boolean isForOthers(PacketView v) {
        if (v.ipVersion() == 0) {
            return false;
        }
        return isHost(v.source().toString()) && isHost(v.destination().toString());
    }

    private static boolean isHost(String address) {
        return switch (address) {
            case "198.51.100.10", "203.0.113.20", "2001:db8:1::10", "2001:db8:2::20" -> true;
            default -> false;
        };
    }

    private static byte[] withoutHops(CapturedPacket packet, PacketView view) {
        int header = packet.linkType.headerLength();
        byte[] ip = new byte[packet.capturedLength - header];
        for (int i = 0; i < ip.length; i++) {
            ip[i] = packet.data.get(ValueLayout.JAVA_BYTE, packet.offset + header + i);
        }
        if (view.isV4()) {
            ip[8] = ip[10] = ip[11] = 0;
        } else {
            ip[7] = 0;
        }
        return ip;
    }

    private static String text(PacketView v) {
        String ports = v.hasPorts() ? "%d > %d".formatted(v.sourcePort(), v.destinationPort()) : "";
        String tcp =
                v.protocol() == PacketView.TCP
                        ? " flags %02x seq %d ack %d length %d"
                                .formatted(
                                        v.tcpFlags(),
                                        Integer.toUnsignedLong(v.tcpSequence()),
                                        Integer.toUnsignedLong(v.tcpAcknowledgement()),
                                        v.payloadLength())
                        : " protocol " + v.protocol();
        return "%s > %s %s%s".formatted(v.source(), v.destination(), ports, tcp);
    }

    /** Lets Pinhole judge the arrivals as Linux would. */
    KernelCaptures judge(String ruleSet, Map<Integer, String> interfaces) {
        RuleProgram rules =
                switch (NftReader.read("rules.nft", ruleSet, Map.of(), IncludeResolver.NONE)) {
                    case ReadResult.Loaded loaded -> loaded.rules().compile();
                    case ReadResult.Refused refused -> throw new AssertionError(refused.format());
                };
        PathOptions options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        true,
                        1);
        try (PacketPath path =
                new PacketPath(
                        options,
                        rules,
                        (position, verdict, ct, hook, rule, why) -> {
                            Arrival a = arrivals.get((int) position);
                            a.verdict = verdict;
                            a.why = rule + " " + (ct == null ? "" : ct.label()) + " " + why.label();
                        },
                        event -> {})) {
            for (int i = 0; i < arrivals.size(); i++) {
                Arrival a = arrivals.get(i);
                String input = interfaces.get(a.arrivedAt);
                String output =
                        interfaces.values().stream()
                                .filter(name -> !name.equals(input))
                                .findFirst()
                                .orElseThrow();
                path.process(
                        a.packet.data,
                        a.packet.offset,
                        a.packet.capturedLength,
                        a.packet.wireLength,
                        a.packet.linkType,
                        a.packet.timeNanos,
                        i,
                        input,
                        output);
            }
            path.finish();
        }
        return this;
    }

    int packets() {
        return arrivals.size();
    }

    long forwarded() {
        return arrivals.stream().filter(a -> a.forwarded).count();
    }

    /** Packets that Pinhole would not have treated as the kernel did. */
    List<String> differences() {
        return arrivals.stream().filter(Arrival::differs).map(Arrival::toString).toList();
    }
}
