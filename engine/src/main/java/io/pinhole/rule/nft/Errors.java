package io.pinhole.rule.nft;

import io.pinhole.rule.RuleError;
import java.util.ArrayList;
import java.util.List;

/** Errors of one run, up to a limit. */
final class Errors {
    private final List<RuleError> list = new ArrayList<>();
    private int more;

    void add(Fault fault) {
        add(fault.at, fault.text);
    }

    void add(Span at, String message) {
        RuleError error = at.source().error(at, message);
        if (list.contains(error)) {
            return;
        }
        if (list.size() >= NftReader.MAX_ERRORS) {
            more++;
            return;
        }
        list.add(error);
    }

    boolean isEmpty() {
        return list.isEmpty();
    }

    /** True if reading on would only count. */
    boolean isFull() {
        return more > 0;
    }

    List<RuleError> list() {
        List<RuleError> out = new ArrayList<>(list);
        if (more > 0) {
            RuleError last = list.getLast();
            out.add(new RuleError(last.file(), 0, 0, "too many errors, the rest is not shown", ""));
        }
        return out;
    }
}
