package io.pinhole.benchmarks.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.benchmarks.AcceptAll;
import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.capture.CapturedPacket;
import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import io.pinhole.path.Event;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketBatch;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.path.Shards;
import io.pinhole.rule.RuleOrigin;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateCaptureTest {
    @TempDir private Path folder;

    private Path generate(String options) throws IOException {
        Path file = folder.resolve("capture");
        String all = options + " --out " + file + " --truth " + folder.resolve("truth");
        var err = new ByteArrayOutputStream();
        int status =
                GenerateCapture.run(
                        all.split(" "), System.out, new PrintStream(err, true, "UTF-8"));
        assertThat(status).as(err.toString("UTF-8")).isZero();
        return file;
    }

    private interface EachPacket {
        void packet(CapturedPacket packet);
    }

    private static long read(Path file, EachPacket each) throws CaptureException {
        CapturedPacket packet = new CapturedPacket();
        long count = 0;
        try (CaptureFiles files =
                CaptureFiles.open(List.of(file.toString()), InputStream.nullInputStream())) {
            while (files.next(packet)) {
                count++;
                each.packet(packet);
            }
        }
        return count;
    }

    @ParameterizedTest
    @CsvSource({
        "--packets 20000 --size 600 --seed 1, 600, 6",
        "--packets 20000 --size 100 --seed 2 --ns, 100, 9",
        "--packets 20000 --size 700 --seed 3 --pcapng, 700, 6",
        "--packets 7 --pcapng --ns, , 9",
    })
    void isReadBackWithTheSizeAskedForAndEveryChecksumRight(
            String options, Integer size, int digits) throws Exception {
        Path file = generate(options);
        PacketView view = new PacketView();
        long[] sum = new long[2];
        List<String> wrong = new ArrayList<>();
        long count =
                read(
                        file,
                        p -> {
                            sum[0] += p.wireLength;
                            boolean inOrder = p.timeNanos >= sum[1];
                            sum[1] = p.timeNanos;
                            Anomaly bad =
                                    view.wrap(
                                            p.data,
                                            p.offset,
                                            p.capturedLength,
                                            p.wireLength,
                                            p.linkType);
                            boolean good =
                                    view.ipVersion() == 0
                                            || (view.transportAnomaly() == Anomaly.NONE
                                                    && Checksums.transport(view)
                                                            == Checksums.Result.GOOD);
                            if (p.timeDigits != digits
                                    || !inOrder
                                    || bad != Anomaly.NONE
                                    || !good) {
                                wrong.add(p.number + " " + bad);
                            }
                        });
        assertThat(wrong).isEmpty();
        assertThat(count).isEqualTo(Long.parseLong(options.split(" ")[1]));
        if (size != null) {
            assertThat((double) sum[0] / count).isBetween(size * 0.97, size * 1.03);
        }
    }

    /** The path, told to accept everything, is a tracker with Linux's rules, on any threads. */
    @ParameterizedTest
    @CsvSource({"1, 600, 1", "2, 100, 2", "3, 300, 3", "4, 700, 1", "5, 200, 5", "6, 600, 4"})
    void holdsWhatItsTruthSaysAndNothingThatATrackerCallsInvalid(long seed, int size, int threads)
            throws Exception {
        Path file = generate("--packets 40000 --ftp 60 --seed " + seed + " --size " + size);
        List<String> seen = new ArrayList<>();
        List<String> invalid = new ArrayList<>();
        var options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        seed);
        Shards.Output told =
                new Shards.Output() {
                    @Override
                    public void packet(PacketBatch batch, int index) {}

                    @Override
                    public void verdict(
                            long position,
                            Verdict verdict,
                            @Nullable CtState ct,
                            @Nullable Hook hook,
                            RuleOrigin rule,
                            Anomaly why) {
                        if (verdict != Verdict.UNFILTERED && why != Anomaly.NONE) {
                            invalid.add(position + " " + why);
                        }
                    }

                    @Override
                    public void event(Event event) {
                        note(event, seen);
                    }

                    @Override
                    public void fault(PacketBatch batch, int index, InternalError fault) {
                        throw fault;
                    }
                };
        try (Shards shards = new Shards(options, AcceptAll::new, threads, told)) {
            read(
                    file,
                    p -> {
                        PacketBatch batch = shards.batch();
                        batch.add(
                                p.data,
                                p.offset,
                                p.capturedLength,
                                p.wireLength,
                                false,
                                p.linkType,
                                p.timeNanos,
                                Positions.of(0, p.number),
                                null,
                                null);
                        if (batch.isFull()) {
                            shards.judge(batch);
                        }
                    });
            shards.judge(shards.batch());
            shards.finish();
        }
        assertThat(invalid).isEmpty();
        List<String> truth = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("truth"))) {
            truth.add(Connection.of(Connection.parse(line)).toString());
        }
        assertThat(seen).containsExactlyInAnyOrderElementsOf(truth);
        for (String mode : List.of("active", "passive", "eprt", "epsv", "lprt", "lpsv")) {
            assertThat(truth).anyMatch(line -> line.contains(": " + mode + " data"));
        }
    }

    private static void note(Event event, List<String> seen) {
        switch (event) {
            case Event.Control c ->
                    seen.add(
                            Connection.control(Positions.number(c.position()), c.flow())
                                    .toString());
            case Event.Data d ->
                    seen.add(
                            Connection.data(
                                            Positions.number(d.position()),
                                            d.flow(),
                                            d.control(),
                                            d.mode().label())
                                    .toString());
            default -> {}
        }
    }

    @Test
    void sameSeedSameBytes() throws Exception {
        byte[] first = Files.readAllBytes(generate("--packets 5000 --seed 7"));
        byte[] second = Files.readAllBytes(generate("--packets 5000 --seed 7"));
        byte[] other = Files.readAllBytes(generate("--packets 5000 --seed 8"));
        assertThat(second).isEqualTo(first);
        assertThat(other).isNotEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    --packets 5                    | --out FILE is missing
                    --out x --packets              | --packets needs a value
                    --out x --packets 0            | --packets wants a number from 1 to 10000000000, not 0
                    --out x --size many            | --size wants a number from 80 to 700, not many
                    --out x --colour               | unknown option --colour
                    """)
    void saysWhatIsWrongWithTheOptions(String options, String message) throws Exception {
        var err = new ByteArrayOutputStream();
        int status =
                GenerateCapture.run(
                        options.split(" "), System.out, new PrintStream(err, true, "UTF-8"));
        assertThat(status).isEqualTo(2);
        assertThat(err.toString("UTF-8")).startsWith("generate: " + message);
    }
}
