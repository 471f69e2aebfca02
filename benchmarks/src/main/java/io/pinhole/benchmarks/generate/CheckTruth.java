package io.pinhole.benchmarks.generate;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Compares the control and data connections that {@code pinhole analyze --json} prints with the
 * truth about a generated capture: both must name the same, by 5-tuple, mode and first packet.
 * Where a whole transfer is in the capture, its command and size must be the same too.
 */
public final class CheckTruth {
    private static final int SHOWN = 20;
    private static final String PINHOLE = System.getProperty("pinhole.root", ".") + "/pinhole";

    private static final String USAGE =
            """
            Usage: benchmarks/check-truth TRUTH CAPTURE [ANALYZE-OPTION]...
                   benchmarks/check-truth TRUTH --events FILE
            Runs './pinhole analyze --json CAPTURE' (or reads what it printed) and compares every control and
            data connection with the truth that benchmarks/generate wrote. Exit status 0 if they are the same,
            1 if not, 2 if they cannot be compared.
            """;

    private final Map<Connection, JsonNode> expected = new LinkedHashMap<>();
    private final List<String> missing = new ArrayList<>();
    private final List<String> extra = new ArrayList<>();
    private final List<String> different = new ArrayList<>();
    private long controls;
    private long data;

    private CheckTruth() {}

    public static void main(String[] arguments) {
        System.exit(run(arguments, System.out, System.err));
    }

    static int run(String[] arguments, PrintStream out, PrintStream err) {
        if (arguments.length == 1 && (arguments[0].equals("-h") || arguments[0].equals("--help"))) {
            out.print(USAGE);
            return 0;
        }
        if (arguments.length < 2 || (arguments[1].equals("--events") && arguments.length != 3)) {
            err.print(USAGE);
            return 2;
        }
        try {
            CheckTruth check = new CheckTruth();
            check.readTruth(Path.of(arguments[0]));
            if (arguments[1].equals("--events")) {
                try (BufferedReader events = Files.newBufferedReader(Path.of(arguments[2]))) {
                    check.compare(events);
                }
            } else {
                int status = check.analyze(arguments);
                if (status != 0) {
                    err.println("check-truth: pinhole analyze ended with status " + status);
                    return 2;
                }
            }
            return check.report(out);
        } catch (IOException | JacksonException | IllegalArgumentException e) {
            err.println("check-truth: " + e);
            return 2;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 2;
        }
    }

    private int analyze(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(PINHOLE, "analyze", "--json"));
        command.addAll(List.of(arguments).subList(1, arguments.length));
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (var events =
                new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            compare(events);
        }
        return process.waitFor();
    }

    private void readTruth(Path file) throws IOException {
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode node = Connection.parse(line);
                Connection connection = Connection.of(node);
                if (connection != null) {
                    expected.put(connection, node);
                }
            }
        }
    }

    private void compare(BufferedReader events) throws IOException {
        for (String line = events.readLine(); line != null; line = events.readLine()) {
            JsonNode seen = Connection.parse(line);
            Connection connection = Connection.of(seen);
            if (connection == null) {
                continue;
            }
            JsonNode truth = expected.remove(connection);
            if (truth == null) {
                extra.add(connection.toString());
                continue;
            }
            if (connection.mode() == null) {
                controls++;
            } else {
                data++;
                String difference = difference(truth, seen);
                if (difference != null) {
                    different.add(connection + ": " + difference);
                }
            }
        }
        for (Connection connection : expected.keySet()) {
            missing.add(connection.toString());
        }
    }

    private static @Nullable String difference(JsonNode truth, JsonNode seen) {
        if (!truth.path("complete").asBoolean(false)) {
            return null;
        }
        for (String name : List.of("command", "bytes", "complete")) {
            String wanted = truth.path(name).asString();
            String found = seen.path(name).asString("nothing");
            if (!wanted.equals(found)) {
                return name + " is " + wanted + ", not " + found;
            }
        }
        return null;
    }

    private int report(PrintStream out) {
        out.printf("%,d control and %,d data connections as they are%n", controls, data);
        show(out, "missing", missing);
        show(out, "extra", extra);
        show(out, "different", different);
        return missing.isEmpty() && extra.isEmpty() && different.isEmpty() ? 0 : 1;
    }

    private static void show(PrintStream out, String what, List<String> which) {
        if (which.isEmpty()) {
            return;
        }
        out.printf("%,d %s:%n", which.size(), what);
        which.stream().limit(SHOWN).forEach(one -> out.println("  " + one));
        if (which.size() > SHOWN) {
            out.println("  ...");
        }
    }
}
