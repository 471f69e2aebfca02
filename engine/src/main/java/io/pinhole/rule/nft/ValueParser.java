package io.pinhole.rule.nft;

import io.pinhole.rule.Action;
import io.pinhole.rule.Element;
import io.pinhole.rule.Expr;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Reads values, sets and verdicts; what rules, sets and defines have in common. */
class ValueParser {
    /** Braces and brackets in each other; people write two. */
    static final int MAX_DEPTH = 32;

    /** The closest of four levels of precedence; or is level 0. */
    static final int SHIFTS = 3;

    static final String NOT_EVALUATED = "valid nft, not evaluated by Pinhole";

    /** Words that nft takes for keywords where it expects a name (seen with nft 1.0.6). */
    private static final Set<String> RESERVED =
            Set.of(
                    """
                    ip ip6 tcp udp icmp icmpv6 sctp dccp udplite th ct meta log counter limit \
                    quota accept drop reject return jump goto continue queue notrack masquerade \
                    snat dnat redirect flow comment set map element chain table rule add delete \
                    insert iif oif iifname oifname mark pkttype fib rt socket ether vlan arp esp \
                    ah comp hook type policy priority define include flush list position index \
                    handle dup fwd osf xt numgen jhash symhash tproxy synproxy secmark flowtable \
                    size timeout expires flags constant interval dynamic elements typeof all and \
                    or xor not eq ne lt gt le ge inet netdev bridge ruleset import export monitor \
                    describe reset replace rename create undefine redefine exists missing\
                    """
                            .split(" "));

    final Lexer in;
    final Budget budget;
    Scope.View view;
    private int depth;

    ValueParser(Lexer in, Scope.View view, Budget budget) {
        this.in = in;
        this.view = view;
        this.budget = budget;
    }

    // ---- tokens ----

    Token expect(String symbolOrWord, String where) {
        Token token = in.next();
        if (!token.is(symbolOrWord)) {
            throw token.at()
                    .fault("expected '" + symbolOrWord + "' " + where + ", found " + token.found());
        }
        return token;
    }

    boolean accept(String symbolOrWord) {
        if (in.peek().is(symbolOrWord)) {
            in.next();
            return true;
        }
        return false;
    }

    /** A name that someone chose: of a table, chain, set, object. */
    Token name(String of) {
        Token token = in.next();
        if (token.kind() != Token.Kind.WORD || token.text().endsWith("*")) {
            throw token.at().fault("expected the name of " + of + ", found " + token.found());
        }
        if (RESERVED.contains(token.text())) {
            throw token.at()
                    .fault("'" + token.text() + "' is a word of the language, no name of " + of);
        }
        return token;
    }

    String string(String what) {
        Token token = in.next();
        if (token.kind() != Token.Kind.STRING && token.kind() != Token.Kind.WORD) {
            throw token.at().fault("expected " + what + ", found " + token.found());
        }
        return token.text();
    }

    long number(String what, long max) {
        Token token = in.peek();
        Raw raw = token.is("$") ? variable() : null;
        if (raw == null) {
            in.next();
        }
        long value =
                raw instanceof Raw.Int(long v, Span at)
                        ? v
                        : token.kind() == Token.Kind.NUMBER ? token.number() : -1;
        if (value < 0) {
            throw token.at().fault("expected " + what + ", found " + token.found());
        }
        if (value > max) {
            throw token.at().fault(what + " is at most " + max);
        }
        return value;
    }

    // ---- values ----

    /** {@code a}, {@code a, b} of flags, {@code a-b}, {@code a/8}, {@code a . b}, braces. */
    Raw value() {
        Raw first = parts();
        if (!in.peek().is(",")) {
            return first;
        }
        List<Raw> items = new ArrayList<>(List.of(first));
        while (accept(",")) {
            items.add(parts());
        }
        return new Raw.Flags(items, first.at());
    }

    private Raw parts() {
        Raw first = interval();
        if (!in.peek().is(".")) {
            return first;
        }
        List<Raw> parts = new ArrayList<>(List.of(first));
        while (accept(".")) {
            parts.add(interval());
        }
        return new Raw.Parts(parts, first.at());
    }

