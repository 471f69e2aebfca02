package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.path.Event;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Any bytes as a little world of packets under the bundled rules: every packet gets one verdict, no
 * pinhole leads elsewhere than to an unprivileged port of its own client or server, and no limit is
 * exceeded.
 */
class PacketPathFuzzTest {
    private static final int FLOWS = 64;
    private static final RuleProgram RULES = rules();

    @FuzzTest(maxDuration = "60s")
    void judges(byte[] data) {
        fuzzerTestOneInput(data);
    }

    private static RuleProgram rules() {
        try (InputStream in =
                PacketPathFuzzTest.class.getResourceAsStream("/io/pinhole/rules/ftp-gateway.nft")) {
            String text =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            return switch (NftReader.read(
                    "ftp-gateway.nft", text, Map.of(), (from, pattern) -> List.of())) {
                case ReadResult.Loaded loaded -> loaded.rules().compile();
                case ReadResult.Refused refused -> throw new AssertionError(refused.format());
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void fuzzerTestOneInput(byte[] data) {
        World world = new World(data);
        world.run();
    }

    /**
     * Bytes as operations. Bits 0 and 1: which of four connections; bit 2: which side sends; bits 3
     * to 5: what; then what it needs.
     */
    private static final class World {
        private static final String[][] ENDS = {
            {"198.51.100.10", "41022", "203.0.113.20", "21"},
            {"198.51.100.10", "41023", "203.0.113.20", "50000"},
            {"203.0.113.20", "20", "198.51.100.10", "51210"},
            {"2001:db8:1::10", "41022", "2001:db8:2::20", "21"},
        };
        private static final int FIN = 1, SYN = 2, ACK = 16, PSH = 8;

        private final byte[] in;
        private final int[][] next = new int[4][2];
        private int at;
        private long now = 1_000_000_000L;
        private long packets;
        private long verdicts;
        private final PacketPath path;

        World(byte[] in) {
            this.in = in;
            for (int i = 0; i < 4; i++) {
                next[i][0] = 0x7fff_ff00;
                next[i][1] = 0xffff_ff00;
            }
            Settings.Limits small =
                    new Settings.Limits(FLOWS, 4, 4, 1, 2, 4096, 512, 8, 65_536, 16);
            Settings settings =
                    new Settings(
                            Settings.Timeouts.DEFAULTS,
                            small,
                            // Nobody would guess a checksum.
                            new Settings.Tcp(true, false, 3, false),
                            Settings.HelperPolicy.DEFAULTS,
                            Map.of());
            path =
                    new PacketPath(
                            new PathOptions(
                                    settings,
                                    Set.of(21),
                                    Set.of(),
                                    List.of(),
                                    new InterfaceMap(List.of()),
                                    false,
                                    7),
                            RULES,
                            (position, verdict, ct, hook, rule, why) -> verdicts++,
                            World::check);
        }

        private static void check(Event event) {
            if (event instanceof Event.Pinhole p && p.outcome() == PinholeOutcome.USED) {
                IpAddress client = p.control().source();
                IpAddress server = p.control().destination();
                assertThat(p.destinationPort()).isBetween(1024, 65_535);
                assertThat(p.destination()).isIn(client, server);
                assertThat(p.source()).isIn(client, server);
            }
        }

        private int u8() {
            return at < in.length ? in[at++] & 0xff : 0;
        }

        private byte[] take(int n) {
            int end = Math.min(in.length, at + n);
            byte[] taken = Arrays.copyOfRange(in, at, end);
            at = end;
            return taken;
        }

        void run() {
            try (path) {
                while (at < in.length) {
                    int op = u8();
                    step(op & 3, op >> 2 & 1, op >> 3 & 7);
                    assertThat(path.flows()).isLessThanOrEqualTo(2 * FLOWS);
                }
                path.finish();
                assertThat(verdicts).isEqualTo(packets);
            }
        }

        private void step(int c, int side, int what) {
            switch (what) {
                case 0 -> {
                    byte[] data = take(u8());
                    send(c, side, PSH | ACK, 0, data);
                    next[c][side] += data.length;
                }
                case 1 -> send(c, side, PSH | ACK, (byte) u8(), take(u8()));
                case 2 -> send(c, side, u8(), (byte) u8() << (u8() & 31), new byte[0]);
                case 3 -> {
                    send(c, 0, SYN, 0, new byte[0]);
                    next[c][0]++;
                    send(c, 1, SYN | ACK, 0, new byte[0]);
                    next[c][1]++;
                    send(c, 0, ACK, 0, new byte[0]);
                }
                case 4 -> send(c, side, ACK, 0, new byte[0]);
                case 5 -> emit(take(u8()), LinkType.RAW);
                case 6 -> now += (long) u8() << (u8() & 31);
                default -> {
                    send(c, side, FIN | ACK, 0, new byte[0]);
                    next[c][side]++;
                }
            }
        }

        private void send(int c, int side, int flags, int offset, byte[] data) {
            String[] e = ENDS[c];
            int from = side * 2;
            int to = 2 - from;
            byte[] tcp =
                    PacketBytes.tcp(
                            Integer.parseInt(e[from + 1]),
                            Integer.parseInt(e[to + 1]),
                            flags,
                            next[c][side] + offset,
                            (flags & ACK) != 0 ? next[c][1 - side] : 0,
                            data);
            boolean v6 = e[0].contains(":");
            byte[] ip =
                    v6
                            ? PacketBytes.ipv6(e[from], e[to], 6, tcp)
                            : PacketBytes.ipv4(e[from], e[to], 6, 0, 0x4000, tcp);
            emit(ip, LinkType.RAW);
        }

        private void emit(byte[] packet, LinkType link) {
            packets++;
            path.process(
                    MemorySegment.ofArray(packet),
                    0,
                    packet.length,
                    packet.length,
                    link,
                    now,
                    Positions.of(0, packets),
                    null,
                    null);
            now += 1_000;
        }
    }
}
