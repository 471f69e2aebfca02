package io.pinhole.cli;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.run.Surroundings;
import io.pinhole.validate.scenario.Bytes;
import io.pinhole.validate.scenario.ScenarioFiles;
import io.pinhole.validate.scenario.ScenarioLimits;
import io.pinhole.validate.scenario.Setup;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Brings what scenarios name: rule sets, settings, captures, includes. What the command line says
 * comes on top of what a scenario says.
 */
final class ScenarioSurroundings implements Surroundings, ScenarioFiles {
    /** Read where no --config is given: nothing, so that a test says the same on every machine. */
    private static final Path NO_FILE = Path.of("no-such-settings.yaml");

    private record RuleKey(
            @Nullable Path file,
            List<String> more,
            Map<String, String> defines,
            Set<Integer> ports,
            boolean nat) {}

    private final RuleOptions options;
    private final SettingsOptions settingsOptions;
    private final Map<RuleKey, RuleSet> loaded = new HashMap<>();
    private final Map<RuleKey, SetupException> refused = new HashMap<>();

    ScenarioSurroundings(RuleOptions options, SettingsOptions settingsOptions) {
        this.options = options;
        this.settingsOptions = settingsOptions;
    }

    @Override
    public synchronized RuleSet rules(Setup setup, String scenarioFile) throws SetupException {
        Setup.Named named = setup.rules();
        Path file = null;
        List<String> more = List.of();
        boolean bundled = false;
        if (!options.rules.isEmpty()) {
            file = Path.of(options.rules.getFirst());
            more = options.rules.subList(1, options.rules.size());
        } else if (named != null) {
            // Relative to the file whose line it is: an included one may lie elsewhere.
            file = beside(named.at().file(), named.text());
            bundled = named.text().equals(RuleFiles.DEFAULT) && !Files.exists(file);
        } else {
            throw new SetupException(
                    List.of(
                            scenarioFile + ": no rule set",
                            "Name one in the scenario (rules FILE) or with --rules FILE."));
        }
        Map<String, String> defines = new LinkedHashMap<>(setup.defines());
        defines.putAll(options.reading.defines);
        RuleKey key =
                new RuleKey(
                        bundled ? null : file.normalize(),
                        List.copyOf(more),
                        defines,
                        setup.ftpPorts(),
                        setup.ignoreNat() || options.ignoreNat);
        SetupException before = refused.get(key);
        if (before != null) {
            throw before;
        }
        RuleSet set = loaded.get(key);
        if (set == null) {
            try {
                set = load(key);
            } catch (SetupException e) {
                refused.put(key, e);
                throw e;
            }
            loaded.put(key, set);
        }
        return set;
    }

    private RuleSet load(RuleKey key) throws SetupException {
        RuleOptions wanted = new RuleOptions();
        Path file = key.file;
        wanted.rules = new ArrayList<>();
        if (file != null) {
            wanted.rules.add(file.toString());
            wanted.rules.addAll(key.more);
        }
        wanted.reading.defines = new LinkedHashMap<>(key.defines);
        wanted.reading.includePath = options.reading.includePath;
        wanted.reading.ipset = options.reading.ipset;
        wanted.ignoreNat = key.nat;
        boolean replace = file == null && !key.ports.isEmpty();
        try {
            RuleSet set =
                    wanted.load(replace ? Map.of("ftp_ports", "{ " + ports(key) + " }") : Map.of());
            if (file != null && !key.ports.isEmpty() && set.assignsHelper()) {
                throw new SetupException(
                        List.of(
                                "ftp-port is for rule sets that assign no helper; "
                                        + set.name()
                                        + " does: change it there"));
            }
            return set;
        } catch (UserError e) {
            throw new SetupException(e.lines());
        }
    }

    private static String ports(RuleKey key) {
        return new TreeSet<>(key.ports)
                .stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    @Override
    public Settings settings(Setup setup) throws SetupException {
        List<String> sets = new ArrayList<>();
        setup.settings().forEach(s -> sets.add(s.text()));
        sets.addAll(settingsOptions.sets);
        try {
            Path config = settingsOptions.config;
            return SettingsLoader.load(config == null ? NO_FILE : config, config != null, sets)
                    .settings();
        } catch (SettingsException e) {
            List<String> lines = new ArrayList<>();
            for (String line : e.shown()) {
                lines.add(placed(line, setup));
            }
            throw new SetupException(lines);
        }
    }

    /** A problem with a setting that a scenario's line makes names that line. */
    private static String placed(String problem, Setup setup) {
        for (Setup.Named s : setup.settings()) {
            String option = "--set " + SettingsText.cut(s.text()) + ":";
            if (problem.startsWith(option)) {
                return s.at().file()
                        + ":"
                        + s.at().line()
                        + ":"
                        + s.at().column()
                        + ": error: set "
                        + problem.substring("--set ".length());
            }
        }
        return problem;
    }

    @Override
    public CaptureFiles capture(String scenarioFile, String name) throws CaptureException {
        return CaptureFiles.open(
                List.of(beside(scenarioFile, name).toString()), InputStream.nullInputStream());
    }

    @Override
    public Content include(String fromFile, String name) throws IOException {
        Path file;
        try {
            file = beside(fromFile, name).normalize();
        } catch (InvalidPathException e) {
            throw new IOException("it is no file name", e);
        }
        return new Content(file.toString(), Bytes.of(read(file)));
    }

    /** The bytes of a scenario file; one more than allowed of a longer one. */
    static byte[] read(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IOException("it is a directory");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(ScenarioLimits.FILE_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw new IOException("there is no such file", e);
        } catch (AccessDeniedException e) {
            throw new IOException("permission denied", e);
        }
    }

    private static Path beside(String file, String name) {
        return Path.of(file).resolveSibling(name);
    }
}
