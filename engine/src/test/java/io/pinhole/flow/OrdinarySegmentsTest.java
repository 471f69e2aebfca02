package io.pinhole.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.decode.PacketView;
import io.pinhole.decode.PlainPacket;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The short way of tracking leaves behind what the whole way does, byte by byte. */
class OrdinarySegmentsTest {
    private static final int[] FIRST = {0x7fff_f000, 0xffff_f000}; // they wrap soon
    private static final HexFormat HEX = HexFormat.of();

    @AutoClose
    private final FlowTable whole = new FlowTable(false, 16, 1, (t, flow, expired) -> {});

    @AutoClose
    private final FlowTable mixed = new FlowTable(false, 16, 1, (t, flow, expired) -> {});

    private Settings.Tcp tcp = Settings.Tcp.DEFAULTS;
    private final TcpTracker tracker = new TcpTracker(tcp, Settings.Timeouts.DEFAULTS);
    private OrdinarySegments segments = new OrdinarySegments(tcp, Settings.Timeouts.DEFAULTS);
    private final PlainPacket plain = new PlainPacket();
    private final Random random = new Random(Seeds.seed());
    private long now = 1_000_000_000L;
    private int shortWays;
    private int wholeWays;

    @ParameterizedTest
    @CsvSource({"0, 0", "7, 0", "0, 9", "7, 9"})
    void leavesTheSameEntry(int clientScale, int serverScale) {
        for (int round = 0; round < 200; round++) {
            long a = handshake(whole, clientScale, serverScale);
            long b = handshake(mixed, clientScale, serverScale);
            conversation(a, b);
            whole.remove(a);
            mixed.remove(b);
        }
        // Both ways were gone, often.
        assertThat(shortWays).isGreaterThan(1000);
        assertThat(wholeWays).isGreaterThan(1000);
    }

    @Test
    void countsTheSameSegmentAgain() {
        long flow = handshake(mixed, 0, 0);
        PacketView p = view(0, PacketView.ACK, 1, 1, 1000, "", 10);
        for (int i = 0; i < 5; i++) {
            assertThat(isPlain(p)).isTrue();
            assertThat(OrdinarySegments.areOf(mixed.word(flow))).isTrue();
            assertThat(segments.track(mixed, flow, plain, 0, now)).isTrue();
            assertThat(mixed.retrans(flow)).isEqualTo(i);
        }
        // nf_conntrack_tcp_max_retrans 3: the shorter timeout applies.
        assertThat((mixed.deadline(flow) - now) / 1_000_000_000L)
                .isEqualTo(Settings.Timeouts.DEFAULTS.retransmitted());
    }

    private void conversation(long a, long b) {
        int[] sent = {1, 1};
        PacketView last = null;
        int lastSide = 0;
        for (int i = 0; i < 40; i++) {
            int side = random.nextInt(2);
            int length = random.nextInt(3) == 0 ? 0 : random.nextInt(1500);
            int seq = sent[side] + drift();
            int ack = sent[1 - side] + Math.min(0, drift()) + (random.nextInt(12) == 0 ? 5 : 0);
            int window = random.nextInt(8) == 0 ? 0 : random.nextInt(65_536);
            int flags = random.nextInt(3) == 0 ? PacketView.ACK | PacketView.PSH : PacketView.ACK;
            if (random.nextInt(400) == 0) {
                flags |= PacketView.FIN;
            }
            String options =
                    switch (random.nextInt(6)) {
                        case 0 -> "0101080a0000000100000002";
                        case 1 -> "0101050a" + HEX.toHexDigits(ack) + HEX.toHexDigits(ack + 100);
                        default -> "";
                    };
            PacketView p = view(side, flags, seq, ack, window, options, length);
            if (last != null && random.nextInt(5) == 0) {
                p = last;
                side = lastSide;
            }
            last = p;
            lastSide = side;
            sent[side] = Math.max(sent[side], seq + length);
            now += random.nextInt(1000);
            both(p, a, b, side);
        }
    }

    private int drift() {
        return switch (random.nextInt(10)) {
            case 0 -> -random.nextInt(200_000);
            case 1 -> random.nextInt(3) == 0 ? random.nextInt(200_000) : 1;
            case 2 -> -1;
            default -> 0;
        };
    }

    private void both(PacketView p, long a, long b, int side) {
        TcpTracker.Result result = tracker.track(whole, a, p, side, now);
        Anomaly why = tracker.anomaly();
        if (isPlain(p)
                && OrdinarySegments.areOf(mixed.word(b))
                && segments.track(mixed, b, plain, side, now)) {
            shortWays++;
            assertThat(result).isEqualTo(TcpTracker.Result.ACCEPT);
            assertThat(why).isEqualTo(Anomaly.NONE);
        } else {
            wholeWays++;
            tracker.track(mixed, b, p, side, now);
        }
        assertThat(entry(mixed, b)).as("seed " + Seeds.seed()).isEqualTo(entry(whole, a));
    }

    private boolean isPlain(PacketView p) {
        int length = p.ipLength();
        return plain.read(p.data(), p.networkStart(), length, length, LinkType.RAW);
    }

    private static String entry(FlowTable t, long flow) {
        byte[] bytes = new byte[t.slotSize];
        MemorySegment.copy(t.memory, flow, MemorySegment.ofArray(bytes), 0, bytes.length);
        return HEX.formatHex(bytes);
    }

    private long handshake(FlowTable t, int clientScale, int serverScale) {
        PacketView syn = view(0, PacketView.SYN, 0, 0, 64_000, scale(clientScale), 0);
        t.prepare(
                PacketView.TCP,
                syn.sourceHigh(),
                syn.sourceLow(),
                syn.sourcePort(),
                syn.destinationHigh(),
                syn.destinationLow(),
                syn.destinationPort());
        long flow = t.insert();
        assertThat(tracker.begin(t, flow, syn, true)).isTrue();
        tracker.track(t, flow, syn, 0, now);
        int synAck = PacketView.SYN | PacketView.ACK;
        tracker.track(t, flow, view(1, synAck, 0, 1, 64_000, scale(serverScale), 0), 1, now);
        t.setFlag(flow, FlowTable.SEEN_REPLY);
        tracker.track(t, flow, view(0, PacketView.ACK, 1, 1, 64_000, "", 0), 0, now);
        assertThat(t.flag(flow, FlowTable.ASSURED)).isTrue();
        return flow;
    }

    private static String scale(int shift) {
        return "03030" + shift + "01" + (shift % 2 == 0 ? "01010101" : "04020101");
    }

    private static PacketView view(
            int side, int flags, int seq, int ack, int window, String options, int length) {
        byte[] header =
                PacketBytes.tcp(
                        side == 0 ? 41022 : 2100,
                        side == 0 ? 2100 : 41022,
                        flags,
                        FIRST[side] + seq,
                        FIRST[1 - side] + ack,
                        PacketBytes.hex(options));
        header[12] = (byte) (5 + options.length() / 8 << 4);
        PacketBytes.put16(header, 14, window);
        byte[] packet =
                PacketBytes.ipv4(
                        side == 0 ? "198.51.100.10" : "203.0.113.20",
                        side == 0 ? "203.0.113.20" : "198.51.100.10",
                        PacketView.TCP,
                        1,
                        0,
                        PacketBytes.concat(header, new byte[length]));
        PacketView view = new PacketView();
        Anomaly bad =
                view.wrap(
                        MemorySegment.ofArray(packet),
                        0,
                        packet.length,
                        packet.length,
                        LinkType.RAW);
        assertThat(bad).isEqualTo(Anomaly.NONE);
        return view;
    }
}
