package io.pinhole.rule.text;

import io.pinhole.rule.RuleError;
import java.util.ArrayList;
import java.util.List;

/** Errors of one run, up to a limit. */
public final class Errors {
    /** Errors reported in one run. */
    public static final int MAX = 50;

    private final List<RuleError> list = new ArrayList<>();
    private int more;

    public void add(Fault fault) {
        add(fault.at, fault.text);
    }

    public void add(Span at, String message) {
        RuleError error = at.source().error(at, message);
        if (list.contains(error)) {
            return;
        }
        if (list.size() >= MAX) {
            more++;
            return;
        }
        list.add(error);
    }

    public boolean isEmpty() {
        return list.isEmpty();
    }

    /** True if reading on would only count. */
    public boolean isFull() {
        return more > 0;
    }

    public List<RuleError> list() {
        List<RuleError> out = new ArrayList<>(list);
        if (more > 0) {
            RuleError last = list.getLast();
            out.add(new RuleError(last.file(), 0, 0, "too many errors, the rest is not shown", ""));
        }
        return out;
    }
}
