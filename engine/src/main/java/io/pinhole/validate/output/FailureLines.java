package io.pinhole.validate.output;

import io.pinhole.validate.run.Judged;
import io.pinhole.validate.run.TestResult.Failure;
import java.util.ArrayList;
import java.util.List;

/**
 * What stands below a failure's message: the packet, its walk through the rules, more. Bounded for
 * those who show it in a box or a list: both ends stay, as the walk's end says what decided.
 */
final class FailureLines {
    static final int MOST_LINES = 40;
    static final int WIDEST = 400;

    private FailureLines() {}

    static List<String> of(Failure failure) {
        List<String> lines = new ArrayList<>();
        Judged packet = failure.packet();
        if (packet != null) {
            lines.add("packet " + packet.number() + ": " + packet.what());
        }
        lines.addAll(failure.walk());
        lines.addAll(failure.details());
        return bounded(lines);
    }

    /** Each safe to print, none too long, and not too many. */
    static List<String> bounded(List<String> lines) {
        int left = lines.size() - MOST_LINES + 1;
        if (left <= 1) {
            return lines.stream().map(FailureLines::narrow).toList();
        }
        List<String> out = new ArrayList<>(MOST_LINES);
        int head = MOST_LINES / 2;
        lines.subList(0, head).forEach(l -> out.add(narrow(l)));
        out.add("… " + left + " lines left out");
        lines.subList(head + left, lines.size()).forEach(l -> out.add(narrow(l)));
        return out;
    }

    private static String narrow(String line) {
        String text = Plain.text(line);
        if (text.length() <= WIDEST) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(WIDEST - 2)) ? WIDEST - 2 : WIDEST - 1;
        return text.substring(0, end) + "…";
    }
}
