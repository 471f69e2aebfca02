package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link PacketPath} against {@link NaivePath}: every packet, verdict, ct state, hook and rule. */
class NaivePathTest {
    private static final Path ROOT = Path.of("..");
    private static final int SEQUENCES = 8;

    /** Attacks on what NaivePath leaves out; their scripts say what must come of them. */
    private static final Set<String> LEFT_OUT =
            Set.of(
                    "09-nat-slipstreaming.pcap", // other protocols
                    "09-slipstreaming-behind-greeting.pcap",
                    "16-malformed-flood.pcap", // overlong lines
                    "29-fragments.pcap", // fragments that contradict each other
                    "31-expectation-flood.pcap", // limits
                    "36-smuggled-behind-auth.pcap"); // commands behind AUTH

    private record Frame(byte[] bytes, int wire, LinkType link, long nanos) {}

    static List<Path> ruleFiles() throws IOException {
        try (Stream<Path> files = Files.list(ROOT.resolve("rules"))) {
            return files.filter(f -> f.toString().endsWith(".nft")).sorted().toList();
        }
    }

    private static RuleSet load(Path file) throws IOException {
        String name = file.getFileName().toString();
        ReadResult read =
                NftReader.read(name, Files.readString(file), Map.of(), IncludeResolver.NONE);
        return ((ReadResult.Loaded) read).rules();
    }