    private Raw interval() {
        Raw low = combined(0);
        if ((low instanceof Raw.Address || low instanceof Raw.Int) && in.peek().is("/")) {
            in.next();
            Token length = in.next();
            if (length.kind() != Token.Kind.NUMBER) {
                throw length.at().fault("expected the length of a prefix, found " + length.found());
            }
            return new Raw.Prefix(low, length.number(), low.at());
        }
        if (in.peek().is("-")) {
            in.next();
            return new Raw.Between(low, combined(0), low.at());
        }
        return low;
    }

    /** Constants and operators between them, of this precedence and those that bind closer. */
    private Raw combined(int level) {
        if (level > SHIFTS) {
            return primary();
        }
        Raw left = combined(level + 1);
        while (true) {
            Expr.Operator operator = operatorAt(level);
            if (operator == null) {
                return left;
            }
            Token token = in.next();
            left = Raw.combine(operator, left, combined(level + 1), token.at());
        }
    }

    Raw shift() {
        return combined(SHIFTS);
    }

    /** The operator that follows, if it is one of this precedence: or, xor, and, shifts. */
    Expr.@Nullable Operator operatorAt(int level) {
        Token token = in.peek();
        return switch (level) {
            case 0 -> token.is("|") || token.is("or") ? Expr.Operator.OR : null;
            case 1 -> token.is("^") || token.is("xor") ? Expr.Operator.XOR : null;
            case 2 -> token.is("&") || token.is("and") ? Expr.Operator.AND : null;
            default ->
                    token.is("<<") || token.is("lshift")
                            ? Expr.Operator.SHIFT_LEFT
                            : token.is(">>") || token.is("rshift")
                                    ? Expr.Operator.SHIFT_RIGHT
                                    : null;
        };
    }

    private Raw primary() {
        Token token = in.peek();
        budget.spend(token.at());
        if (token.is("{")) {
            return braces();
        }
        if (token.is("(")) {
            in.next();
            enter(token.at());
            Raw inner = combined(0);
            leave();
            expect(")", "after the value in brackets");
            return inner;
        }
        if (token.is("$")) {
            return variable();
        }
        if (token.is("@")) {
            in.next();
            Token name = name("a set");
            return new Raw.Named(name.text(), name.at());
        }
        if (token.is("*")) {
            in.next();
            return new Raw.Any(token.at());
        }
        if (token.is("-")) {
            in.next();
            Token number = in.next();
            if (number.kind() != Token.Kind.NUMBER) {
                throw number.at().fault("expected a number after '-', found " + number.found());
            }
            return new Raw.Int(-number.number(), number.at());
        }
        return switch (token.kind()) {
            case WORD, STRING -> {
                in.next();
                yield new Raw.Text(token.text(), token.kind() == Token.Kind.STRING, token.at());
            }
            case NUMBER -> {
                in.next();
                yield new Raw.Int(token.number(), token.at());
            }
            case ADDRESS -> {
                in.next();
                var address = token.address();
                if (address == null) {
                    throw token.at().fault("not an address");
                }
                yield new Raw.Address(address, token.at());
            }
            case MAC -> {
                in.next();
                yield new Raw.Mac(token.number(), token.at());
            }
            case TIME -> {
                in.next();
                yield new Raw.Time(token.number(), token.at());
            }
            case SYMBOL, SEPARATOR, END ->
                    throw token.at().fault("expected a value, found " + token.found());
        };
    }

    void enter(Span at) {
        if (++depth > MAX_DEPTH) {
            throw at.fault("nested deeper than " + MAX_DEPTH);
        }
    }

    void leave() {
        depth--;
    }

    /** {@code $name}: the value, wherever it was defined. */
    Raw variable() {
        Token dollar = expect("$", "before the name of a define");
        Token name = in.next();
        if (name.kind() != Token.Kind.WORD) {
            throw name.at().fault("expected the name of a define, found " + name.found());
        }
        budget.uses(name.text());
        Raw value = Scope.lookup(view, name.text());
        if (value == null) {
            Span whole =
                    new Span(
                            dollar.at().source(),
                            dollar.at().offset(),
                            dollar.at().line(),
                            dollar.at().column(),
                            name.text().length() + 1);
            throw whole.fault(
                    "no define of '"
                            + name.text()
                            + "' above"
                            + Words.hint(name.text(), Scope.names(view)));
        }
        return value;
    }

