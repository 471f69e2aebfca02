package io.pinhole.validate.run;

import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.run.Surroundings.SetupException;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.scenario.Step;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Runs tests side by side. Each has a path and a time of its own, so that neither their number nor
 * their order changes a result.
 */
public final class ScenarioRunner {
    private static final int FTP = 21;

    /** Control connections beyond one for each step. */
    private static final int SPARE_CONTROLS = 64;

    /** Of the tables' hashes; verdicts do not depend on it. */
    private static final long SEED = 0x9e3779b97f4a7c15L;

    /** Makes a tap for one test; closed by whoever made it. */
    public interface Taps {
        PacketTap tap(Scenario scenario, ScenarioTest test);

        /** The test's last packet is through. */
        default void ended(PacketTap tap) {}
    }

    /**
     * How to run.
     *
     * @param threads at least 1
     * @param wanted tests by their names
     */
    public record Options(
            Surroundings surroundings,
            Proofs proofs,
            int threads,
            Predicate<String> wanted,
            Instrument instrument,
            Taps taps) {}

    /** A test and all it stands on. */
    private record Job(
            Scenario scenario,
            ScenarioTest test,
            RuleSet rules,
            RuleSet judged,
            RuleIndex index,
            PathOptions path) {}

    private final Options options;
    private final IdentityHashMap<RuleSet, RuleIndex> indexes = new IdentityHashMap<>();
    private final IdentityHashMap<RuleSet, RuleSet> prepared = new IdentityHashMap<>();

    public ScenarioRunner(Options options) {
        this.options = options;
    }

