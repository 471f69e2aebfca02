package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./pinhole analyze} on input that is broken, odd or meant to hurt, as a user meets it. */
class HostileInputIT {
    private static final Path ROOT = Path.of(System.getProperty("pinhole.root"));
    private static final Path PINHOLE = ROOT.resolve("pinhole");
    private static final Path SAMPLE =
            ROOT.resolve("pcap-samples").resolve("vsftpd-curl-passive-get.pcap");

    @TempDir private static Path folder;

    private record Run(int status, String out, String err) {}

    /** Arguments, exit status, what standard error says; and standard output, where it matters. */
    private record Row(String args, int status, String err, String out) {
        Row(String args, int status, String err) {
            this(args, status, err, "");
        }
    }

    private static final List<Row> ROWS =
            List.of(
                    new Row("empty.pcap", 2, "pinhole: empty.pcap: is empty (0 bytes)"),
                    new Row("header.pcap", 0, "", "0 packets, 0 B"),
                    new Row("header.pcapng", 0, "", "0 packets, 0 B"),
                    new Row("short.pcap", 2, "pinhole: short.pcap: "),
                    new Row(
                            "truncated.pcap",
                            3,
                            "pinhole: truncated.pcap: file is cut short: packet 21 at byte 1960"
                                    + " needs 113 bytes, 40 are left",
                            "20 packets, 1.62 kB: 20 accepted, then the input is damaged"),
                    new Row(
                            "lengths.pcap",
                            3,
                            "pinhole: lengths.pcap: impossible length: packet 3 at byte 204 claims"
                                    + " 4294967280 bytes, at most 262144 are possible",
                            "2 packets"),
                    new Row(
                            "random.bin",
                            2,
                            "pinhole: random.bin: is no capture file; supported: pcap, pcapng, and"
                                    + " either packed with gzip"),
                    new Row("text.txt", 2, "pinhole: text.txt: is no capture file"),
                    new Row(
                            "folder",
                            2,
                            "pinhole: folder: is a directory; name the capture files in it"),
                    new Row("missing.pcap", 2, "pinhole: missing.pcap: no such file"),
                    new Row("esc\u001b[31m.pcap", 2, "pinhole: esc\\u001b[31m.pcap: no such file"),
                    new Row(
                            "truncated.pcap.gz",
                            3,
                            "pinhole: truncated.pcap.gz: file is cut short"),
                    new Row("wrong.pcap.gz", 2, "pinhole: wrong.pcap.gz: "),
                    // The first that is bad as a whole: nothing is judged.
                    new Row("good.pcap empty.pcap", 2, "pinhole: empty.pcap: is empty (0 bytes)"),
                    // One that is bad part-way: the others are judged.
                    new Row(
                            "truncated.pcap good.pcap",
                            3,
                            "pinhole: truncated.pcap: file is cut short",
                            "58 packets"),
                    // 2 before 3 before 1.
                    new Row("truncated.pcap empty.pcap", 2, "pinhole: empty.pcap: is empty"),
                    new Row("--fail-on incomplete truncated.pcap", 3, "file is cut short"),
                    new Row("--fail-on incomplete,drop,alert good.pcap", 0, "", "37 accepted"),
                    new Row("--fail-on drop -r drop.nft good.pcap", 1, "", "37 dropped"),
                    new Row("- -", 2, "pinhole: standard input can be read only once"),
                    // Rule sets.
                    new Row("-r missing.nft good.pcap", 2, "there is no such file"),
                    new Row(
                            "-r folder good.pcap",
                            2,
                            "cannot read rule set folder: it is a directory"),
                    new Row("-r random.bin good.pcap", 2, "random.bin:1:"),
                    new Row("-r empty.nft good.pcap", 0, "", "37 accepted"),
                    new Row(
                            "-r typo.nft good.pcap",
                            2,
                            "pinhole: typo.nft:3:18: error: unknown match, statement or verdict"
                                    + " 'acept'; did you mean 'accept'?\n"
                                    + "    ct state new acept\n"
                                    + "                 ^^^^^"),
                    new Row("-r nat.nft good.pcap", 2, "--ignore-nat judges the packets as if"),
                    new Row("--ignore-nat -r nat.nft good.pcap", 0, "", "37 accepted"),
                    new Row("-r iface.nft good.pcap", 2, "Say which addresses live behind which"),
                    new Row(
                            "--iface lan=198.51.100.0/24 -r iface.nft good.pcap",
                            0,
                            "",
                            "accepted"),
                    // Options.
                    new Row("", 2, "Missing required parameter: 'FILE'"),
                    new Row("--jsn good.pcap", 2, "--json"),
                    new Row("--verdicts good.pcap", 2, "pinhole: --verdicts goes with --json"),
                    new Row("--compat=bsd good.pcap", 2, "--compat knows linux, not 'bsd'"),
                    new Row("--fail-on x good.pcap", 2, "--fail-on knows drop, alert, incomplete"),
                    new Row("--ftp-port 0 good.pcap", 2, "--ftp-port 0 is no port"),
                    new Row("--ftp-port 2121 -r helper.nft good.pcap", 2, "change it there"),
                    new Row("--local 1.2.3 good.pcap", 2, "--local '1.2.3' is no IP address"),
                    new Row("--iface eth0 good.pcap", 2, "is not of the form eth0=198.51.100.0/24"),
                    new Row("-D x=1 good.pcap", 2, "no define of this name"),
                    new Row("--set limits.flow=1 good.pcap", 2, "did you mean 'limits.flows'?"),
                    new Row("--config missing.yaml good.pcap", 2, "missing.yaml: no such file"),
                    new Row("--config random.bin good.pcap", 2, "pinhole: random.bin"));

