package io.pinhole.validate.check;

import io.pinhole.rule.Canonical;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Range;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Elements of named sets that lie in others: the kernel merges them or takes the first. */
final class SetChecks {
    private SetChecks() {}

    static List<Finding> findings(List<Table> tables) {
        List<Finding> out = new ArrayList<>();
        for (Table table : tables) {
            for (ElementSet set : table.sets()) {
                if (set.keyTypes().size() == 1) {
                    overlaps(set, out);
                }
            }
        }
        return out;
    }

    private static void overlaps(ElementSet set, List<Finding> out) {
        List<Element> sorted =
                set.elements().stream()
                        .filter(e -> !e.isCatchAll() && !e.key().getFirst().isEmpty())
                        .sorted(Comparator.comparing(e -> e.key().getFirst(), SetChecks::byStart))
                        .toList();
        Element widest = null;
        for (Element element : sorted) {
            Range range = element.key().getFirst();
            if (widest != null && widest.key().getFirst().overlaps(range)) {
                out.add(
                        new Finding(
                                Problem.OVERLAPPING_ELEMENTS,
                                element.at(),
                                "set " + set.name(),
                                List.of(
                                        Canonical.element(element, set)
                                                + " overlaps "
                                                + Canonical.element(widest, set)
                                                + ", "
                                                + widest.at().shortText()),
                                List.of(),
                                List.of("keep one of them"),
                                null));
            }
            if (widest == null || endsLater(range, widest.key().getFirst())) {
                widest = element;
            }
        }
    }

    private static int byStart(Range a, Range b) {
        return Range.compare(a.lowHigh(), a.lowLow(), b.lowHigh(), b.lowLow());
    }

    private static boolean endsLater(Range a, Range b) {
        return Range.compare(a.highHigh(), a.highLow(), b.highHigh(), b.highLow()) > 0;
    }
}