    /**
     * Runs all tests that are wanted.
     *
     * @return results in the order of the scenarios and their tests
     * @throws SetupException if a test cannot be run; then none was
     */
    public List<TestResult> run(List<Scenario> scenarios) throws SetupException {
        List<Job> jobs = jobs(scenarios);
        @Nullable TestResult[] results = new TestResult[jobs.size()];
        AtomicInteger next = new AtomicInteger();
        Map<Thread, Throwable> faults = new ConcurrentHashMap<>();
        Runnable work =
                () -> {
                    IdentityHashMap<RuleSet, CompiledRules> programs = new IdentityHashMap<>();
                    for (int i; (i = next.getAndIncrement()) < jobs.size(); ) {
                        results[i] = run(jobs.get(i), programs);
                    }
                };
        int helpers = Math.min(options.threads, jobs.size()) - 1;
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < helpers; i++) {
            Thread thread = new Thread(work, "scenarios-" + (i + 1));
            thread.setUncaughtExceptionHandler(faults::put);
            thread.start();
            threads.add(thread);
        }
        work.run();
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        for (Throwable fault : faults.values()) {
            throw new IllegalStateException("a test could not be run to its end", fault);
        }
        List<TestResult> out = new ArrayList<>();
        for (TestResult result : results) {
            if (result != null) {
                out.add(result);
            }
        }
        return out;
    }

    private List<Job> jobs(List<Scenario> scenarios) throws SetupException {
        List<Job> jobs = new ArrayList<>();
        Set<String> problems = new LinkedHashSet<>();
        for (Scenario scenario : scenarios) {
            for (ScenarioTest test : scenario.tests()) {
                if (!options.wanted.test(test.name())) {
                    continue;
                }
                try {
                    jobs.add(job(scenario, test));
                } catch (SetupException e) {
                    problems.add(String.join("\n", e.lines()));
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new SetupException(List.copyOf(problems));
        }
        return jobs;
    }

    private Job job(Scenario scenario, ScenarioTest test) throws SetupException {
        Setup setup = test.setup();
        RuleSet rules = options.surroundings.rules(setup, scenario.file());
        Settings settings = options.surroundings.settings(setup);
        boolean attach = !setup.ftpPorts().isEmpty() && !rules.assignsHelper();
        Set<Integer> observed = new TreeSet<>(setup.ftpPorts());
        observed.add(FTP);
        PathOptions path =
                new PathOptions(
                        sized(settings, test),
                        observed,
                        attach ? setup.ftpPorts() : Set.of(),
                        setup.locals(),
                        new InterfaceMap(setup.interfaces()),
                        setup.compatLinux(),
                        SEED);
        if (!rules.readsLoopbackOnly()
                && setup.interfaces().isEmpty()
                && test.steps().stream().noneMatch(ScenarioRunner::namesInterface)) {
            throw new SetupException(
                    List.of(
                            test.at().file()
                                    + ":"
                                    + test.at().line()
                                    + ": "
                                    + rules.name()
                                    + " reads interfaces ("
                                    + rules.interfaceRules().getFirst().text()
                                    + "), and the scenario does not say which addresses live"
                                    + " behind which",
                            "Add lines such as: interface eth0 198.51.100.0/24",
                            "('interface eth0 0.0.0.0/0 ::/0' for all that no other line names)"));
        }
        return new Job(
                scenario,
                test,
                rules,
                prepared.computeIfAbsent(rules, options.instrument::prepare),
                indexes.computeIfAbsent(rules, RuleIndex::new),
                path);
    }

    /**
     * Settings without room for more control connections than the test can make: tables are made
     * for each test, and most are for a handful.
     */
    private static Settings sized(Settings settings, ScenarioTest test) {
        if (test.steps().stream().anyMatch(s -> s instanceof Step.Capture)) {
            return settings;
        }
        Settings.Limits l = settings.limits();
        return new Settings(
                settings.timeouts(),
                new Settings.Limits(
                        l.flows(),
                        Math.min(l.controls(), SPARE_CONTROLS + test.steps().size()),
                        l.expectations(),
                        l.expectationsPerParent(),
                        l.expectationsPerClient(),
                        l.reassemblyBytes(),
                        l.lineBytes(),
                        l.pipeline(),
                        l.fragmentBytes(),
                        l.fragmentDatagrams()),
                settings.tcp(),
                settings.helper(),
                settings.helpers());
    }

    private static boolean namesInterface(Step step) {
        return switch (step) {
            case Step.Packet p ->
                    p.tweaks().inputInterface() != null || p.tweaks().outputInterface() != null;
            case Step.Capture c -> true;
            default -> false;
        };
    }

    private TestResult run(Job job, IdentityHashMap<RuleSet, CompiledRules> programs) {
        boolean own = options.instrument.countsAlone() || job.rules.hasGlobalState();
        CompiledRules program =
                own ? job.judged.compile() : programs.computeIfAbsent(job.judged, RuleSet::compile);
        PacketTap tap = options.taps.tap(job.scenario, job.test);
        try (TestRun run =
                new TestRun(
                        job.scenario,
                        job.test,
                        job.rules,
                        program,
                        job.path,
                        job.index,
                        options.surroundings,
                        options.proofs,
                        tap,
                        null)) {
            TestResult result = run.run();
            options.instrument.ended(job.rules, program, run.events());
            return explained(job, result, run.failedLab());
        } finally {
            options.taps.ended(tap);
        }
    }

    /** A name of the rules that a person can type. */
    private static String file(Job job) {
        return job.rules.tables().isEmpty()
                ? job.rules.name()
                : job.rules.tables().getFirst().at().file();
    }

    /** Runs a test that failed once more, to see the walk of the packet that broke it. */
    private TestResult explained(Job job, TestResult result, int lab) {
        TestResult.Failure failure = result.failure();
        Judged packet = failure == null ? null : failure.packet();
        if (failure == null || packet == null || failure.explained()) {
            return result;
        }
        Tracer tracer = new Tracer(job.rules, lab, packet.number());
        Proofs known = (claim, rules, setup, path) -> new Proofs.Answer.Proved();
        try (TestRun again =
                new TestRun(
                        job.scenario,
                        job.test,
                        job.rules,
                        tracer.rules(),
                        job.path,
                        job.index,
                        options.surroundings,
                        known,
                        PacketTap.NONE,
                        tracer)) {
            TestResult.Failure same = again.run().failure();
            // The rules as they are, where those that judged were cut up to be counted.
            packet = same == null || same.packet() == null ? packet : same.packet();
        }
        return result.explained(WalkLines.of(tracer.explanation(packet), file(job)));
    }
}
