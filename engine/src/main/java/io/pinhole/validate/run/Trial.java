package io.pinhole.validate.run;

import io.pinhole.core.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Plays stories to see what becomes of their last packet. */
public final class Trial {
    /**
     * How far a story went.
     *
     * @param story up to the packet that was judged last
     * @param whole true if that is the story's own last packet
     * @param packet with its verdict
     */
    public record Played(Story story, boolean whole, Judged packet) {
        public boolean passes() {
            return whole && packet.verdict() == Verdict.ACCEPT;
        }

        /** The steps of a test that holds. */
        public List<String> steps() {
            return story.steps(packet.verdict(), packet.ct());
        }
    }

    private Trial() {}

    /**
     * Plays a story until it ends or a packet is refused.
     *
     * @return null if it cannot be played
     */
    public static @Nullable Played play(Story story, Bench bench) {
        List<String> steps = story.steps(Verdict.ACCEPT, null);
        TestResult result = bench.run(steps, PacketTap.NONE);
        if (result == null) {
            return null;
        }
        TestResult.Failure failure = result.failure();
        if (failure == null) {
            // It passed: asked for the contrary, the last line tells of its packet.
            result = bench.run(story.steps(Verdict.DROP, null), PacketTap.NONE);
            failure = result == null ? null : result.failure();
            Judged packet = failure == null ? null : failure.packet();
            return packet == null ? null : new Played(story, true, packet);
        }
        Judged packet = failure.packet();
        int line = failure.at().line() - result.test().at().line() - 1 - story.setup().size();
        if (packet == null || line < 0 || line >= story.lines().size()) {
            return null;
        }
        Story.Line at = story.lines().get(line);
        if (!at.expanded().isEmpty()) {
            Played inner = play(story.upTo(line).expanded(line), bench);
            return inner == null ? null : new Played(inner.story(), false, inner.packet());
        }
        Played played = new Played(story.upTo(line), line == story.lines().size() - 1, packet);
        TestResult again = bench.run(played.steps(), PacketTap.NONE);
        return again != null && again.passed() ? played : null;
    }

    /** The first of these stories that ends as wanted. */
    public static @Nullable Played first(
            List<Story> stories, Bench bench, Predicate<Played> wanted) {
        for (Story story : stories) {
            Played played = play(story, bench);
            if (played != null && wanted.test(played)) {
                return played;
            }
        }
        return null;
    }

    /** The lines of a whole test. */
    public static List<String> test(String name, List<String> steps) {
        List<String> out = new ArrayList<>();
        out.add("test \"" + name.replace("\\", "\\\\").replace("\"", "\\\"") + '"');
        steps.forEach(s -> out.add("  " + s));
        return out;
    }
}
