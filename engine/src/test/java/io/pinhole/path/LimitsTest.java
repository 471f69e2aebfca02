package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Someone tries to exceed each limit: memory stays under the bound that {@link MemoryBound} states,
 * and a session under way, as well as one that begins during the attack, goes on.
 *
 * <p>{@code -Dpinhole.flood=1000000} makes the floods larger.
 */
class LimitsTest {
    private static final int FLOOD = Integer.getInteger("pinhole.flood", 50_000);
    private static final String SERVER = "203.0.113.10";
    private static final byte[] DATA = new byte[1_400];
    private static final String CLIENT = "198.51.100.7";

    private Settings settings = Settings.DEFAULTS;
    private PacketPath path = path();
    private final Wire wire = new Wire(this::judge);
    private final Map<Anomaly, Integer> reasons = new EnumMap<>(Anomaly.class);
    private final Map<String, Integer> events = new HashMap<>();
    private Verdict last = Verdict.DROP;
    private long number;
    private long now = 1_700_000_000_000_000_000L;

    private PacketPath path() {
        return new PacketPath(
                new PathOptions(
                        settings,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        11),
                new GatewayRules(21),
                (position, verdict, ct, hook, rule, why) -> {
                    last = verdict;
                    reasons.merge(why, 1, Integer::sum);
                },
                event -> events.merge(name(event), 1, Integer::sum));
    }

    private static String name(Event event) {
        return switch (event) {
            case Event.Alert a -> a.kind().label();
            case Event.Pinhole p -> p.outcome().label();
            case Event.Data d -> "data";
            case Event.Control c -> "control";
            case Event.Elsewhere _ -> "elsewhere";
        };
    }

    private void use(Settings.Limits limits) {
        path.close();
        settings =
                new Settings(
                        settings.timeouts(),
                        limits,
                        settings.tcp(),
                        settings.helper(),
                        settings.helpers());
        path = path();
    }

    /** Default limits, but flows and expectations (0: default) and controls. */
    private static Settings.Limits limits(int flows, int controls, int expectations) {
        Settings.Limits d = Settings.Limits.DEFAULTS;
        return new Settings.Limits(
                flows == 0 ? d.flows() : flows,
                controls == 0 ? d.controls() : controls,
                expectations == 0 ? d.expectations() : expectations,
                d.expectationsPerParent(),
                d.expectationsPerClient(),
                d.reassemblyBytes(),
                d.lineBytes(),
                d.pipeline(),
                d.fragmentBytes(),
                d.fragmentDatagrams());
    }

    @AfterEach
    void close() {
        path.close();
    }

    private void judge(byte[] packet) {
        number++;
        now += 1_000; // a million packets a second
        path.process(
                MemorySegment.ofArray(packet),
                0,
                packet.length,
                packet.length,
                LinkType.RAW,
                now,
                Positions.of(0, number),
                null,
                null);
    }

    private Wire.Tcp login(String client, int port) {
        return wire.connect(client, port, SERVER, 21)
                .s("220 ready")
                .c("USER alice")
                .s("331 password")
                .c("PASS x")
                .s("230 in");
    }

    /** A download through a pinhole of its own. */
    private void transfers(Wire.Tcp control, int port) {
        control.c("PASV").s("227 (203,0,113,10,%d,%d)".formatted(port >> 8, port & 255));
        Wire.Tcp data = wire.tcp(control.client.host, 41_023, SERVER, port);
        data.client.syn();
        assertThat(last).as("data connection to " + port).isEqualTo(Verdict.ACCEPT);
        data.server.synAck();
        data.client.acknowledge();
        data.server.say("x".repeat(500));
        data.close();
        control.s("226 done");
    }

    /** What docs/security.md says was measured; printed where the floods are larger than usual. */
    private static void figure(String flood, long bytes, long bound) {
        assertThat(bytes).as(flood).isLessThanOrEqualTo(bound);
        if (Integer.getInteger("pinhole.flood") != null) {
            System.out.printf(Locale.ROOT, "| %s | %,d | %,d |%n", flood, bytes, bound);
        }
    }