    @BeforeAll
    static void makeFiles() throws Exception {
        byte[] sample = Files.readAllBytes(SAMPLE);
        write("good.pcap", sample);
        write("empty.pcap");
        write("header.pcap", Arrays.copyOf(sample, 24));
        write("short.pcap", Arrays.copyOf(sample, 20));
        write("truncated.pcap", Arrays.copyOf(sample, 2000));
        byte[] lengths = sample.clone();
        ByteBuffer records = ByteBuffer.wrap(lengths).order(ByteOrder.LITTLE_ENDIAN);
        int at = 24;
        for (int i = 0; i < 2; i++) {
            at += 16 + records.getInt(at + 8);
        }
        records.putInt(at + 8, 0xffff_fff0);
        write("lengths.pcap", lengths);
        ByteBuffer section = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
        section.putInt(0x0a0d_0d0a).putInt(28).putInt(0x1a2b_3c4d).putInt(1).putLong(-1).putInt(28);
        write("header.pcapng", section.array());
        byte[] random = new byte[4096];
        new Random(7).nextBytes(random);
        write("random.bin", random);
        write("text.txt", "220 this is a log, not a capture\r\n".getBytes(StandardCharsets.UTF_8));
        byte[] packed = gzip(sample);
        write("good.pcap.gz", packed);
        write("truncated.pcap.gz", Arrays.copyOf(packed, packed.length / 2));
        write("wrong.pcap.gz", gzip(random));
        Files.createDirectory(folder.resolve("folder"));
        Files.writeString(
                folder.resolve("typo.nft"),
                """
                table ip t {
                  chain c { type filter hook forward priority 0; policy accept;
                    ct state new acept
                  }
                }
                """);
        rules("drop.nft", "drop");
        Files.writeString(folder.resolve("empty.nft"), "");
        rules("iface.nft", "iifname lan accept");
        Files.writeString(
                folder.resolve("helper.nft"),
                """
                table ip t {
                  ct helper ftp { type "ftp" protocol tcp; }
                  chain c { type filter hook prerouting priority 0; tcp dport 21 ct helper set "ftp"; }
                }
                """);
        Files.writeString(
                folder.resolve("nat.nft"),
                "table ip t { chain c { type nat hook postrouting priority 100; masquerade; } }\n");
        assertThat(run(folder, null, "version").err()).isEmpty(); // builds
    }

    private static void rules(String name, String rule) throws IOException {
        Files.writeString(
                folder.resolve(name),
                "table ip t { chain c { type filter hook forward priority 0; " + rule + "; } }\n");
    }

