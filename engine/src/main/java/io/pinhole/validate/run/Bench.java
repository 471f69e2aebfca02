package io.pinhole.validate.run;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioFiles;
import io.pinhole.validate.scenario.ScenarioReader;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Setup;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs tests of a few lines under one rule set. One thread. */
public final class Bench {
    private final RuleSet rules;
    private final RuleProgram program;
    private final RuleIndex index;
    private final PathOptions options;

    /**
     * @param options of the path, what the lines say of interfaces on top
     */
    public Bench(RuleSet rules, PathOptions options) {
        this.rules = rules;
        this.options = options;
        program = rules.compile();
        index = new RuleIndex(rules);
    }

    /**
     * Runs one test.
     *
     * @param steps its lines
     * @param tap sees its packets
     * @return null if a line cannot be run: a packet that no host can send
     */
    public @Nullable TestResult run(List<String> steps, PacketTap tap) {
        return run(steps, tap, program, null);
    }

    private @Nullable TestResult run(
            List<String> steps, PacketTap tap, RuleProgram by, @Nullable Tracer tracer) {
        String text = String.join("\n", Trial.test("story", steps)) + "\n";
        if (!(ScenarioReader.read(
                        "story", text.getBytes(StandardCharsets.UTF_8), ScenarioFiles.NONE)
                instanceof ReadScenario.Loaded(Scenario scenario))) {
            return null;
        }
        ScenarioTest test = scenario.tests().getFirst();
        Proofs none = (claim, set, setup, path) -> new Proofs.Answer.Proved();
        RuleProgram fresh =
                tracer == null && rules.compile().hasGlobalState() ? rules.compile() : by;
        try (TestRun run =
                new TestRun(
                        scenario,
                        test,
                        rules,
                        fresh,
                        options(test.setup()),
                        index,
                        Nothing.NOTHING,
                        none,
                        tap,
                        tracer)) {
            return run.run();
        }
    }

    private PathOptions options(Setup setup) {
        if (setup.interfaces().isEmpty() && setup.locals().isEmpty()) {
            return options;
        }
        return new PathOptions(
                options.settings(),
                options.observedPorts(),
                options.attachPorts(),
                setup.locals().isEmpty() ? options.localAddresses() : setup.locals(),
                setup.interfaces().isEmpty()
                        ? options.interfaces()
                        : new InterfaceMap(setup.interfaces()),
                options.compatLinux(),
                options.seed());
    }

    /** The walk of the packet that broke a test, as a failing test shows it. */
    List<String> walk(List<String> steps, Judged packet) {
        Tracer tracer = new Tracer(rules, 0, packet.number());
        run(steps, PacketTap.NONE, tracer.rules(), tracer);
        return WalkLines.of(tracer.explanation(packet), rules.name());
    }

    /** Brings nothing: such tests name no file. */
    private enum Nothing implements Surroundings {
        NOTHING;

        @Override
        public RuleSet rules(Setup setup, String scenarioFile) throws SetupException {
            throw new SetupException(List.of("no rules are named here"));
        }

        @Override
        public Settings settings(Setup setup) throws SetupException {
            throw new SetupException(List.of("no settings are named here"));
        }

        @Override
        public CaptureFiles capture(String scenarioFile, String name) throws CaptureException {
            throw new CaptureException(
                    CaptureException.Kind.UNREADABLE, name + ": no captures are read here");
        }
    }
}
