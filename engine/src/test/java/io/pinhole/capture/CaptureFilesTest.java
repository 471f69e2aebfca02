package io.pinhole.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaptureFilesTest {
    @TempDir Path directory;

    private static byte[] pcap(int... seconds) {
        CaptureBytes file = CaptureBytes.pcap(CaptureBytes.MICROS, 1);
        for (int second : seconds) {
            file.record(second, 0, 2, 60, "0a0b");
        }
        return file.toArray();
    }

    private static byte[] pcapng(int second) {
        return CaptureBytes.little()
                .section()
                .ethernet()
                .enhanced(0, second * 1_000_000L, 1, 1, "0c")
                .toArray();
    }

    private String write(String name, byte[] content) throws IOException {
        return Files.write(directory.resolve(name), content).toString();
    }

    private List<String> names(CaptureFiles files) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < files.fileCount(); i++) {
            Path name = Path.of(files.fileName(i)).getFileName();
            names.add(name.toString());
        }
        return names;
    }

    @Test
    void sortsFilesByTheirFirstPacketAndNotByTheRest() throws Exception {
        List<String> given =
                List.of(
                        write("empty.pcap", pcap()),
                        write("later.pcap", pcap(50, 1)),
                        "-",
                        write("early.pcap.gz", CaptureBytes.gzip(pcap(20, 60))),
                        write("same.pcapng", pcapng(20)));
        try (CaptureFiles files = CaptureFiles.open(given, new ByteArrayInputStream(pcap(30, 2)))) {
            assertThat(names(files))
                    .containsExactly(
                            "early.pcap.gz", "same.pcapng", "-", "later.pcap", "empty.pcap");
            List<String> seen = new ArrayList<>();
            CapturedPacket packet = new CapturedPacket();
            while (files.next(packet)) {
                assertThat(files.currentFile()).isEqualTo(packet.file);
                seen.add(
                        packet.file + "/" + packet.number + "@" + packet.timeNanos / 1_000_000_000);
            }
            assertThat(seen)
                    .containsExactly(
                            "0/1@20", "0/2@60", "1/1@20", "2/1@30", "2/2@2", "3/1@50", "3/2@1");
            assertThat(files.currentFile()).isEqualTo(5);
            assertThat(files.totals(0)).isEqualTo(new FileTotals(2, 120, 0, null));
            assertThat(files.totals(1)).isEqualTo(new FileTotals(1, 1, 0, null));
            assertThat(files.totals(4)).isEqualTo(new FileTotals(0, 0, 0, null));
            assertThat(files.size()).as("a pipe has no size").isEqualTo(-1);
        }
    }

    @Test
    void damageEndsItsFileAndNotTheRun() throws Exception {
        byte[] cut = Arrays.copyOf(pcap(10, 11), 24 + 18 + 3);
        String damaged = write("damaged.pcap", cut);
        String damagedAtOnce = write("at-once.pcap", Arrays.copyOf(pcap(1), 30));
        List<String> given =
                List.of(
                        write("good.pcap", pcap(12)),
                        damaged,
                        write("z.pcap", pcap(9)),
                        damagedAtOnce);
        assertThat(Transcript.read(given, InputStream.nullInputStream()))
                .containsExactly(
                        "0/1 9.000000 2/60 ETHERNET 0a0b",
                        "1/1 10.000000 2/60 ETHERNET 0a0b",
                        "DAMAGED: file is cut short: packet 2 at byte 42 needs 16 bytes, 3 are left",
                        "2/1 12.000000 2/60 ETHERNET 0a0b",
                        "DAMAGED: file is cut short: packet 1 at byte 24 needs 16 bytes, 6 are left",
                        "end");
        try (CaptureFiles files = CaptureFiles.open(given, InputStream.nullInputStream())) {
            CapturedPacket packet = new CapturedPacket();
            files.next(packet);
            files.next(packet);
            assertThat(files.totals(1).truncated()).isFalse();
            assertThatThrownBy(() -> files.next(packet)).hasMessageStartingWith(damaged + ": ");
            assertThat(files.totals(1).truncated()).isTrue();
            assertThat(files.totals(1).packets()).isEqualTo(1);
            assertThat(files.currentFile()).isEqualTo(2);
        }
    }

    @Test
    void countsPacketsThatCannotBeDecoded() throws Exception {
        byte[] file =
                CaptureBytes.little()
                        .section()
                        .device(105, 0, CaptureBytes.little())
                        .enhanced(0, 0, 1, 7, "0a")
                        .toArray();
        try (CaptureFiles files =
                CaptureFiles.open(List.of(write("a", file)), InputStream.nullInputStream())) {
            files.next(new CapturedPacket());
            assertThat(files.totals(0)).isEqualTo(new FileTotals(1, 7, 1, null));
        }
    }

    @ParameterizedTest(name = "[{0}] {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    ''               | is empty (0 bytes)
                    d4c3b2           | is no capture file: it has only 3 bytes
                    d4c3b2a1         | file is cut short: pcap header at byte 0 needs 24 bytes, 4 are left
                    0a0d0d0a1c       | file is cut short: section header at byte 0 needs 24 bytes, 5 are left
                    00010203         | is no capture file; supported: pcap, pcapng, and either packed with gzip
                    1f8b             | gzip data is cut short
                    1f8b080000000000 | gzip data is cut short
                    1f8b070000000000 | gzip compression method is not deflate
                    1f8b08ff00000000 | gzip header has reserved flags
                    1f8b0800000000000003ffff | gzip data is damaged: invalid block type
                    28b52ffd00       | is packed with zstd; unpack it first: zstd -d FILE
                    fd377a585a00     | is packed with xz; unpack it first: xz -dk FILE
                    425a683931       | is packed with bzip2; unpack it first: bunzip2 -k FILE
                    504b030414       | is a zip archive; unpack it first: unzip FILE
                    736e6f6f70000000 | is a snoop capture; convert it: editcap -F pcapng FILE NEW
                    """)
    void whatIsNoCaptureIsUnreadable(String hex, String message) throws Exception {
        byte[] content = CaptureBytes.little().hex(hex).toArray();
        List<String> expected = List.of("UNREADABLE: " + message);
        assertThat(Transcript.mapped(content)).isEqualTo(expected);
        assertThat(Transcript.piped(new ByteArrayInputStream(content))).isEqualTo(expected);
    }

    @Test
    void gzipOfSomethingElseIsUnreadable() {
        assertThat(Transcript.mapped(CaptureBytes.gzip("hello, world".getBytes())))
                .containsExactly("UNREADABLE: is gzip, but what is inside is no pcap or pcapng");
        assertThat(Transcript.mapped(CaptureBytes.gzip(new byte[0])))
                .containsExactly("UNREADABLE: is empty (0 bytes)");
        assertThat(Transcript.mapped(CaptureBytes.gzip(CaptureBytes.gzip(pcap(1)))))
                .containsExactly(
                        "UNREADABLE: is packed with gzip twice; unpack it first: gunzip FILE");
    }

    @Test
    void pathsThatCannotBeReadAreNamed() throws Exception {
        assertUnreadable(directory.toString(), "is a directory; name the capture files in it");
        assertUnreadable(directory.resolve("missing").toString(), "no such file");
        assertUnreadable("a\0b", "not a file name: Nul character not allowed");
        String closed = write("closed.pcap", pcap(1));
        Files.setPosixFilePermissions(
                Path.of(closed), PosixFilePermissions.fromString("---------"));
        assumeFalse(Files.isReadable(Path.of(closed)), "root reads everything");
        assertUnreadable(closed, "permission denied");
    }

    private static void assertUnreadable(String name, String why) {
        assertThatThrownBy(() -> CaptureFiles.open(List.of(name), InputStream.nullInputStream()))
                .isInstanceOfSatisfying(
                        CaptureException.class,
                        e -> assertThat(e.kind()).isEqualTo(CaptureException.Kind.UNREADABLE))
                .hasMessage(name + ": " + why);
    }

    @Test
    void oneUnreadableFileSpoilsTheRunBeforeItStarts() throws Exception {
        List<String> given = List.of(write("a.pcap", pcap(1)), write("b.pcap", new byte[0]));
        assertThat(Transcript.read(given, InputStream.nullInputStream()))
                .containsExactly("UNREADABLE: is empty (0 bytes)");
    }

    @Test
    void standardInputCanBeNamedOnce() {
        assertThatThrownBy(
                        () ->
                                CaptureFiles.open(
                                        List.of("-", "-"), new ByteArrayInputStream(pcap(1))))
                .hasMessage("standard input can be read only once");
        assertThatThrownBy(
                        () ->
                                CaptureFiles.open(
                                        List.of("-"), new ByteArrayInputStream(new byte[0])))
                .hasMessage("standard input: is empty (0 bytes)");
    }

    @Test
    void inputThatFailsPartWayIsDamaged() {
        InputStream broken =
                new InputStream() {
                    @Override
                    public int read() throws IOException {
                        throw new IOException("Input/output error");
                    }
                };
        InputStream failing = new SequenceInputStream(new ByteArrayInputStream(pcap(1)), broken);
        assertThat(Transcript.piped(failing))
                .containsExactly(
                        "0/1 1.000000 2/60 ETHERNET 0a0b",
                        "DAMAGED: nothing can be read from byte 42 on (Input/output error)",
                        "end");
    }

    @Test
    void gzipMembersAreOneFile() throws Exception {
        byte[] whole = pcap(1, 2, 3);
        CaptureBytes members = CaptureBytes.little();
        for (int at = 0; at < whole.length; at += 7) {
            byte[] part = Arrays.copyOfRange(whole, at, Math.min(at + 7, whole.length));
            members.append(raw(CaptureBytes.gzip(part)));
        }
        List<String> plain = Transcript.mapped(whole);
        assertThat(plain).hasSize(4);
        assertThat(Transcript.mapped(members.toArray())).isEqualTo(plain);
        assertThat(Transcript.mapped(members.zeros(1000).toArray())).isEqualTo(plain);
        List<String> followed = new ArrayList<>(plain);
        followed.add(
                3,
                "DAMAGED: nothing can be read from byte 78 on (the gzip data is followed by"
                        + " something else)");
        assertThat(Transcript.mapped(members.hex("ff").toArray())).isEqualTo(followed);
    }

    private static CaptureBytes raw(byte[] bytes) {
        return CaptureBytes.little().hex(HexFormat.of().formatHex(bytes));
    }

    @Test
    void gzipHeaderFieldsAreSteppedOver() {
        byte[] packed = CaptureBytes.gzip(pcap(1));
        byte[] deflated = Arrays.copyOfRange(packed, 10, packed.length);
        byte[] decorated =
                CaptureBytes.little()
                        .hex("1f8b081e00000000" + "0003")
                        .u16(3)
                        .hex("aabbcc") // extra
                        .hex("612e7000") // name
                        .hex("636d7400") // comment
                        .hex("1234") // checksum of the header
                        .append(raw(deflated))
                        .toArray();
        assertThat(Transcript.mapped(decorated)).isEqualTo(Transcript.mapped(pcap(1)));
    }

    @Test
    void gzipChecksumIsVerified() {
        byte[] packed = CaptureBytes.gzip(pcap(1));
        packed[packed.length - 8] ^= 1;
        assertThat(Transcript.mapped(packed))
                .containsExactly(
                        "0/1 1.000000 2/60 ETHERNET 0a0b",
                        "DAMAGED: nothing can be read from byte 42 on (gzip data is damaged: its"
                                + " checksum is wrong)",
                        "end");
    }

    @Test
    @Timeout(20)
    void readsNamedPipes() throws Exception {
        Path pipe = directory.resolve("pipe");
        boolean made = new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0;
        assumeTrue(made, "mkfifo");
        Thread writer =
                Thread.ofPlatform()
                        .daemon()
                        .start(
                                () -> {
                                    try (OutputStream out = Files.newOutputStream(pipe)) {
                                        out.write(CaptureBytes.gzip(pcap(1, 2)));
                                    } catch (IOException e) {
                                        throw new UncheckedIOException(e);
                                    }
                                });
        assertThat(Transcript.read(List.of(pipe.toString()), InputStream.nullInputStream()))
                .isEqualTo(Transcript.mapped(pcap(1, 2)));
        writer.join();
    }

    @Test
    void fileThatShrinksWhileItIsReadIsDamaged() throws Exception {
        CaptureBytes large = CaptureBytes.pcap(CaptureBytes.MICROS, 1);
        for (int i = 0; i < 100; i++) {
            large.record(i, 0, 60_000, 60_000, "").zeros(60_000);
        }
        Path path = Path.of(write("shrinks.pcap", large.toArray()));
        try (CaptureFiles files =
                        CaptureFiles.open(List.of(path.toString()), InputStream.nullInputStream());
                FileChannel writer = FileChannel.open(path, StandardOpenOption.WRITE)) {
            CapturedPacket packet = new CapturedPacket();
            assertThat(files.next(packet)).isTrue();
            writer.truncate(4096);
            assertThatThrownBy(
                            () -> {
                                while (files.next(packet)) {
                                    // until the missing pages
                                }
                            })
                    .isInstanceOf(CaptureException.class)
                    .hasMessage(
                            path + ": file became shorter, or its disk failed, while it was read");
            assertThat(files.totals(0).truncated()).isTrue();
            assertThat(files.next(packet)).isFalse();
        }
    }

    @Test
    void packetWhosePageIsGoneEndsTheFileAndNotTheRun() throws Exception {
        byte[] large =
                CaptureBytes.pcap(CaptureBytes.MICROS, 1)
                        .record(1, 0, 60_000, 60_000, "")
                        .zeros(60_000)
                        .toArray();
        String shrinks = write("shrinks.pcap", large);
        List<String> given = List.of(shrinks, write("next.pcap", pcap(2)));
        try (CaptureFiles files = CaptureFiles.open(given, InputStream.nullInputStream());
                FileChannel writer = FileChannel.open(Path.of(shrinks), StandardOpenOption.WRITE)) {
            CapturedPacket packet = new CapturedPacket();
            assertThat(files.next(packet)).isTrue();
            writer.truncate(0);
            assertThatThrownBy(() -> packet.data.get(Window.I8, packet.offset + 50_000))
                    .isInstanceOfSatisfying(
                            InternalError.class,
                            fault ->
                                    assertThat(files.endFileAfter(fault))
                                            .hasMessageStartingWith(
                                                    shrinks + ": file became shorter"));
            assertThat(files.totals(0).truncated()).isTrue();
            assertThat(files.next(packet)).isTrue();
            assertThat(packet.file).isEqualTo(1);
            InternalError other = new InternalError("something else");
            assertThatThrownBy(() -> files.endFileAfter(other)).isSameAs(other);
        }
    }

    @Test
    void compressedFileThatIsGoneWhenItsTurnComesIsDamaged() throws Exception {
        String late = write("late.pcap.gz", CaptureBytes.gzip(pcap(50)));
        try (CaptureFiles files =
                CaptureFiles.open(
                        List.of(late, write("early.pcap", pcap(1))),
                        InputStream.nullInputStream())) {
            CapturedPacket packet = new CapturedPacket();
            assertThat(files.next(packet)).isTrue();
            Files.delete(Path.of(late));
            assertThatThrownBy(() -> files.next(packet))
                    .isInstanceOfSatisfying(
                            CaptureException.class,
                            e -> assertThat(e.kind()).isEqualTo(CaptureException.Kind.DAMAGED))
                    .hasMessage(late + ": no such file");
            assertThat(files.next(packet)).isFalse();
        }
    }

    @Test
    void positionGoesFromNothingToTheSizeOnDisk() throws Exception {
        byte[] packed = CaptureBytes.gzip(pcap(50, 51));
        byte[] plain = pcap(1, 2);
        try (CaptureFiles files =
                CaptureFiles.open(
                        List.of(write("a.gz", packed), write("b", plain)),
                        InputStream.nullInputStream())) {
            CapturedPacket packet = new CapturedPacket();
            assertThat(files.size()).isEqualTo(packed.length + plain.length);
            long before = 0;
            while (files.next(packet)) {
                assertThat(files.position()).isBetween(before, files.size());
                before = files.position();
            }
            assertThat(files.position()).isEqualTo(files.size());
        }
    }

    @Test
    void nothingIsHandedOutAfterClose() throws Exception {
        CaptureFiles files =
                CaptureFiles.open(List.of(write("a", pcap(1))), InputStream.nullInputStream());
        files.close();
        assertThat(files.next(new CapturedPacket())).isFalse();
        files.close();
    }

    @Test
    void descriptorsAreNotHeldForFilesThatWait() throws Exception {
        Path descriptors = Path.of("/proc/self/fd");
        assumeTrue(
                System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux"), "procfs");
        List<String> given = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            given.add(write(i + ".gz", CaptureBytes.gzip(pcap(i))));
            given.add(write(i + ".pcap", pcap(i)));
        }
        long before = count(descriptors);
        try (CaptureFiles files = CaptureFiles.open(given, InputStream.nullInputStream())) {
            assertThat(count(descriptors) - before).isLessThan(10);
            int packets = 0;
            while (files.next(new CapturedPacket())) {
                packets++;
            }
            assertThat(packets).isEqualTo(100);
        }
        assertThat(count(descriptors) - before).isLessThan(5);
    }

    private static long count(Path directory) throws IOException {
        try (var entries = Files.list(directory)) {
            return entries.count();
        }
    }
}
