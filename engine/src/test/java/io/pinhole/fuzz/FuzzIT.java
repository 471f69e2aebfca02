package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.code_intelligence.jazzer.Jazzer;
import io.pinhole.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Lets Jazzer search for new inputs, two targets at a time, each in a process of its own.
 *
 * <p>In CI one minute each, from the seed that generated tests share; elsewhere only with {@code
 * -Dpinhole.fuzz-seconds=N}, and on new ground with {@code -Dpinhole.seed=random}. It starts from
 * the inputs under {@code resources/io/pinhole/fuzz} and from what earlier runs found, kept in
 * {@code target/fuzz}. An input that fails is named in the message: put it beside the others and it
 * stays a unit test.
 */
class FuzzIT {
    private static final Path TARGET = Path.of("target", "fuzz");
    private static final Path INPUTS = Path.of("src", "test", "resources", "io", "pinhole", "fuzz");

    private static final List<Class<?>> TARGETS =
            List.of(
                    PacketDecoderFuzzTest.class,
                    CaptureReaderFuzzTest.class,
                    ControlDialogueFuzzTest.class,
                    PacketPathFuzzTest.class,
                    RuleFilesFuzzTest.class,
                    ScenarioFuzzTest.class);

    private static final ExecutorService TWO = Executors.newFixedThreadPool(2);
    private static final Map<Class<?>, Future<String>> RUNS = new HashMap<>();

    @BeforeAll
    static void begin() {
        int seconds = seconds();
        if (seconds > 0) {
            TARGETS.forEach(t -> RUNS.put(t, TWO.submit(() -> fuzz(t, seconds))));
        }
    }

    @AfterAll
    static void end() {
        TWO.shutdownNow(); // interrupts who waits for a process, and ends that
    }

    private static int seconds() {
        int seconds = Integer.getInteger("pinhole.fuzz-seconds", 0);
        return seconds == 0 && Boolean.parseBoolean(System.getenv("CI")) ? 60 : seconds;
    }

    static List<Class<?>> targets() {
        return TARGETS;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("targets")
    void findsNothing(Class<?> target) throws Exception {
        assumeTrue(seconds() > 0, "fuzzing wants CI=true or -Dpinhole.fuzz-seconds=N");
        assertThat(RUNS.get(target).get()).containsPattern("Done [1-9][0-9]+ runs");
    }

    private static String fuzz(Class<?> target, int seconds)
            throws IOException, InterruptedException {
        String name = target.getSimpleName();
        String method =
                Arrays.stream(target.getDeclaredMethods())
                        .filter(
                                m ->
                                        m.isAnnotationPresent(
                                                com.code_intelligence.jazzer.junit.FuzzTest.class))
                        .findFirst()
                        .orElseThrow()
                        .getName();
        Path inputs = INPUTS.resolve(name + "Inputs").resolve(method);
        assertThat(inputs).isNotEmptyDirectory();
        Path corpus = Files.createDirectories(TARGET.resolve(name));
        Path log = TARGET.resolve(name + ".log");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-Xmx768m",
                        "-XX:+UseSerialGC",
                        "-XX:+EnableDynamicAgentLoading",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        System.getProperty(
                                "surefire.test.class.path", System.getProperty("java.class.path")),
                        Jazzer.class.getName(),
                        "--target_class=" + target.getName(),
                        "--instrumentation_includes=io.pinhole.**",
                        "--custom_hook_includes=none.**",
                        "--disabled_hooks=*",
                        "--reproducer_path=" + TARGET,
                        "-artifact_prefix=" + TARGET + "/" + name + "-",
                        "-dict=" + INPUTS.resolve("ftp.dict"),
                        "-max_len=4096",
                        "-timeout=10",
                        "-max_total_time=" + seconds,
                        "-seed=" + (Seeds.seed() & 0x7fff_ffff),
                        corpus.toString(),
                        inputs.toString()));
        Process fuzzer =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        try {
            assertThat(fuzzer.waitFor(seconds + 120L, TimeUnit.SECONDS))
                    .as("ends in time")
                    .isTrue();
        } finally {
            fuzzer.destroyForcibly();
        }
        String said = Files.readString(log);
        assertThat(fuzzer.exitValue()).as(tail(said)).isZero();
        return said;
    }

    private static String tail(String text) {
        return text.substring(Math.max(0, text.length() - 4_000));
    }
}
