package io.pinhole.rule.nft;

import io.pinhole.rule.LimitRate;
import io.pinhole.rule.QuotaSize;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.Map;

/** Reads what follows {@code limit} and {@code quota}, in rules and in named objects. */
final class RateParser {
    private static final Map<String, Long> UNITS =
            Map.of("second", 1L, "minute", 60L, "hour", 3600L, "day", 86_400L, "week", 604_800L);

    /** NFT_LIMIT_PKT_BURST_DEFAULT. */
    static final long DEFAULT_BURST = 5;

    private static final long MAX_U32 = 0xffff_ffffL;

    private final ValueParser at;

    RateParser(ValueParser at) {
        this.at = at;
    }

    /** {@code rate [over|until] N/UNIT [burst N packets]} or in bytes. */
    LimitRate limit() {
        at.expect("rate", "after 'limit'");
        boolean over = at.accept("over");
        if (!over) {
            at.accept("until");
        }
        Span start = at.in.peek().at();
        long amount = at.number("a rate", MAX_U32 * 1024);
        long factor = 1;
        boolean bytes = false;
        String unit;
        Token token = at.in.next();
        if (token.is("/")) {
            token = at.in.next();
            unit = token.text();
        } else {
            // nft's scanner takes kbytes/second for one word.
            String[] sizes = token.text().split("/", 2);
            bytes = true;
            factor = byteUnit(sizes[0], token);
            if (sizes.length == 2) {
                unit = sizes[1];
            } else {
                at.expect("/", "between bytes and time");
                token = at.in.next();
                unit = token.text();
            }
        }
        Long seconds = UNITS.get(unit);
        if (seconds == null) {
            throw token.at()
                    .fault(
                            "expected second, minute, hour, day or week, found '"
                                    + SourceText.printable(unit)
                                    + "'"
                                    + Words.hint(unit, UNITS.keySet()));
        }
        if (amount == 0) {
            throw start.fault("a rate is at least 1");
        }
        long burst = bytes ? 0 : DEFAULT_BURST;
        if (at.accept("burst")) {
            Span burstAt = at.in.peek().at();
            burst = at.number("a burst", MAX_U32);
            Token size = at.in.next();
            if (bytes) {
                burst = times(burst, byteUnit(size.text(), size), burstAt);
            } else if (!size.is("packets")) {
                throw size.at().fault("expected 'packets', found " + size.found());
            }
            if (burst > MAX_U32) {
                throw burstAt.fault("a burst is at most " + MAX_U32);
            }
            if (!bytes && burst == 0) {
                throw burstAt.fault("a burst of packets is at least 1");
            }
        }
        return new LimitRate(bytes, times(amount, factor, start), seconds, burst, over);
    }

    private static long byteUnit(String unit, Token token) {
        return switch (unit) {
            case "bytes" -> 1;
            case "kbytes" -> 1024;
            case "mbytes" -> 1024 * 1024;
            default ->
                    throw token.at()
                            .fault("expected bytes, kbytes or mbytes, found " + token.found());
        };
    }

    private static long times(long a, long b, Span start) {
        if (Math.multiplyHigh(a, b) != 0 || a * b < 0) {
            throw start.fault("number is too large");
        }
        return a * b;
    }

    /** {@code [over|until] N bytes [used N bytes]}. */
    QuotaSize quota() {
        boolean over = at.accept("over");
        if (!over) {
            at.accept("until");
        }
        long bytes = size();
        long used = at.accept("used") ? size() : 0;
        return new QuotaSize(bytes, used, over);
    }

    private long size() {
        Span start = at.in.peek().at();
        long amount = at.number("a number of bytes", Long.MAX_VALUE);
        Token unit = at.in.next();
        return times(amount, byteUnit(unit.text(), unit), start);
    }
}
