package io.pinhole.rule.iptables;

import io.pinhole.rule.text.Span;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The words of a rule, one after another. */
final class Arguments {
    private final List<Word> words;
    private int next;

    Arguments(List<Word> words) {
        this.words = words;
    }

    boolean more() {
        return next < words.size();
    }

    @Nullable Word peek() {
        return more() ? words.get(next) : null;
    }

    Word take() {
        return words.get(next++);
    }

    /** The value of an option. */
    Word value(Word option) {
        if (!more()) {
            throw option.fault("'" + option.text() + "' needs a value");
        }
        Word value = take();
        if (value.is("!")) {
            throw value.fault("write '! " + option.text() + "', the '!' before the option");
        }
        return value;
    }

    /** True if the next word is this; takes it then. */
    boolean accept(String text) {
        Word word = peek();
        if (word != null && word.is(text)) {
            next++;
            return true;
        }
        return false;
    }

    Span end() {
        return words.getLast().at();
    }
}
