package io.pinhole.validate.scenario;

/** Bounds of what a scenario file may ask for. */
public final class ScenarioLimits {
    /** Bytes of one file. */
    public static final int FILE_BYTES = 16 << 20;

    /** Characters of one line. */
    public static final int LINE_LENGTH = 1 << 16;

    /** Files included from files included … */
    public static final int INCLUDE_DEPTH = 16;

    /** Files that one scenario includes, each time counted. */
    public static final int INCLUDES = 256;

    /** Tests in a file. */
    public static final int TESTS = 100_000;

    /** Lines of one test that do something. */
    public static final int STEPS = 100_000;

    /** Hosts a test may name. */
    public static final int HOSTS = 10_000;

    /** Bytes of one transfer, and of all transfers of one test. */
    public static final long TRANSFER_BYTES = 256L << 20;

    /** Packets of one test. */
    public static final long PACKETS = 2_000_000;

    /** Packets of a capture that a test reads. */
    public static final long CAPTURED_PACKETS = 50_000_000;

    /** Nanoseconds that one line lets pass: ten years. */
    public static final long AFTER_NANOS = 3650L * 86_400 * 1_000_000_000;

    /** Errors reported of one file. */
    public static final int ERRORS = 50;

    private ScenarioLimits() {}
}
