package io.pinhole.rule.nft;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.Action;
import io.pinhole.rule.Element;
import io.pinhole.rule.Expr;
import io.pinhole.rule.text.Span;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A value as written, before it is known what it is compared with. */
sealed interface Raw {
    Span at();

    /** A word or string. */
    record Text(String text, boolean quoted, Span at) implements Raw {}

    record Int(long value, Span at) implements Raw {}

    record Address(IpAddress address, Span at) implements Raw {}

    record Mac(long bits, Span at) implements Raw {}

    record Time(long millis, Span at) implements Raw {}

    record Prefix(Raw of, long length, Span at) implements Raw {}

    record Between(Raw low, Raw high, Span at) implements Raw {}

    /** Values that operators may join: what is made of them is walked recursively. */
    int MAX_TERMS = 128;

    String TOO_MANY_TERMS = "more than " + MAX_TERMS + " values joined by operators";

    /**
     * Two values joined; through defines the sides can be of any depth, so they are counted.
     *
     * @param at where they are joined
     */
    static Raw combine(Expr.Operator operator, Raw left, Raw right, Span at) {
        int terms = terms(left) + terms(right);
        if (terms > MAX_TERMS) {
            throw at.fault(TOO_MANY_TERMS);
        }
        return new Combined(operator, left, right, left.at(), terms);
    }

    private static int terms(Raw raw) {
        return raw instanceof Combined combined ? combined.terms : 1;
    }

    /** {@code a | b} and its kin, of constants; made by {@link #combine}. */
    record Combined(Expr.Operator operator, Raw left, Raw right, Span at, int terms)
            implements Raw {}

    /** {@code a, b}: flags. */
    record Flags(List<Raw> items, Span at) implements Raw {}

    /** {@code a . b}. */
    record Parts(List<Raw> parts, Span at) implements Raw {}

    /** {@code { a, b : c }}. */
    record Braces(List<Item> items, Span at) implements Raw {}

    /** {@code @name}. */
    record Named(String name, Span at) implements Raw {}

    /** A verdict; only right of a map's colon. */
    record Verdict(Action action, Span at) implements Raw {}

    /** {@code *}. */
    record Any(Span at) implements Raw {}

    /**
     * One element between braces.
     *
     * @param life timeout and statements of its own
     */
    record Item(Raw key, @Nullable Raw data, Element.@Nullable Life life) {}
}