    private static final long HELD = Sessions.MAX_DIALOGUE_BYTES + Sessions.MAX_STREAM_BYTES;

    private static String host(int i) {
        return "10.%d.%d.%d".formatted(i >> 16 & 255, i >> 8 & 255, i & 255);
    }

    /** A SYN whose source changes from call to call. */
    private static final class Syns {
        private final byte[] packet = Packets.tcp("10.0.0.0", 1, SERVER, 21).flags("S").ip();

        byte[] next(int i) {
            put(12, 0x0a00_0000 | i >>> 4);
            packet[20] = (byte) (4 + (i & 15));
            packet[10] = 0;
            packet[11] = 0;
            int sum = 0;
            for (int at = 0; at < 20; at += 2) {
                sum += (packet[at] & 0xff) << 8 | packet[at + 1] & 0xff;
            }
            sum = (sum & 0xffff) + (sum >>> 16);
            sum = ~(sum + (sum >>> 16));
            packet[10] = (byte) (sum >>> 8);
            packet[11] = (byte) sum;
            return packet.clone();
        }

        private void put(int at, int value) {
            for (int k = 0; k < 4; k++) {
                packet[at + k] = (byte) (value >>> 24 - 8 * k);
            }
        }
    }

    private long flowTables() {
        return MemoryBound.of(settings).stream()
                .filter(row -> row.what().endsWith("flows"))
                .mapToLong(MemoryBound::total)
                .sum();
    }

    @Test
    void halfOpenFlows() {
        use(limits(FLOOD / 4, 0, 0));
        Wire.Tcp before = login(CLIENT, 41_022);
        Syns syns = new Syns();
        for (int i = 0; i < FLOOD; i++) {
            judge(syns.next(i));
        }
        assertThat(path.flows()).isLessThanOrEqualTo(FLOOD / 4);
        figure(
                "%,d half-open flows, room for %,d".formatted(FLOOD, FLOOD / 4),
                path.tableBytes(),
                flowTables());
        assertThat(path.sessions().liveSessions()).isEqualTo(1);
        transfers(before, 50_000);
        transfers(login("198.51.100.8", 41_022), 50_001);
    }

    @Test
    void portCommandsOnOneConnection() {
        Wire.Tcp control = login(CLIENT, 41_022);
        for (int i = 0; i < FLOOD; i++) {
            control.client.sayUnacknowledged(
                    "PORT 198,51,100,7,%d,%d\r\n".formatted(4 + i % 250, i / 250 % 250));
        }
        assertThat(path.sessions().expectations().size()).isLessThanOrEqualTo(1);
        figure(
                "%,d PORTs on one connection".formatted(FLOOD),
                path.sessions().bytesHeld(),
                200_000);
        assertThat(events.getOrDefault("pipeline-full", 0)).isLessThanOrEqualTo(16);
        transfers(login("198.51.100.8", 41_022), 50_001);
    }

    @Test
    void sessionsBeyondTheLimitPassUnread() {
        use(limits(0, 500, 0));
        Wire.Tcp before = login(CLIENT, 41_022);
        for (int i = 0; i < 2_000; i++) {
            wire.connect(host(i), 40_000, SERVER, 21).s("220 ready");
        }
        assertThat(path.sessions().liveSessions()).isEqualTo(500);
        assertThat(events).containsKey("controls-full");
        assertThat(last).isEqualTo(Verdict.ACCEPT);
        transfers(before, 50_000);
    }

    @Test
    void linesWithoutEnd() {
        Wire.Tcp before = login(CLIENT, 41_022);
        for (int i = 0; i < 6_000; i++) {
            Wire.Tcp c = wire.connect(host(i), 40_000, SERVER, 21).s("220 ready");
            c.client.sayUnacknowledged("y".repeat(4_000));
            c.server.sayUnacknowledged("z".repeat(4_000));
        }
        assertThat(path.sessions().bytesHeld())
                .isBetween(
                        Sessions.MAX_DIALOGUE_BYTES / 2,
                        Sessions.MAX_DIALOGUE_BYTES + Sessions.MAX_STREAM_BYTES);
        figure("12,000 lines of 4,000 bytes without end", path.sessions().bytesHeld(), HELD);
        transfers(before, 50_000);
    }

