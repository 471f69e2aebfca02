package io.pinhole.validate.check;

import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.run.Bench;
import io.pinhole.validate.run.Stories;
import io.pinhole.validate.run.Story;
import io.pinhole.validate.run.Trial;
import io.pinhole.validate.space.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A change as a test that was run under both rule sets: it says what the new one does, and the old
 * one does otherwise.
 *
 * @param steps lines of the test; empty if no trial brought the packet about
 */
public record Evidence(Change change, List<String> steps) {
    public Evidence {
        steps = List.copyOf(steps);
    }

    /**
     * Plays the example of each change.
     *
     * @param options of the path, without addresses of the host itself
     */
    public static List<Evidence> of(
            List<Change> changes, RuleSet before, RuleSet after, PathOptions options) {
        Bench old = new Bench(before, options);
        Bench now = new Bench(after, options);
        boolean interfaces =
                options.interfaces().isEmpty()
                        && !(before.interfaceRules().isEmpty() && after.interfaceRules().isEmpty());
        List<Evidence> out = new ArrayList<>();
        for (Change change : changes) {
            List<String> steps = null;
            for (Story story :
                    Stories.of(
                            change.example(),
                            change.before(),
                            new Stories.Where(own(change.view()), interfaces))) {
                steps = steps == null ? play(story, change, old, now) : steps;
            }
            out.add(new Evidence(change, steps == null ? List.of() : steps));
        }
        return out;
    }

    private static Stories.Own own(View view) {
        return switch (view) {
            case THROUGH -> Stories.Own.NONE;
            case INBOUND -> Stories.Own.SERVER;
            case OUTBOUND -> Stories.Own.CLIENT;
        };
    }

    /** What the new rule set does with it, if the old one does otherwise. */
    private static @Nullable List<String> play(Story story, Change change, Bench old, Bench now) {
        Trial.Played before = Trial.play(story, old);
        Trial.Played after = Trial.play(story, now);
        if (before == null
                || after == null
                || before.passes() == change.opened()
                || after.passes() != change.opened()) {
            return null;
        }
        Trial.Played passed = change.opened() ? after : before;
        return passed.packet().ct() == change.example().state() ? after.steps() : null;
    }
}
