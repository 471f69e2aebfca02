package io.pinhole.rule.iptables;

import io.pinhole.rule.DataType;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.Range;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads one rule: its own options, then its matches in order, then its target, as the kernel runs
 * them (ipt_do_table).
 */
final class RuleReader {
    private final TableNames names;
    private final Arguments args;
    private final Span at;
    private final long @Nullable [] counters;
    private final String text;
    private final MatchReader matches;
    private final TargetReader target;

    /**
     * @param at the place of {@code -A}
     * @param counters packets and bytes, or null
     * @param text the line, for origins
     */
    RuleReader(TableNames names, Arguments args, Span at, long @Nullable [] counters, String text) {
        this.names = names;
        this.args = args;
        this.at = at;
        this.counters = counters;
        this.text = text;
        matches = new MatchReader(names, args, at);
        target = new TargetReader(names, args, matches);
    }

    /** The rule; two for {@code --ports}, which asks for one port or the other. */
    List<Rule> read() {
        while (args.more()) {
            boolean negated = args.accept("!");
            if (!args.more()) {
                throw args.end().fault("expected an option after '!'");
            }
            option(args.take(), negated);
        }
        target.finish();
        List<List<Statement>> alternatives = matches.alternatives();
        SourcePos pos = at.pos();
        RuleOrigin origin = new RuleOrigin(pos.shortText(), text);
        List<Rule> out = new ArrayList<>();
        for (List<Statement> statements : alternatives) {
            List<Statement> all = new ArrayList<>(statements);
            long[] counted = counters;
            if (counted != null) {
                boolean first = out.isEmpty();
                all.add(new Statement.Counter(first ? counted[0] : 0, first ? counted[1] : 0, pos));
            }
            all.addAll(target.statements());
            out.add(new Rule(all, matches.comment(), origin, pos));
        }
        return out;
    }

    private void option(Word option, boolean negated) {
        switch (option.text()) {
            case "-p", "--protocol", "--proto" -> matches.protocol(args.value(option), negated);
            case "-s", "--source", "--src" -> address(option, true, negated);
            case "-d", "--destination", "--dst" -> address(option, false, negated);
            case "-i", "--in-interface" -> device(option, Field.META_IIFNAME, negated);
            case "-o", "--out-interface" -> device(option, Field.META_OIFNAME, negated);
            case "-f", "--fragment" ->
                    throw option.fault(
                            "'-f' is "
                                    + Parse.NOT_EVALUATED
                                    + ": fragments are judged as their datagram");
            case "-m", "--match" -> {
                refuse(negated, option);
                matches.module(args.value(option));
            }
            case "-j", "--jump" -> {
                refuse(negated, option);
                target.jump(args.value(option), false);
            }
            case "-g", "--goto" -> {
                refuse(negated, option);
                target.jump(args.value(option), true);
            }
            case "-c", "--set-counters" -> {
                args.value(option);
                args.value(option);
            }
            case "-4", "--ipv4", "-6", "--ipv6" -> {
                boolean four = option.is("-4") || option.is("--ipv4");
                if (four != (names.version() == 4)) {
                    throw option.fault("this file holds rules for IPv" + names.version());
                }
            }
            default -> {
                if (!matches.option(option, negated)) {
                    refuse(negated, option);
                    if (!target.option(option)) {
                        throw unknown(option);
                    }
                }
            }
        }
    }

    private static void refuse(boolean negated, Word option) {
        if (negated) {
            throw option.fault("'" + option.text() + "' cannot be negated");
        }
    }

    private RuntimeException unknown(Word option) {
        if (!option.text().startsWith("-")) {
            return option.fault("expected an option, found " + option.found());
        }
        return option.fault(
                "no match or target of this rule has an option "
                        + option.found()
                        + Words.hint(option.text(), MatchReader.OPTIONS));
    }

    /**
     * {@code -s 10.0.0.0/8}; iptables-restore takes several with commas and makes rules of them.
     */
    private void address(Word option, boolean source, boolean negated) {
        Word value = args.value(option);
        int version = names.version();
        Field field =
                version == 4
                        ? source ? Field.IP_SADDR : Field.IP_DADDR
                        : source ? Field.IP6_SADDR : Field.IP6_DADDR;
        String[] parts = value.text().split(",", -1);
        SourcePos pos = option.at().pos();
        if (parts.length > 1) {
            if (negated) {
                throw value.fault("several addresses cannot be negated");
            }
            List<Range> ranges = new ArrayList<>();
            for (String part : parts) {
                ranges.add(Parse.addresses(part, version, value));
            }
            matches.base().add(matches.in(field, ranges, false, pos));
            return;
        }
        Parse.Masked masked = Parse.masked(value.text(), version, value);
        boolean all =
                version == 4
                        ? (masked.maskLow() & Parse.MAX_U32) == 0
                        : masked.maskLow() == 0 && masked.maskHigh() == 0;
        if (all) {
            if (negated) {
                throw value.fault("this never matches");
            }
            return;
        }
        Expr load = new Expr.Load(field);
        if (masked.isPrefix()) {
            matches.base().add(new Statement.InRange(load, masked.range(), negated, false, pos));
            return;
        }
        DataType type = field.type();
        long maskLow = version == 4 ? masked.maskLow() & 0xffff_ffffL : masked.maskLow();
        long maskHigh = version == 4 ? 0 : masked.maskHigh();
        Expr and =
                new Expr.Binary(
                        Expr.Operator.AND, load, new Expr.Constant(type, maskHigh, maskLow));
        Range wanted = Range.of(masked.high() & maskHigh, masked.low() & maskLow);
        matches.base().add(new Statement.InRange(and, wanted, negated, false, pos));
    }

    private void device(Word option, Field field, boolean negated) {
        Word value = args.value(option);
        if (value.is("+")) {
            if (negated) {
                throw value.fault("this never matches");
            }
            return;
        }
        Range range = Parse.interfaces(value.text(), value);
        matches.base()
                .add(
                        new Statement.InRange(
                                new Expr.Load(field), range, negated, false, option.at().pos()));
    }
}
