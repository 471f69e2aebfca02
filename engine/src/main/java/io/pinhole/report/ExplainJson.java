package io.pinhole.report;

import io.pinhole.rule.explain.Explanation;
import java.io.OutputStream;
import java.util.List;

/** An explanation as one JSON object on one line; see docs/explain.md. */
public final class ExplainJson {
    private final JsonLine line;

    public ExplainJson(OutputStream out) {
        line = new JsonLine(out);
    }

    public void write(Explanation e) {
        line.open().field("event", "explanation").field("packet", e.packet());
        line.field("tracking", e.tracking());
        line.field("verdict", e.verdict().label()).field("hook", e.hook().label());
        line.field("rule", e.decidedBy().text());
        array("walk", e.visits(), this::visit);
        array("changes", e.changes(), this::change);
        line.close();
        line.endLine();
        line.flush();
    }

    private interface Item<T> {
        void write(T item);
    }

    private <T> void array(String name, List<T> items, Item<T> item) {
        line.name(name).raw("[");
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) {
                line.raw(",");
            }
            item.write(items.get(i));
        }
        line.raw("]");
    }

    private void visit(Explanation.Visit visit) {
        line.open().field("hook", visit.hook().label()).field("table", visit.table());
        line.field("chain", visit.chain());
        line.field("verdict", visit.verdict().label()).field("by", visit.by().text());
        array("rules", visit.lines(), this::line);
        if (visit.skipped() > 0) {
            line.field("skipped", visit.skipped());
        }
        line.close();
    }

    private void line(Explanation.Line rule) {
        line.open().field("chain", rule.chain()).field("rule", rule.rule().text());
        line.field("text", rule.rule().source()).field("matched", rule.matched());
        if (!rule.matched()) {
            line.field("why", rule.why());
        }
        line.close();
    }

    private void change(Explanation.Change change) {
        line.open();
        array("change", change.what(), what -> line.raw(JsonLine.quoted(what)));
        line.field("rule", change.rule().text());
        String note = change.note();
        if (note != null) {
            line.field("note", note);
        }
        line.field("packet", change.packet().text());
        line.field("options", change.packet().options());
        line.close();
    }
}