    private static void compare(String what, RuleSet set, List<Frame> frames) {
        TreeMap<Long, String> actual = new TreeMap<>();
        CompiledRules compiled = set.compile();
        NaivePath naive = new NaivePath(set);
        PathOptions options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        7);
        try (PacketPath path =
                new PacketPath(
                        options,
                        compiled,
                        (position, verdict, ct, hook, rule, why) ->
                                actual.put(
                                        position,
                                        "%s %s %s %s"
                                                .formatted(
                                                        verdict.label(),
                                                        ct == null ? "-" : ct.label(),
                                                        hook == null ? "-" : hook.label(),
                                                        rule.text())),
                        event -> {})) {
            for (int i = 0; i < frames.size(); i++) {
                Frame f = frames.get(i);
                MemorySegment data = MemorySegment.ofArray(f.bytes);
                path.process(data, 0, f.bytes.length, f.wire, f.link, f.nanos, i + 1, null, null);
                naive.packet(f.bytes, f.wire, f.link, f.nanos, i + 1);
            }
            path.finish();
        }
        naive.finish();
        naive.verdicts.forEach(
                (position, verdict) ->
                        assertThat(actual.get(position))
                                .as(
                                        () ->
                                                what
                                                        + ", packet "
                                                        + position
                                                        + story(frames, position, naive))
                                .isEqualTo(verdict));
        assertThat(actual).hasSameSizeAs(naive.verdicts);
    }

    /** What passed between the hosts of a packet before it. */
    private static String story(List<Frame> frames, long position, NaivePath naive) {
        List<String> lines = new ArrayList<>();
        String hosts = "";
        for (int i = (int) position - 1; i >= 0 && lines.size() < 40; i--) {
            Frame f = frames.get(i);
            PacketView p = new PacketView();
            p.wrap(MemorySegment.ofArray(f.bytes), 0, f.bytes.length, f.wire, f.link);
            if (p.ipVersion() == 0) {
                continue;
            }
            String a = p.source() + " ";
            String b = p.destination() + " ";
            hosts = hosts.isEmpty() ? a + b : hosts;
            if (hosts.equals(a + b) || hosts.equals(b + a)) {
                lines.addFirst(
                        "\n%d %.3f %s: %s"
                                .formatted(
                                        i + 1,
                                        f.nanos % 100_000_000_000_000L / 1e9,
                                        text(p),
                                        naive.verdicts.get(i + 1L)));
            }
        }
        return String.join("", lines);
    }

    private static String text(PacketView p) {
        if (p.protocol() != PacketView.TCP || !p.hasPorts()) {
            return p.source() + " > " + p.destination() + " protocol " + p.protocol();
        }
        byte[] payload = new byte[Math.min(p.payloadCaptured(), 60)];
        MemorySegment.copy(
                p.data(), ValueLayout.JAVA_BYTE, p.payloadStart(), payload, 0, payload.length);
        return "%s flags %02x seq %d ack %d len %d %s"
                .formatted(
                        Sessions.key(p),
                        p.tcpFlags(),
                        p.tcpSequence(),
                        p.tcpAcknowledgement(),
                        p.payloadLength(),
                        new String(payload, StandardCharsets.ISO_8859_1).replaceAll("\\s+", " "));
    }

    // ---- captures ----

    static List<Path> captures() throws IOException {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(ROOT.resolve("pcap-samples"))) {
            files.filter(f -> f.toString().matches(".*\\.pcap(ng)?"))
                    .filter(f -> !LEFT_OUT.contains(f.getFileName().toString()))
                    .sorted()
                    .forEach(found::add);
        }
        return found;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("captures")
    void agreeOnACapture(Path capture) throws Exception {
        List<Frame> frames = new ArrayList<>();
        try (CaptureFiles files =
                CaptureFiles.open(List.of(capture.toString()), InputStream.nullInputStream())) {
            CapturedPacket p = new CapturedPacket();
            while (files.next(p)) {
                byte[] bytes = new byte[p.capturedLength];
                MemorySegment.copy(p.data, ValueLayout.JAVA_BYTE, p.offset, bytes, 0, bytes.length);
                frames.add(new Frame(bytes, p.wireLength, p.linkType, p.timeNanos));
            }
        }
        for (Path rules : ruleFiles()) {
            compare(capture.getFileName() + " by " + rules.getFileName(), load(rules), frames);
        }
    }

    // ---- random sequences ----

    @ParameterizedTest(name = "{0}")
    @MethodSource("ruleFiles")
    void agreeOnRandomSequences(Path rules) throws Exception {
        RuleSet set = load(rules);
        for (int i = 0; i < SEQUENCES; i++) {
            long seed = Seeds.seed() + i;
            compare(rules.getFileName() + ", seed " + seed, set, new RandomTraffic(seed).frames());
        }
    }

    /**
     * FTP sessions and other traffic between few hosts and ports, so that they get in each other's
     * way.
     */
    private static final class RandomTraffic {
        private static final String[] CLIENTS = {"198.51.100.7", "198.51.100.8"};
        private static final String[] SERVERS = {"203.0.113.20", "192.0.2.20"};
        private static final long SECOND = 1_000_000_000L;

        private final Random random;
        private final List<Frame> frames = new ArrayList<>();
        private final Wire wire = new Wire(this::sent);
        private final List<byte[]> earlier = new ArrayList<>();
        private long nanos = 1_700_000_000L * SECOND;

        RandomTraffic(long seed) {
            random = new Random(seed);
        }

        List<Frame> frames() {
            List<Wire.Tcp> controls = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                if (controls.size() < 3 && random.nextInt(3) == 0) {
                    controls.add(login());
                } else if (!controls.isEmpty() && random.nextInt(3) > 0) {
                    Wire.Tcp control = controls.get(random.nextInt(controls.size()));
                    if (random.nextInt(12) == 0) {
                        end(control);
                        controls.remove(control);
                    } else {
                        talk(control);
                    }
                } else {
                    noise();
                }
                nanos += pause();
            }
            return frames;
        }

        private long pause() {
            return switch (random.nextInt(40)) {
                case 0 -> 11 * SECOND;
                case 1 -> 61 * SECOND;
                case 2 -> 121 * SECOND;
                case 3 -> 301 * SECOND;
                case 4 -> 650 * SECOND;
                default -> random.nextLong(SECOND);
            };
        }

        private void sent(byte[] ip) {
            nanos += random.nextInt(1_000_000);
            if (random.nextInt(25) == 0) {
                return; // lost before the gateway
            }
            add(ip);
            earlier.add(ip);
            if (random.nextInt(25) == 0) {
                add(earlier.get(random.nextInt(earlier.size()))); // an old one once more
            }
        }

        private void add(byte[] ip) {
            frames.add(new Frame(ip, ip.length, LinkType.RAW, nanos));
        }

        private String client() {
            return CLIENTS[random.nextInt(2)];
        }

        private String server() {
            return SERVERS[random.nextInt(2)];
        }

        /** Few ports, so that connections meet. */
        private int port() {
            return 50_000 + random.nextInt(4);
        }

        private Wire.Tcp login() {
            Wire.Tcp control = wire.tcp(client(), 41_000 + random.nextInt(4), server(), 21);
            if (random.nextInt(4) == 0) {
                earlyData(control);
            } else {
                control.handshake();
            }
            control.s("220 ready").c("USER alice").s("331 password").c("PASS x").s("230 in");
            return control;
        }

        /** SYNs with data, more than one of them, of which the server takes some. */
        private void earlyData(Wire.Tcp control) {
            String data = "SYST\r\nPASV\r\nNOOP\r\n";
            int isn = control.client.next;
            for (int i = random.nextInt(3); i >= 0; i--) {
                int other = random.nextInt(4) == 0 ? random.nextInt(300) : 0;
                String carried = random.nextInt(4) == 0 ? "" : data;
                carried = random.nextInt(6) == 0 ? carried.toLowerCase(Locale.ROOT) : carried;
                Packets syn = control.client.packet("S").seq(isn - other).payload(carried);
                sent((random.nextInt(8) == 0 ? syn.badChecksum() : syn).ip());
            }
            int taken = random.nextBoolean() ? data.length() : random.nextInt(data.length() + 1);
            control.client.next += 1 + taken;
            String said = random.nextInt(3) == 0 ? "220 ready\r\n" : "";
            sent(control.server.packet("SA").payload(said).ip());
            control.server.next += 1 + said.length();
            control.client.acknowledge();
            if (said.isEmpty()) {
                control.s("220 ready");
            }
            if (taken < data.length()) {
                control.client.say(data.substring(taken));
            }
            for (String reply : List.of("215 UNIX", "227 (203,0,113,20,195,81)", "200 ok")) {
                control.s(reply);
            }
        }

        private static String hostPort(String host, int port) {
            return host.replace('.', ',') + "," + (port >> 8) + "," + (port & 255);
        }

        private void talk(Wire.Tcp control) {
            String client = control.client.host;
            String server = control.server.host;
            int port = random.nextInt(15) == 0 ? 22 : port();
            boolean active = random.nextBoolean();
            switch (random.nextInt(active ? 4 : 5) + (active ? 0 : 10)) {
                case 0 -> control.c("PORT " + hostPort(client, port));
                case 1 -> control.c("port  " + hostPort(client, port) + " ");
                case 2 -> control.c("EPRT |1|" + client + "|" + port + "|");
                case 3 ->
                        control.c(
                                "PORT "
                                        + hostPort(
                                                random.nextInt(3) == 0 ? client() : client, port));
                case 10 ->
                        control.c("PASV")
                                .s("227 Entering Passive Mode (" + hostPort(server, port) + ")");
                case 11 ->
                        control.c("PASV")
                                .s(
                                        "227 ="
                                                + hostPort(
                                                        random.nextBoolean() ? server : server(),
                                                        port));
                case 12 -> control.c("EPSV").s("229 Extended (|||" + port + "|)");
                case 13 -> control.s("227 unasked (" + hostPort(server, port) + ")");
                default ->
                        control.c("NOOP")
                                .s("200-well\r\n227 (" + hostPort(server, port) + ")\r\n200 ok");
            }
            if (active) {
                switch (random.nextInt(5)) {
                    case 0 -> control.s("500 no");
                    case 1 -> {} // not answered, or later
                    default -> control.s("200 ok");
                }
            }
            if (random.nextInt(4) > 0) {
                transfer(control, active, client, server, port);
            }
        }

        private void transfer(
                Wire.Tcp control, boolean active, String client, String server, int port) {
            boolean announced = random.nextInt(8) > 0;
            control.c("RETR f");
            int from = random.nextInt(4) == 0 ? port() : active ? 20 : 42_000 + random.nextInt(3);
            String source = announced ? (active ? server : client) : client();
            Wire.Tcp data = wire.tcp(source, from, active ? client : server, port);
            if (random.nextInt(6) == 0) {
                data.client.syn();
                data.server.reset();
                control.s("425 no");
                return;
            }
            data.handshake();
            control.s("150 here");
            for (int i = random.nextInt(3); i >= 0; i--) {
                (active ? data.client : data.server).say("x".repeat(1 + random.nextInt(1400)));
            }
            if (random.nextInt(5) == 0) {
                data.client.reset();
            } else {
                data.close();
            }
            if (random.nextInt(6) > 0) {
                control.s("226 done");
            }
        }

        private void end(Wire.Tcp control) {
            switch (random.nextInt(4)) {
                case 0 -> control.client.reset();
                case 1 -> control.server.reset();
                case 2 -> control.close();
                default -> control.c("QUIT").s("221 bye").close();
            }
        }

        private void noise() {
            String a = random.nextBoolean() ? client() : server();
            String b = random.nextBoolean() ? client() : server();
            switch (random.nextInt(6)) {
                case 0 -> sent(Packets.udp(a, 53, b, port()).payload("q").ip());
                case 1 ->
                        sent(
                                Packets.icmp(
                                                a,
                                                b,
                                                random.nextBoolean() ? 8 : 0,
                                                0,
                                                random.nextInt(3))
                                        .ip());
                case 2 -> {
                    if (!earlier.isEmpty()) {
                        byte[] cause = earlier.get(random.nextInt(earlier.size()));
                        sent(Packets.icmpError(b, a, 3, 1, cause).ip());
                    }
                }
                default -> {
                    String[] flags = {"S", "SA", "A", "FA", "R", "RA", "SF", "PA", "", "SU"};
                    Packets p =
                            Packets.tcp(a, random.nextBoolean() ? 20 : port(), b, port())
                                    .flags(flags[random.nextInt(flags.length)])
                                    .seq(random.nextInt(5000))
                                    .ack(random.nextInt(5000));
                    sent(p.ip());
                }
            }
        }
    }
}
