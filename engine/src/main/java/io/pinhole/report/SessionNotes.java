package io.pinhole.report;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import io.pinhole.report.Page.Style;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What there is to tell of one session, as short lines, until its control event comes: the first
 * ones, then only trouble.
 */
final class SessionNotes {
    private static final int PLAIN_NOTES = 20;
    private static final int TROUBLE_NOTES = 12;
    private static final int KIND_COLUMNS = 9;

    private final List<Note> notes = new ArrayList<>();
    private int plain;
    private int troubled;
    private long left;
    private boolean trouble;

    /** One line; all strings are printable. */
    private record Note(
            long position,
            String kind,
            String text,
            String outcome,
            Style style,
            @Nullable FlowKey flow) {}

    boolean trouble() {
        return trouble;
    }

    int size() {
        return notes.size();
    }

    /**
     * @param room false if nothing more can be kept anywhere
     */
    void add(Event event, Totals totals, boolean room) {
        boolean bad = isTrouble(event);
        trouble |= bad;
        boolean keep = room && (plain < PLAIN_NOTES || bad && troubled < TROUBLE_NOTES);
        if (!keep) {
            left++;
            return;
        }
        if (plain < PLAIN_NOTES) {
            plain++;
        } else {
            troubled++;
        }
        Note note = note(event, totals);
        if (note != null) {
            notes.add(note);
        }
    }

    private static boolean isTrouble(Event event) {
        return switch (event) {
            case Event.Alert _ -> true;
            case Event.Data d -> !d.complete() || Diagnoser.isBlocked(d.verdict());
            case Event.Pinhole p ->
                    switch (p.outcome()) {
                        case USED, REPLACED, REFUSED ->
                                false; // a refusal that matters has its alert
                        case UNUSED, EXPIRED, CLOSED -> true;
                    };
            case Event.Control _, Event.Elsewhere _ -> false;
        };
    }

    private static @Nullable Note note(Event event, Totals totals) {
        return switch (event) {
            case Event.Pinhole p -> note(p, totals);
            case Event.Data d -> note(d);
            case Event.Alert a ->
                    new Note(
                            a.position(),
                            "alert",
                            "",
                            a.kind().label()
                                    + ": "
                                    + Printable.clip(Printable.withoutPassword(a.detail()), 240),
                            Style.BAD,
                            a.flow());
            case Event.Control _, Event.Elsewhere _ -> null;
        };
    }

    private static Note note(Event.Pinhole p, Totals totals) {
        String text = text(p);
        String by =
                p.usedBy() == 0 ? "" : totals.reference(p.usedBy(), Positions.file(p.position()));
        if (!p.helper()) {
            String came = by.isEmpty() ? "no connection came" : "connection came in " + by;
            return new Note(
                    p.position(),
                    p.mode().label(),
                    text,
                    "no pinhole (" + (p.reason() == null ? "no helper" : p.reason()) + "), " + came,
                    Style.WARN,
                    null);
        }
        String why = p.reason() == null ? "" : ": " + Printable.clip(p.reason(), 120);
        String outcome =
                switch (p.outcome()) {
                    case USED -> by.isEmpty() ? "pinhole used" : "pinhole used by " + by;
                    case UNUSED -> "pinhole not used";
                    case EXPIRED -> "pinhole expired unused";
                    case REPLACED -> "pinhole replaced unused";
                    case CLOSED -> "pinhole closed unused";
                    case REFUSED -> "pinhole refused";
                };
        Style style =
                switch (p.outcome()) {
                    case USED -> Style.GOOD;
                    case REPLACED -> Style.DIM;
                    case UNUSED, EXPIRED, CLOSED -> p.reason() == null ? Style.WARN : Style.BAD;
                    case REFUSED -> Style.WARN;
                };
        return new Note(p.position(), p.mode().label(), text, outcome + why, style, null);
    }

    /** Where the pinhole leads; the announcement itself where there is more to it. */
    private static String text(Event.Pinhole p) {
        String line = '"' + Printable.clip(Printable.withoutPassword(p.text()), 60) + '"';
        IpAddress to = p.destination();
        if (to == null || p.outcome() == PinholeOutcome.REFUSED) {
            return line;
        }
        String way = p.source() + " > " + FlowKey.endpoint(to, p.destinationPort());
        return p.announced() == null || to.equals(p.announced()) ? way : line + "  " + way;
    }

    private static Note note(Event.Data d) {
        String kind = d.command() == null ? "data" : Printable.clip(d.command(), 8);
        String file = d.file() == null ? "" : Printable.clip(d.file(), 60);
        if (Diagnoser.isBlocked(d.verdict())) {
            String by = "blocked by " + Printable.clip(d.rule().text(), 60);
            return new Note(d.position(), kind, file, by, Style.BAD, null);
        }
        String size =
                Units.bytes(d.bytes()) + " in " + Units.duration(d.endNanos() - d.timeNanos());
        String text = file.isEmpty() ? size : file + "  " + size;
        return d.complete()
                ? new Note(d.position(), kind, text, "complete", Style.GOOD, null)
                : new Note(d.position(), kind, text, "incomplete", Style.WARN, null);
    }

    /**
     * Prints the lines in packet order, with numbers aligned.
     *
     * @param control flow that need not be said again; null if there is none
     */
    void print(Page page, Totals totals, int file, @Nullable FlowKey control) {
        notes.sort(Comparator.comparingLong(Note::position).thenComparing(n -> n.flow != null));
        int gutter = 3;
        for (Note note : notes) {
            gutter = Math.max(gutter, totals.reference(note.position, file).length());
        }
        for (Note note : notes) {
            String number = totals.reference(note.position, file);
            page.put("  ").put(Style.DIM, " ".repeat(gutter - number.length()) + number);
            page.put("  ").put(note.kind);
            int text = gutter + 4 + KIND_COLUMNS;
            page.to(text, 1);
            if (!note.text.isEmpty()) {
                page.put(note.text).put("  ");
            }
            page.put(note.style, note.outcome);
            FlowKey flow = note.flow;
            if (flow != null && !flow.equals(control) && !flow.reversed().equals(control)) {
                page.put("  " + flow);
            }
            page.end(Math.min(text, Page.WIDTH / 2));
        }
        if (left > 0) {
            page.put("  … and " + Units.count(left) + " more (--json lists all)").end();
        }
    }
}