    // ---- sets ----

    Raw.Braces braces() {
        List<Raw.Item> items = new ArrayList<>();
        Span at =
                items(
                        item -> {
                            budget.keep(item.key().at());
                            items.add(item);
                        });
        return new Raw.Braces(items, at);
    }

    /** Reads {@code { a, b : c }} and hands each on; gives the place of the brace. */
    Span items(Consumer<Raw.Item> to) {
        Token open = expect("{", "before the elements of a set");
        enter(open.at());
        int before = in.blankDepth();
        in.beginBlank();
        while (!in.peek().is("}")) {
            to.accept(item());
            if (!in.peek().is("}")) {
                Token comma = in.next();
                if (!comma.is(",")) {
                    throw comma.at()
                            .fault("expected ',' or '}' after an element, found " + comma.found());
                }
            }
        }
        in.next();
        in.blankDepth(before);
        leave();
        return open.at();
    }

    private Raw.Item item() {
        Raw key = parts();
        Element.Life life = new StateParser(this).life();
        if (life != null) {
            budget.keep(key.at());
        }
        if (!accept(":")) {
            return new Raw.Item(key, null, life);
        }
        Action action = verdictOrNull();
        Raw data = action == null ? parts() : new Raw.Verdict(action, key.at());
        while (accept("comment")) {
            string("a comment");
        }
        return new Raw.Item(key, data, life);
    }

    // ---- verdicts ----

    /** Reads a verdict if one is next. */
    @Nullable Action verdictOrNull() {
        Token token = in.peek();
        if (token.kind() != Token.Kind.WORD) {
            return null;
        }
        return switch (token.text()) {
            case "accept" -> taken(new Action.Accept());
            case "drop" -> taken(new Action.Drop());
            case "return" -> taken(new Action.Return());
            case "continue" -> taken(new Action.Continue());
            case "jump", "goto" -> {
                in.next();
                Span at = in.peek().at();
                String chain = chainName();
                yield token.is("jump")
                        ? new Action.Jump(chain, at.pos())
                        : new Action.Goto(chain, at.pos());
            }
            case "queue" -> throw token.at().fault("verdict 'queue' is " + NOT_EVALUATED);
            default -> null;
        };
    }

    private Action taken(Action action) {
        in.next();
        return action;
    }

    private String chainName() {
        if (in.peek().is("$")) {
            Token token = in.peek();
            if (variable() instanceof Raw.Text(String text, boolean quoted, Span at)) {
                return text;
            }
            throw token.at().fault("this define is not the name of a chain");
        }
        return name("a chain").text();
    }

    /**
     * How much of a rule file there may be, shared by all its files, and which defines were used.
     */
    static final class Budget {
        /** Values read. */
        static final int MAX_VALUES = 20_000_000;

        /** Elements of all sets; some tens of bytes each. */
        static final int MAX_ELEMENTS = 4_000_000;

        /** Elements of defines and of sets in rules; some hundred bytes each. */
        static final int MAX_KEPT = 2_000_000;

        final Set<String> used = new HashSet<>();
        private int left = MAX_VALUES;
        private int room = MAX_KEPT;
        private int elements = MAX_ELEMENTS;

        void spend(Span at) {
            if (--left < 0) {
                throw at.fault("rule set has more than " + MAX_VALUES + " values");
            }
        }

        void element(Span at) {
            if (--elements < 0) {
                throw at.fault("rule set has more than " + MAX_ELEMENTS + " elements of sets");
            }
        }

        void keep(Span at) {
            if (--room < 0) {
                throw at.fault(
                        "rule set has more than " + MAX_KEPT + " elements outside of named sets");
            }
        }

        int room() {
            return room;
        }

        /** Gives back what was kept for a while: the room there was before. */
        void release(int before) {
            room = before;
        }

        void uses(String define) {
            used.add(define);
        }
    }
}
