package io.pinhole.validate.check;

import io.pinhole.core.FlowKey;
import io.pinhole.report.JsonLine;
import io.pinhole.report.Page;
import io.pinhole.report.Printable;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Witness;
import java.io.OutputStream;
import java.util.List;
import java.util.Locale;

/** Differences for people, and as JSON, one object a line. */
public final class DiffReport {
    /** Connections of recorded traffic that are listed for people. */
    private static final int SHOWN = 20;

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
            String now = change.kind().text() + (forward ? "" : ", " + where(change.view()));
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

    private static String where(View view) {
        return switch (view) {
            case THROUGH -> "forwarded";
            case INBOUND -> "to this host";
            case OUTBOUND -> "from this host";
        };
    }

    /** What fares otherwise of recorded traffic, a connection a line. */
    public static void effect(
            OutputStream out, boolean colour, OnTraffic.Effect effect, List<String> files) {
        Page page = new Page(out, colour);
        page.put(
                Page.Style.CODE,
                String.format(
                        Locale.ROOT,
                        "@@ on %s: %,d of %,d packets fare otherwise @@",
                        files.size() == 1 ? files.getFirst() : files.size() + " captures",
                        effect.movedPackets(),
                        effect.packets()));
        page.end();
        for (OnTraffic.Moved moved : effect.moved().stream().limit(SHOWN).toList()) {
            FlowKey flow = moved.flow();
            String where = files.size() == 1 ? "" : files.get(moved.file()) + " ";
            page.put(
                    moved.opened() ? Page.Style.GOOD : Page.Style.BAD,
                    (moved.opened() ? "+ " : "- ")
                            + (flow == null ? "other packets" : flow.protocolName() + " " + flow));
            page.put(moved.what().isEmpty() ? "" : "  " + Printable.clip(moved.what(), 80));
            page.end(4);
            page.put(
                    Page.Style.DIM,
                    String.format(
                            Locale.ROOT,
                            "    %s#%d%s: %s; was %s",
                            where,
                            moved.first(),
                            moved.packets() == 1
                                    ? ""
                                    : String.format(
                                            Locale.ROOT, " and %,d more", moved.packets() - 1),
                            moved.after().text(),
                            moved.before().text()));
            page.end(6);
        }
        if (effect.moved().size() > SHOWN) {
            page.put(
                    Page.Style.WARN,
                    String.format(
                            Locale.ROOT,
                            "and %,d more connections (--json has them)",
                            effect.moved().size() - SHOWN));
            page.end();
        }
        page.flush();
    }

    /** One {@code moved} a line, then an {@code effect}. */
    public static void effectJson(OutputStream out, OnTraffic.Effect effect, List<String> files) {
        JsonLine line = new JsonLine(out);
        for (OnTraffic.Moved moved : effect.moved()) {
            line.open().field("event", "moved").field("file", files.get(moved.file()));
            line.field("packet", moved.first()).field("packets", moved.packets());
            FlowKey flow = moved.flow();
            if (flow != null) {
                line.field("flow", flow);
            }
            if (!moved.what().isEmpty()) {
                line.field("what", moved.what());
            }
            line.field("before", moved.before().text()).field("after", moved.after().text());
            line.close().endLine();
        }
        line.open().field("event", "effect").field("packets", effect.packets());
        line.field("moved", effect.movedPackets()).field("connections", effect.moved().size());
        line.close().endLine();
        line.flush();
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
