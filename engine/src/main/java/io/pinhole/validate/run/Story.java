package io.pinhole.validate.run;

import io.pinhole.core.CtState;
import io.pinhole.core.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a test that lead up to one packet, which stands in the last.
 *
 * @param setup lines at the head of the test
 * @param lines what happens
 */
public record Story(List<String> setup, List<Line> lines) {
    /**
     * One line.
     *
     * @param before its text up to the place of the verdict
     * @param after the rest
     * @param says whether it passes unless a verdict is written
     * @param expanded the same packet by packet, where it stands for more than one
     */
    record Line(String before, String after, boolean says, List<Line> expanded) {
        Line {
            expanded = List.copyOf(expanded);
        }

        static Line packet(String text) {
            return new Line(text, "", false, List.of());
        }

        static Line say(String side, String text) {
            return new Line(side, ": " + text, true, List.of());
        }

        String text(Verdict verdict) {
            return before
                    + (says && verdict == Verdict.ACCEPT ? "" : " " + verdict.label())
                    + after;
        }
    }

    public Story {
        setup = List.copyOf(setup);
        lines = List.copyOf(lines);
    }

    /** The story with its line of this number packet by packet. */
    Story expanded(int at) {
        List<Line> out = new ArrayList<>(lines);
        out.remove(at);
        out.addAll(at, lines.get(at).expanded());
        return new Story(setup, out);
    }

    /** Ends with this line instead, as all lines before it passed. */
    Story upTo(int last) {
        return new Story(setup, lines.subList(0, last + 1));
    }

    /**
     * The steps of the test, all lines but the last accepted.
     *
     * @param ct of the last packet; null leaves it open
     */
    public List<String> steps(Verdict last, @Nullable CtState ct) {
        List<String> out = new ArrayList<>(setup);
        for (int i = 0; i < lines.size() - 1; i++) {
            out.add(lines.get(i).text(Verdict.ACCEPT));
        }
        Line line = lines.getLast();
        String text = line.text(last);
        out.add(ct == null || line.says ? text : text + " " + ct.label());
        return out;
    }
}
