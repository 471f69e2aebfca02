package io.pinhole.rule;

import org.jspecify.annotations.Nullable;

/** The compiled form of a rule. */
final class RuleCode {
    final RuleOrigin origin;
    final Rule model;
    private final Step[] steps; // as written
    private final Step[] ordered;
    private final Tally tally;
    private final int counter;

    RuleCode(Rule model, Step[] steps, Tally tally) {
        this.model = model;
        origin = model.origin();
        this.steps = steps;
        ordered = constantFirst(model, steps);
        this.tally = tally;
        counter = tally.add(0, 0);
    }

    /**
     * Of the tests that a rule begins with, those come first that are the same for every packet of
     * a flow: where one of them fails nothing else of the packet was asked, and the walk can be
     * remembered. It is all the same in which order tests are made; what guards another test (a
     * protocol, before a field of its header) is the same for every packet and stays before it.
     */
    private static Step[] constantFirst(Rule model, Step[] steps) {
        int tests = 0;
        for (Statement statement : model.statements()) {
            if (!RuleCompiler.isStep(statement)) {
                continue;
            }
            if (!isTest(statement)) {
                break;
            }
            tests++;
        }
        Step[] ordered = steps.clone();
        int next = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < tests; i++) {
                if ((steps[i].reads == 0) == (pass == 0)) {
                    ordered[next++] = steps[i];
                }
            }
        }
        return ordered;
    }

    private static boolean isTest(Statement statement) {
        return switch (statement) {
            case Statement.InRange s -> true;
            case Statement.AnyBit s -> true;
            case Statement.InSet s -> s.set().living() == null;
            default -> false;
        };
    }

    Step.Outcome run(PacketFacts facts) {
        Trail trail = facts.trail;
        for (Step step : ordered) {
            Step.Outcome outcome = step.run(facts);
            trail.bits |= step.reads;
            if (step.flags != null) {
                trail.narrow(step.flags, outcome.kind == Step.Outcome.NEXT_STEP);
            }
            if (outcome.kind != Step.Outcome.NEXT_STEP) {
                if (outcome.kind != Step.Outcome.BREAK) {
                    count(facts);
                }
                return outcome;
            }
        }
        count(facts);
        return Step.Outcome.CONTINUED;
    }

    /** What the rule's own {@code counter} statement shows; null where it has none. */
    @Nullable RuleCount counterStatement() {
        int next = 0;
        for (Statement statement : model.statements()) {
            if (!RuleCompiler.isStep(statement)) {
                continue;
            }
            Step step = steps[next++];
            if (statement instanceof Statement.Counter && step instanceof Step.Counter own) {
                return own.count(origin);
            }
        }
        return null;
    }

    /** As {@link #run}, telling which statement broke the rule. */
    Step.Outcome traced(PacketFacts facts, ChainCode chain, RuleTrace trace) {
        int next = 0;
        for (Statement statement : model.statements()) {
            if (!RuleCompiler.isStep(statement)) {
                continue;
            }
            Step.Outcome outcome = steps[next++].run(facts);
            if (outcome.kind == Step.Outcome.BREAK) {
                trace.rule(chain.model(), model, statement, facts);
                return outcome;
            }
            if (outcome.kind != Step.Outcome.NEXT_STEP) {
                count(facts);
                trace.rule(chain.model(), model, null, facts);
                return outcome;
            }
        }
        count(facts);
        trace.rule(chain.model(), model, null, facts);
        return Step.Outcome.CONTINUED;
    }

    private void count(PacketFacts facts) {
        facts.trail.counted(counter);
        tally.count(counter, facts.packet.ipLength());
    }

    RuleCount count() {
        return new RuleCount(origin, tally.packets(counter), tally.bytes(counter));
    }
}