    @Test
    void commandsWithoutReply() {
        Wire.Tcp before = login(CLIENT, 41_022);
        String name = "x".repeat(250);
        for (int i = 0; i < 3_000; i++) {
            Wire.Tcp c = wire.connect(host(i), 40_000, SERVER, 21).s("220 ready");
            for (int k = 0; k < 70; k++) {
                c.client.sayUnacknowledged("RETR " + name + "\r\n");
            }
            c.server.acknowledge();
        }
        assertThat(path.sessions().bytesHeld())
                .isBetween(
                        Sessions.MAX_DIALOGUE_BYTES / 2,
                        Sessions.MAX_DIALOGUE_BYTES + Sessions.MAX_STREAM_BYTES);
        assertThat(events).containsKey("pipeline-full");
        figure("210,000 commands without reply", path.sessions().bytesHeld(), HELD);
        transfers(before, 50_000);
        transfers(login(CLIENT, 41_099), 50_001);
    }

    @Test
    void segmentsOutOfOrder() {
        Wire.Tcp before = login(CLIENT, 41_022);
        byte[] data = new byte[1_400];
        for (int i = 0; i < 1_000; i++) {
            Wire.Tcp c = wire.connect(host(i), 40_000, SERVER, 21).s("220 ready");
            for (int k = 0; k < 44; k++) {
                judge(
                        c.client
                                .packet("PA")
                                .seq(c.client.next + 1 + k * data.length)
                                .payload(data)
                                .ip());
            }
        }
        assertThat(path.sessions().bytesHeld())
                .isBetween(
                        Sessions.MAX_STREAM_BYTES / 2,
                        Sessions.MAX_DIALOGUE_BYTES + Sessions.MAX_STREAM_BYTES);
        assertThat(reasons).containsKey(Anomaly.REASSEMBLY_FULL);
        figure("44,000 segments out of order", path.sessions().bytesHeld(), HELD);
        transfers(before, 50_000);
    }

    @Test
    void pinholes() {
        Settings.Limits d = limits(0, 0, 1_000);
        use(d);
        Wire.Tcp before = login(CLIENT, 41_022);
        for (int i = 0; i < 3_000; i++) {
            wire.connect(host(i), 40_000, SERVER, 21)
                    .s("220 ready")
                    .c("PASV")
                    .s("227 (203,0,113,10,%d,%d)".formatted(100 + i / 250, i % 250));
        }
        assertThat(path.sessions().expectations().size()).isLessThanOrEqualTo(1_000);
        assertThat(events.get("expectations-full")).isEqualTo(2_000);
        // They expire, and there is room again.
        now += 301L * 1_000_000_000L;
        transfers(before, 50_000);
    }

    /** SYNs with data make no sessions, and what they carry is forgotten. */
    @Test
    void dataOnSyns() {
        Wire.Tcp before = login(CLIENT, 41_022);
        for (int i = 0; i < FLOOD; i++) {
            judge(Packets.tcp(host(i), 1, SERVER, 21).flags("S").payload(DATA).ip());
        }
        assertThat(path.sessions().liveSessions()).isEqualTo(1);
        figure("%,d SYNs with data".formatted(FLOOD), path.passingBytes(), EarlyData.MAX_BYTES);
        transfers(before, 50_000);
    }

    @Test
    void dataConnections() {
        use(limits(0, 0, 1_000));
        for (int i = 0; i < 1_500; i++) {
            Wire.Tcp c =
                    wire.connect(host(i), 40_000, SERVER, 21)
                            .s("220 ready")
                            .c("PASV")
                            .s("227 (203,0,113,10,%d,%d)".formatted(100 + i / 250, i % 250));
            judge(
                    Packets.tcp(c.client.host, 40_001, SERVER, (100 + i / 250) * 256 + i % 250)
                            .flags("S")
                            .ip());
            assertThat(last).as("connection " + i).isEqualTo(Verdict.ACCEPT);
        }
        assertThat(path.sessions().liveData()).isEqualTo(1_000);
        assertThat(events.get("used")).isEqualTo(1_500);
        assertThat(events.get("data-full")).isEqualTo(500);
    }

