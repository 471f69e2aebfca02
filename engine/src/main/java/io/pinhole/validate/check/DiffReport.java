package io.pinhole.validate.check;

import io.pinhole.report.JsonLine;
import io.pinhole.report.Page;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Witness;
import java.io.OutputStream;
import java.util.Locale;

/** Differences for people, and as JSON, one object a line. */
public final class DiffReport {
    private DiffReport() {}

    /** Prints them as diff does: what passes now with +, what does no longer with -. */
    public static void text(
            OutputStream out, boolean colour, RuleDiff.Difference difference, String... names) {
        Page page = new Page(out, colour);
        page.put(Page.Style.BAD, "--- " + names[0]);
        page.end();
        page.put(Page.Style.GOOD, "+++ " + names[1]);
        page.end();
        String heading = "";
        boolean forward = difference.changes().stream().allMatch(c -> c.view() == View.THROUGH);
        for (Change change : difference.changes()) {
            String where = forward ? "" : " " + change.view().name().toLowerCase(Locale.ROOT);
            String now = change.kind().text() + where;
            if (!now.equals(heading)) {
                heading = now;
                page.put(Page.Style.CODE, "@@ " + heading + " @@");
                page.end();
            }
            Page.Style style = change.opened() ? Page.Style.GOOD : Page.Style.BAD;
            page.put(style, (change.opened() ? "+ " : "- ") + change.region());
            page.end(4);
            Witness example = change.example();
            page.put(Page.Style.DIM, "    such as " + example.text());
            page.put(Page.Style.DIM, "  (ct state " + example.stateText() + ")");
            page.end(6);
        }
        if (difference.isEmpty()) {
            page.put(Page.Style.GOOD, "the same packets pass");
            page.end();
        } else if (!difference.complete()) {
            page.put(Page.Style.WARN, "there are more, in smaller pieces than are listed here");
            page.end();
        }
        page.flush();
    }

    /** One {@code change} a line, then a {@code summary}. */
    public static void json(OutputStream out, RuleDiff.Difference difference) {
        JsonLine line = new JsonLine(out);
        for (Change change : difference.changes()) {
            line.open().field("event", "change");
            line.field("view", change.view().name().toLowerCase(Locale.ROOT));
            line.field("kind", change.kind().name().toLowerCase(Locale.ROOT));
            line.field("change", change.opened() ? "opened" : "closed");
            line.field("region", change.region());
            line.field("packet", change.example().text());
            line.field("ct", change.example().state().label());
            line.close().endLine();
        }
        line.open().field("event", "summary");
        line.field("changes", difference.changes().size());
        line.field("complete", difference.complete());
        line.close().endLine();
        line.flush();
    }
}
