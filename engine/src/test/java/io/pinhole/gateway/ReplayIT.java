package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.capture.linux.PacketSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a gateway recorded, judged again by {@code analyze}: the same verdicts. */
class ReplayIT {
    private static final Path SAMPLES =
            Path.of(System.getProperty("pinhole.root"), "pcap-samples", "attacks");

    @TempDir private Path folder;

    /** Sends the frames of captures from an interface of its namespace, to one MAC address. */
    public static final class Sender {
        private Sender() {}

        public static void main(String[] arguments) throws Exception {
            byte[] to = new byte[6];
            for (int i = 0; i < 6; i++) {
                to[i] = (byte) Integer.parseInt(arguments[1].split(":")[i], 16);
            }
            try (Arena arena = Arena.ofConfined();
                    PacketSocket port = PacketSocket.open(arguments[0], 1 << 20)) {
                MemorySegment frame = arena.allocate(70_000, 8);
                for (String file : List.of(arguments).subList(2, arguments.length)) {
                    send(file, frame, to, port);
                }
            }
        }

        private static void send(String file, MemorySegment frame, byte[] to, PacketSocket port)
                throws Exception {
            try (CaptureFiles capture = CaptureFiles.open(List.of(file), System.in)) {
                CapturedPacket packet = new CapturedPacket();
                while (capture.next(packet)) {
                    if (packet.linkNumber != 1 || packet.capturedLength > 1514) {
                        continue;
                    }
                    int prefix = PacketSocket.prefix();
                    frame.asSlice(0, prefix).fill((byte) 0);
                    MemorySegment.copy(
                            packet.data, packet.offset, frame, prefix, packet.capturedLength);
                    MemorySegment.copy(MemorySegment.ofArray(to), 0, frame, prefix, 6);
                    port.send(frame, 0, prefix + packet.capturedLength);
                    port.flush();
                }
            }
        }
    }

    private static List<String> attacks() throws IOException {
        try (Stream<Path> files = Files.list(SAMPLES)) {
            return files.map(Path::toString).filter(f -> f.endsWith(".pcap")).sorted().toList();
        }
    }

    private static Lab.Ran java(Lab lab, String where, String main, List<String> arguments) {
        List<String> command = new ArrayList<>(GatewayProcess.command());
        command.removeLast();
        command.add(main);
        command.addAll(arguments);
        return lab.in(where, String.join(" ", command));
    }

    private String digest(Lab lab, Path recording) throws IOException {
        List<String> command =
                new ArrayList<>(GatewayProcess.command("analyze", "--digest", "--json"));
        try (Stream<Path> files = Files.list(recording)) {
            files.map(Path::toString).sorted().forEach(command::add);
        }
        Lab.Ran ran = lab.in("gw", String.join(" ", command)).ok();
        String last = ran.output().strip();
        return last.substring(last.lastIndexOf("\"digest\":\"") + 10, last.length() - 2);
    }

    @ParameterizedTest(name = "{0} {2}")
    @CsvSource({
        "pitr, routed, --queues 1",
        "pitr, routed, --queues 2 --offload none",
        "pitr, wire, --mode bridge --between c0"
    })
    void givesTheSameVerdicts(String name, String topology, String options) throws Exception {
        boolean wire = topology.equals("wire");
        Path recording = folder.resolve("recording");
        Files.createDirectory(recording);
        try (Lab lab = Lab.up(name, topology)) {
            lab.server("vsftpd");
            List<String> all = new ArrayList<>(List.of((options + (wire ? ",s0" : "")).split(" ")));
            all.addAll(List.of("--record", recording.toString(), "--record-size", "8"));
            String log;
            try (GatewayProcess gateway = GatewayProcess.start(lab, all.toArray(String[]::new))) {
                for (String mode : List.of("passive -4", "active -4", "epsv -6", "eprt -6")) {
                    lab.transfer("-o multi -f big.bin -m " + mode).ok();
                }
                List<String> sender =
                        new ArrayList<>(
                                List.of("eth0", wire ? "02:00:00:00:02:20" : "02:00:00:00:01:01"));
                sender.addAll(attacks());
                java(lab, "client", "'" + Sender.class.getName() + "'", sender).ok();
                gateway.signal("HUP");
                gateway.await("reload ftp-gateway.nft");
                lab.transfer("-m active -f big.bin").ok();
                log = gateway.stop();
            }
            String printed = log.substring(log.lastIndexOf("verdict digest ") + 15).strip();
            assertThat(printed).hasSize(32);
            assertThat(log).as("attacks were judged").contains(" alert ");
            assertThat(digest(lab, recording)).isEqualTo(printed);
        }
    }

    @Test
    void aRecordingIsBounded() throws Exception {
        Path recording = Files.createDirectory(folder.resolve("bounded"));
        try (Lab lab = Lab.up("pitr", "wire")) {
            lab.server("vsftpd");
            try (GatewayProcess gateway =
                    GatewayProcess.start(
                            lab,
                            "--mode",
                            "bridge",
                            "--between",
                            "c0,s0",
                            "--record",
                            recording.toString(),
                            "--record-size",
                            "1",
                            "--record-files",
                            "3")) {
                lab.transfer("-o multi -f big.bin").ok();
                gateway.stop();
            }
        }
        try (Stream<Path> files = Files.list(recording)) {
            List<Path> kept = files.toList();
            assertThat(kept).hasSize(3);
            for (Path file : kept) {
                assertThat(Files.size(file)).isLessThan(2 << 20);
            }
        }
    }
}