    @Test
    void fragments() {
        Wire.Tcp before = login(CLIENT, 41_022);
        for (int i = 0; i < FLOOD / 5; i++) {
            List<byte[]> pieces =
                    Packets.udp(host(i), 1, SERVER, 2).payload(new byte[1_200]).fragments(600, i);
            judge(pieces.getFirst());
        }
        assertThat(reasons.get(Anomaly.FRAGMENTS_FULL)).isGreaterThan(FLOOD / 10);
        figure(
                "%,d incomplete datagrams".formatted(FLOOD / 5),
                path.passingBytes(),
                settings.limits().fragmentBytes());
        // A datagram in fragments still arrives.
        Packets port = before.client.packet("PA").payload("PORT 198,51,100,7,195,80\r\n");
        before.client.next += 26;
        port.fragments(16, 77).forEach(this::judge);
        assertThat(last).isEqualTo(Verdict.ACCEPT);
        before.s("200 ok");
        judge(Packets.tcp(SERVER, 20, CLIENT, 50_000).flags("S").ip());
        assertThat(last).isEqualTo(Verdict.ACCEPT);
    }

    /** What MemoryBound says a session, a pinhole and a data connection take, against the heap. */
    @Test
    void theHeapIsWhatTheBoundSays() {
        int n = 3_000;
        login(CLIENT, 41_022);
        long empty = heap();
        Wire.Tcp[] controls = new Wire.Tcp[n];
        for (int i = 0; i < n; i++) {
            controls[i] = login(host(i), 40_000);
        }
        long sessions = heap();
        assertThat((sessions - empty) / n)
                .as("a session")
                .isLessThan(MemoryBound.SESSION - ControlSession.ALLOWANCE);
        for (int i = 0; i < n; i++) {
            controls[i].c("PASV").s("227 (203,0,113,10,%d,%d)".formatted(100 + i / 250, i % 250));
        }
        long pinholes = heap();
        assertThat((pinholes - sessions) / n).as("a pinhole").isLessThan(MemoryBound.PINHOLE);
        for (int i = 0; i < n; i++) {
            int port = (100 + i / 250) * 256 + i % 250;
            judge(Packets.tcp(host(i), 40_001, SERVER, port).flags("S").ip());
        }
        assertThat((heap() - sessions) / n).as("a data connection").isLessThan(MemoryBound.DATA);
        assertThat(controls).hasSize(n);
    }

    private static long heap() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime r = Runtime.getRuntime();
        return r.totalMemory() - r.freeMemory();
    }

    @Test
    void theTableOfTheDocumentationSaysWhatTheBoundSays() throws IOException {
        List<MemoryBound> rows = MemoryBound.of(Settings.DEFAULTS);
        List<String> table = new ArrayList<>();
        for (MemoryBound r : rows) {
            table.add(
                    String.format(
                            Locale.ROOT,
                            "| %s | %,d | %,d | %,d | %s |",
                            r.what(),
                            r.most(),
                            r.bytes(),
                            r.total(),
                            r.offHeap() ? "off-heap" : "heap"));
        }
        long heap = MemoryBound.total(rows, false);
        table.add(String.format(Locale.ROOT, "| **all on the heap** | | | **%,d** | |", heap));
        table.add(
                String.format(
                        Locale.ROOT,
                        "| **all off the heap** | | | **%,d** | |",
                        MemoryBound.total(rows, true)));
        assertThat(Files.readAllLines(Path.of("../docs/security.md"))).containsAll(table);
        assertThat(heap).as("fits the 512 MiB that the launcher gives").isLessThan(448L << 20);
    }
}
