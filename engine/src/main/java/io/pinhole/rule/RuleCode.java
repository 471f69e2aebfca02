package io.pinhole.rule;

/** The compiled form of a rule. */
final class RuleCode {
    final RuleOrigin origin;
    private final Step[] steps;
    private long packets;
    private long bytes;

    RuleCode(RuleOrigin origin, Step[] steps) {
        this.origin = origin;
        this.steps = steps;
    }

    Step.Outcome run(PacketFacts facts) {
        for (Step step : steps) {
            Step.Outcome outcome = step.run(facts);
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

    private void count(PacketFacts facts) {
        packets++;
        bytes += facts.packet.ipLength();
    }

    RuleCount count() {
        return new RuleCount(origin, packets, bytes);
    }
}
