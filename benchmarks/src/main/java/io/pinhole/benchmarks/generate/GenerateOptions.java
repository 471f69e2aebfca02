package io.pinhole.benchmarks.generate;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What to generate.
 *
 * @param size mean size of a frame, in bytes
 * @param ftp share of the packets that belong to FTP, in percent
 * @param conversations most that go on at a time
 * @param truth null if it is not wanted
 */
record GenerateOptions(
        long packets,
        int size,
        int ftp,
        int conversations,
        long seed,
        boolean nanos,
        boolean pcapng,
        Path out,
        @Nullable Path truth) {

    static final String USAGE =
            """
            Usage: benchmarks/generate --out FILE [OPTION]...
            Writes a capture of FTP sessions among other traffic. The same options give the same bytes.

              --packets N         packets, default 100000
              --size BYTES        mean size of a frame, 80 to 700, default 600
              --ftp PERCENT       share of the packets that belong to FTP, default 25
              --conversations N   most that go on at a time, default 4000
              --seed N            default 1
              --ns                nanosecond time stamps
              --pcapng            pcapng instead of pcap
              --truth FILE        JSON lines: every control and announced data connection
              -h, --help          this text

            Example: benchmarks/generate --packets 2000000 --out big.pcap --truth big.truth
            """;

    /**
     * Reads a command line.
     *
     * @return null if help is wanted
     * @throws IllegalArgumentException with a message for people
     */
    static @Nullable GenerateOptions parse(String[] arguments) {
        long packets = 100_000;
        int size = 600;
        int ftp = 25;
        int conversations = 4000;
        long seed = 1;
        boolean nanos = false;
        boolean pcapng = false;
        Path out = null;
        Path truth = null;
        for (int i = 0; i < arguments.length; i++) {
            String option = arguments[i];
            switch (option) {
                case "-h", "--help" -> {
                    return null;
                }
                case "--ns" -> nanos = true;
                case "--pcapng" -> pcapng = true;
                case "--packets" ->
                        packets = number(option, value(arguments, ++i), 1, 10_000_000_000L);
                case "--size" -> size = (int) number(option, value(arguments, ++i), 80, 700);
                case "--ftp" -> ftp = (int) number(option, value(arguments, ++i), 0, 100);
                case "--conversations" ->
                        conversations = (int) number(option, value(arguments, ++i), 8, 1_000_000);
                case "--seed" ->
                        seed =
                                number(
                                        option,
                                        value(arguments, ++i),
                                        Long.MIN_VALUE,
                                        Long.MAX_VALUE);
                case "--out" -> out = Path.of(value(arguments, ++i));
                case "--truth" -> truth = Path.of(value(arguments, ++i));
                default -> throw new IllegalArgumentException("unknown option " + option);
            }
        }
        if (out == null) {
            throw new IllegalArgumentException("--out FILE is missing");
        }
        return new GenerateOptions(
                packets, size, ftp, conversations, seed, nanos, pcapng, out, truth);
    }

    private static String value(String[] arguments, int at) {
        if (at == arguments.length) {
            throw new IllegalArgumentException(arguments[at - 1] + " needs a value");
        }
        return arguments[at];
    }

    private static long number(String option, String text, long low, long high) {
        try {
            long value = Long.parseLong(text);
            if (value >= low && value <= high) {
                return value;
            }
        } catch (NumberFormatException e) {
            // said below, as for a number out of range
        }
        throw new IllegalArgumentException(
                "%s wants a number from %d to %d, not %s".formatted(option, low, high, text));
    }
}