    private static void write(String name, byte... bytes) throws IOException {
        Files.write(folder.resolve(name), bytes);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    @TestFactory
    Stream<DynamicTest> oneClearLineAndTheRightStatus() {
        return ROWS.stream().map(row -> dynamicTest("analyze " + row.args, () -> check(row)));
    }

    private static void check(Row row) throws Exception {
        List<String> args = new ArrayList<>(List.of("analyze", "--config", "/dev/null"));
        if (row.args.contains("--config")) {
            args.subList(1, 3).clear();
        }
        Collections.addAll(args, row.args.isEmpty() ? new String[0] : row.args.split(" "));
        Run run = run(folder, null, args.toArray(String[]::new));
        assertThat(run.status).as(run.err).isEqualTo(row.status);
        assertThat(run.err).contains(row.err);
        assertThat(run.err.lines().count()).as("lines of %s", run.err).isLessThanOrEqualTo(4);
        assertThat(run.err + run.out).doesNotContain("Exception", "\tat ", "internal error");
        assertThat(run.out).contains(row.out);
        if (row.status == 0) {
            assertThat(run.err).isEmpty();
        }
        if (row.status == 2) {
            assertThat(run.out).as("nothing is judged").isEmpty();
        }
    }

    @Test
    void noPermission() throws Exception {
        Path secret = Files.copy(SAMPLE, folder.resolve("secret.pcap"));
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
        assumeFalse(Files.isReadable(secret), "the super-user may read everything");
        Run run = run(folder, null, "analyze", "secret.pcap");
        assertThat(run.status).isEqualTo(2);
        assertThat(run.err.strip()).isEqualTo("pinhole: secret.pcap: permission denied");
    }

    @Test
    void standardInputPlainAndPacked() throws Exception {
        for (String name : List.of("good.pcap", "good.pcap.gz")) {
            Run run = run(folder, folder.resolve(name), "analyze", "-");
            assertThat(run.status).isZero();
            assertThat(run.out).contains("38 packets", "RETR     small.txt");
        }
        Run empty = run(folder, folder.resolve("empty.pcap"), "analyze", "-");
        assertThat(empty.status).isEqualTo(2);
        assertThat(empty.err.strip()).isEqualTo("pinhole: standard input: is empty (0 bytes)");
    }

    @Test
    void severalFilesAreJudgedInOrderOfTime() throws Exception {
        Path samples = ROOT.resolve("pcap-samples");
        String first = samples.resolve("vsftpd-curl-active-get.pcap").toString();
        String second = SAMPLE.toString();
        Run right = run(folder, null, "analyze", "--json", "--verdicts", first, second);
        Run wrong = run(folder, null, "analyze", "--json", "--verdicts", second, first);
        assertThat(wrong.out).isEqualTo(right.out);
        assertThat(right.out.lines().filter(l -> l.contains("\"summary\""))).hasSize(3);
    }

    @Test
    void aClosedPipeEndsItQuietly() throws Exception {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "sh",
                                "-c",
                                "{ \"$0\" analyze --json --verdicts \"$@\" 2>err; echo $? >status;"
                                        + " } | head -n 1",
                                PINHOLE.toString()));
        try (Stream<Path> files = Files.list(ROOT.resolve("pcap-samples"))) {
            files.filter(f -> f.toString().matches(".*\\.pcap(ng)?"))
                    .map(Path::toString)
                    .forEach(command::add);
        }
        // More output than a pipe holds.
        Process real = new ProcessBuilder(command).directory(folder.toFile()).start();
        assertThat(real.inputReader().lines()).hasSize(1);
        assertThat(real.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(folder.resolve("err")).isEmptyFile();
        assertThat(folder.resolve("status")).content().isEqualToIgnoringWhitespace("141");
    }

    private static Run run(Path where, Path input, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(PINHOLE.toString()));
        Collections.addAll(command, args);
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(where.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile());
        builder.redirectInput(
                input == null
                        ? ProcessBuilder.Redirect.from(new java.io.File("/dev/null"))
                        : ProcessBuilder.Redirect.from(input.toFile()));
        Process process = builder.start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
    }
}
