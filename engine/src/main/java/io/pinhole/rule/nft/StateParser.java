package io.pinhole.rule.nft;

import io.pinhole.rule.Element;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads what elements of sets have of their own: timeouts, and statements that count or limit. */
final class StateParser {
    private static final long MAX_U32 = 0xffff_ffffL;

    private final ValueParser at;

    StateParser(ValueParser at) {
        this.at = at;
    }

    /** {@code timeout 1h expires 30m limit rate 3/minute comment "x"}; null where nothing is. */
    Element.@Nullable Life life() {
        long timeout = -1;
        long expires = -1;
        List<Statement> statements = new ArrayList<>();
        while (true) {
            Token token = at.in.peek();
            if (token.is("comment")) {
                at.in.next();
                at.string("a comment");
            } else if (token.is("timeout")) {
                at.in.next();
                long millis = time();
                timeout = millis == 0 ? -1 : millis; // nft 1.0.6: that of the set
            } else if (token.is("expires")) {
                at.in.next();
                expires = time();
            } else {
                Statement statement = statement();
                if (statement == null) {
                    break;
                }
                statements.add(statement);
            }
        }
        return timeout < 0 && expires < 0 && statements.isEmpty()
                ? null
                : new Element.Life(timeout, expires, statements);
    }

    /** A time such as {@code 1h30m}, in milliseconds. */
    long time() {
        Token token = at.in.next();
        if (token.kind() != Token.Kind.TIME) {
            throw token.at().fault("expected a time such as 30s or 1h, found " + token.found());
        }
        return token.number();
    }

    /** A counter, limit, quota or count of connections; null if none is next. */
    @Nullable Statement statement() {
        Token token = at.in.peek();
        return switch (token.kind() == Token.Kind.WORD ? token.text() : "") {
            case "counter" -> {
                Span start = at.in.next().at();
                long[] counted = counted();
                yield new Statement.Counter(counted[0], counted[1], start.pos());
            }
            case "limit" -> {
                Span start = at.in.next().at();
                yield new Statement.Limit(new RateParser(at).limit(), start.pos());
            }
            case "quota" -> {
                Span start = at.in.next().at();
                yield new Statement.Quota(new RateParser(at).quota(), start.pos());
            }
            case "ct" -> connections();
            case "last" ->
                    throw token.at().fault("'last' of a set is " + ValueParser.NOT_EVALUATED);
            default -> null;
        };
    }

    /** {@code packets 3 bytes 180}, or nothing. */
    long[] counted() {
        long[] out = new long[2];
        if (at.accept("packets")) {
            out[0] = at.number("a number of packets", Long.MAX_VALUE);
            at.expect("bytes", "after the packets of a counter");
            out[1] = at.number("a number of bytes", Long.MAX_VALUE);
        }
        return out;
    }

    /** {@code ct count [over] N}. */
    Statement.ConnLimit connections() {
        Span start = at.in.next().at();
        at.expect("count", "after 'ct'");
        boolean over = at.accept("over");
        return new Statement.ConnLimit(
                at.number("a number of connections", MAX_U32), over, start.pos());
    }
}
