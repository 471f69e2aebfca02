package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RuleOrigin;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is told depends neither on the number of threads nor on the secret of the hashes. */
class ShardsTest {
    private record Captured(
            byte[] bytes, int wire, LinkType link, long timeNanos, @Nullable String input) {}

    /** All samples, one after the other, with scans and floods between. */
    private static final List<Captured> PACKETS = new ArrayList<>();

    /** Limits, and whether they are so small that packets are lost for them. */
    private enum Limits {
        USUAL(Settings.Limits.DEFAULTS),
        FEW_FLOWS(limits(320, 65_536, 65_536, 4_194_304)),
        FEW_CONTROLS(limits(4_194_304, 16, 65_536, 4_194_304)),
        FEW_EXPECTATIONS(limits(4_194_304, 65_536, 16, 4_194_304)),
        FEW_FRAGMENTS(limits(4_194_304, 65_536, 65_536, 65_536));

        private final Settings.Limits limits;

        Limits(Settings.Limits limits) {
            this.limits = limits;
        }
    }

    private static Settings.Limits limits(
            int flows, int controls, int expectations, int fragmentBytes) {
        Settings.Limits d = Settings.Limits.DEFAULTS;
        return new Settings.Limits(
                flows,
                controls,
                expectations,
                d.expectationsPerParent(),
                d.expectationsPerClient(),
                d.reassemblyBytes(),
                d.lineBytes(),
                d.pipeline(),
                fragmentBytes,
                d.fragmentDatagrams());
    }

    @BeforeAll
    static void read() throws IOException, CaptureException {
        List<String> names;
        try (Stream<Path> files = Files.list(Path.of("../pcap-samples"))) {
            names =
                    files.map(Path::toString)
                            .filter(f -> f.endsWith(".pcap") || f.endsWith(".pcapng"))
                            .sorted()
                            .toList();
        }
        List<Captured> samples = new ArrayList<>();
        try (CaptureFiles files = CaptureFiles.open(names, InputStream.nullInputStream())) {
            CapturedPacket p = new CapturedPacket();
            while (files.next(p)) {
                samples.add(
                        new Captured(
                                p.data.asSlice(p.offset, p.capturedLength)
                                        .toArray(ValueLayout.JAVA_BYTE),
                                p.wireLength,
                                p.linkType,
                                p.timeNanos,
                                p.interfaceName));
            }
        }
        PACKETS.clear();
        Random random = new Random(Seeds.seed());
        for (Captured c : samples) {
            PACKETS.add(c);
            if (random.nextInt(2) == 0) {
                byte[] bytes = noise(random);
                PACKETS.add(new Captured(bytes, bytes.length, LinkType.RAW, c.timeNanos, null));
            }
        }
    }

    /** A scan of the samples' servers, a new connection, or a part of a datagram. */
    private static byte[] noise(Random random) {
        String stranger = "192.0.2." + random.nextInt(256);
        String host = "203.0.113." + random.nextInt(32);
        return switch (random.nextInt(4)) {
            case 0 ->
                    Packets.tcp(stranger, 40_000, host, 30_000 + random.nextInt(20_000))
                            .flags("S")
                            .ip();
            case 1 ->
                    Packets.tcp(stranger, 1024 + random.nextInt(60_000), host, 21).flags("S").ip();
            case 2 -> Packets.udp(stranger, 5_000, host, random.nextInt(65_536)).ip();
            default -> {
                List<byte[]> parts =
                        Packets.udp(stranger, 5_000, host, 53)
                                .payload(new byte[3000])
                                .fragments(1400, random.nextInt(65_536));
                yield parts.get(random.nextInt(parts.size()));
            }
        };
    }

    private static final class Transcript implements Shards.Output {
        private final StringBuilder text = new StringBuilder();
        private int full;

        @Override
        public void packet(PacketBatch batch, int index) {
            text.append(Positions.number(batch.position(index))).append('\n');
        }

        @Override
        public void verdict(
                long position,
                Verdict verdict,
                @Nullable CtState ct,
                @Nullable Hook hook,
                RuleOrigin rule,
                Anomaly why) {
            text.append(Positions.number(position)).append(' ').append(verdict).append(' ');
            text.append(ct).append(' ').append(hook).append(' ').append(rule.text());
            text.append(' ').append(why).append('\n');
            full += why == Anomaly.FLOWS_FULL || why == Anomaly.FRAGMENTS_FULL ? 1 : 0;
        }

        @Override
        public void event(Event event) {
            text.append(event).append('\n');
            full += event instanceof Event.Alert a && a.kind().label().contains("full") ? 1 : 0;
        }

        @Override
        public void fault(PacketBatch batch, int index, InternalError fault) {
            throw fault;
        }
    }

    private static Transcript run(int threads, int shards, Settings.Limits limits, long seed) {
        Settings d = Settings.DEFAULTS;
        PathOptions options =
                new PathOptions(
                        new Settings(d.timeouts(), limits, d.tcp(), d.helper(), d.helpers()),
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        seed);
        Transcript told = new Transcript();
        try (Shards run = new Shards(options, RULES, threads, shards, told)) {
            long number = 0;
            PacketBatch batch = run.batch();
            for (Captured c : PACKETS) {
                if (batch.isFull()) {
                    run.judge(batch);
                    batch = run.batch();
                }
                batch.add(
                        MemorySegment.ofArray(c.bytes),
                        0,
                        c.bytes.length,
                        c.wire,
                        c.bytes.length % 2 == 0, // the others are copied
                        c.link,
                        c.timeNanos,
                        Positions.of(0, ++number),
                        c.input,
                        null);
            }
            run.judge(batch);
            run.finish();
        }
        return told;
    }

    /** Lets in whatever is new to an even port, so that tables fill. */
    private static final Supplier<GatewayRules> RULES =
            () ->
                    new GatewayRules(21, 2121)
                            .open(
                                    f ->
                                            f.packet.protocol() == PacketView.UDP
                                                    || f.packet.destinationPort() % 2 == 0);

    @ParameterizedTest
    @EnumSource
    void nothingDependsOnTheNumberOfThreads(Limits limits) {
        String one = run(1, Shards.COUNT, limits.limits, 1).text.toString();
        for (int threads = 2; threads <= 5; threads++) {
            String several = run(threads, Shards.COUNT, limits.limits, threads).text.toString();
            assertThat(several.equals(one)).as("%d threads", threads).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(names = "FEW_.*", mode = EnumSource.Mode.MATCH_ALL)
    void theSmallLimitsAreReached(Limits limits) {
        assertThat(run(1, Shards.COUNT, limits.limits, 1).full).isPositive();
    }

    /** Sixteen shards, each with room enough, say what one says. */
    @Test
    void shardsAreNotSeen() {
        String one = run(1, 1, Settings.Limits.DEFAULTS, 1).text.toString();
        String many = run(2, Shards.COUNT, Settings.Limits.DEFAULTS, 2).text.toString();
        assertThat(sorted(many)).isEqualTo(sorted(one));
    }

    private static List<String> sorted(String lines) {
        return lines.lines().map(l -> l.replaceAll("session=\\d+", "")).sorted().toList();
    }
}
