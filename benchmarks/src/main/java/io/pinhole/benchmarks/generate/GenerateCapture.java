package io.pinhole.benchmarks.generate;

import io.pinhole.capture.PcapWriter;
import io.pinhole.capture.PcapngWriter;
import io.pinhole.decode.LinkType;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/**
 * Writes a capture of FTP sessions among other traffic, and the truth about it.
 *
 * <p>The same options give the same bytes. Memory depends on how many conversations go on at a
 * time, not on the size of the capture.
 */
public final class GenerateCapture {
    private static final long BEGIN = Instant.parse("2026-03-02T09:00:00Z").getEpochSecond();
    private static final long SECOND = 1_000_000_000L;

    private GenerateCapture() {}

    /** Exit status 0; 2 if the options or the files are wrong. */
    public static void main(String[] arguments) {
        System.exit(run(arguments, System.out, System.err));
    }

    static int run(String[] arguments, PrintStream out, PrintStream err) {
        try {
            GenerateOptions options = GenerateOptions.parse(arguments);
            if (options == null) {
                out.print(GenerateOptions.USAGE);
                return 0;
            }
            err.println(generate(options));
            return 0;
        } catch (IllegalArgumentException e) {
            err.println("generate: " + e.getMessage());
            err.println("Try 'benchmarks/generate --help'.");
            return 2;
        } catch (IOException e) {
            err.println("generate: " + e);
            return 2;
        }
    }

    /**
     * Makes the capture.
     *
     * @return one line about what is in it
     */
    static String generate(GenerateOptions options) throws IOException {
        Path truthFile = options.truth();
        try (OutputStream file = Files.newOutputStream(options.out());
                Writer truthOut =
                        truthFile == null
                                ? Writer.nullWriter()
                                : new BufferedWriter(Files.newBufferedWriter(truthFile), 1 << 16);
                Truth truth = new Truth(truthOut)) {
            Frames frames = write(options, file, truth);
            return "%,d packets, %,d bytes in frames, %,d control and %,d data connections"
                    .formatted(
                            frames.count(),
                            frames.octets(),
                            truth.controls(),
                            truth.dataConnections());
        }
    }

    private static Frames write(GenerateOptions options, OutputStream file, Truth truth)
            throws IOException {
        if (options.pcapng()) {
            try (PcapngWriter writer = new PcapngWriter(file, "pinhole benchmarks/generate")) {
                Frames.Sink sink =
                        packet -> {
                            packet.timeDigits = options.nanos() ? 9 : 6;
                            writer.write(packet, null);
                        };
                return converse(
                        options, new Frames(sink, options.packets(), options.size()), truth);
            }
        }
        PcapWriter.Precision precision =
                options.nanos() ? PcapWriter.Precision.NANOS : PcapWriter.Precision.MICROS;
        try (PcapWriter writer = new PcapWriter(file, LinkType.ETHERNET, precision)) {
            return converse(
                    options, new Frames(writer::write, options.packets(), options.size()), truth);
        }
    }

    private static Frames converse(GenerateOptions options, Frames frames, Truth truth)
            throws IOException {
        int conversations = Math.clamp(options.packets() / 500, 8, options.conversations());
        converse(frames, options.ftp(), conversations, options.seed(), truth);
        return frames;
    }

    /**
     * Lets hosts talk until the frames are full.
     *
     * @param ftpShare of the packets, in percent
     */
    static void converse(Frames frames, int ftpShare, int conversations, long seed, Truth truth)
            throws IOException {
        Dice dice = new Dice(seed);
        Contents contents = new Contents(dice);
        Hosts hosts = new Hosts(dice);
        Schedule schedule = new Schedule(conversations);
        long ftp = 0;
        long now = BEGIN * SECOND;
        for (int i = 0; i < conversations; i++) {
            Conversation c = begin(dice.percent(ftpShare), hosts, contents, truth, dice);
            c.due = now + dice.between(0, (int) SECOND);
            schedule.add(c);
        }
        while (!frames.isFull()) {
            Conversation c = schedule.first();
            now = c.due;
            frames.time(now);
            long before = frames.count();
            boolean more = c.send(frames);
            if (c.isFtp()) {
                ftp += frames.count() - before;
            }
            if (!more) {
                c.end();
                boolean wantsFtp = ftp * 100 < frames.count() * ftpShare;
                c = begin(wantsFtp, hosts, contents, truth, dice);
                c.due = now + dice.between(0, 20_000_000);
            }
            schedule.replaceFirst(c);
        }
        for (Conversation c : schedule.all()) {
            c.end();
        }
    }

    private static Conversation begin(
            boolean ftp, Hosts hosts, Contents contents, Truth truth, Dice dice) {
        if (ftp) {
            return new FtpSession(hosts, contents, truth, dice);
        }
        int kind = dice.below(100);
        if (kind < 55) {
            return new TcpTalk(hosts, contents, dice);
        }
        return kind < 95 ? new Datagrams(hosts, contents, dice) : new Knocking(hosts, dice);
    }
}
