package io.pinhole.rule.nft;

import io.pinhole.core.Hook;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads how a chain is attached: its type, hook, priority and policy. */
final class ChainParser {
    private static final Map<String, Integer> PRIORITIES =
            Map.of(
                    "raw",
                    -300,
                    "mangle",
                    -150,
                    "dstnat",
                    -100,
                    "filter",
                    0,
                    "security",
                    50,
                    "srcnat",
                    100);
    private static final int MAX_PRIORITY = Integer.MAX_VALUE;
    private static final Pattern SUM = Pattern.compile("([a-z]*)(?:\\s*([+-]?)\\s*([0-9]{1,8}))?");

    private final ValueParser at;

    ChainParser(ValueParser at) {
        this.at = at;
    }

    /**
     * {@code type filter hook forward priority filter + 10}.
     *
     * @return false if the chain was already attached just so
     */
    boolean attach(TableState.ChainState chain, boolean fresh, Span start, int created) {
        at.in.next();
        Token typeName = at.in.next();
        ChainType type = null;
        for (ChainType t : ChainType.values()) {
            type = typeName.is(t.label()) ? t : type;
        }
        if (type == null) {
            throw typeName.at()
                    .fault(
                            "expected filter, nat or route, found "
                                    + typeName.found()
                                    + Words.hint(
                                            typeName.text(), Set.of("filter", "nat", "route")));
        }
        at.expect("hook", "after the type of a chain");
        Token hookName = at.in.next();
        Hook hook = null;
        for (Hook h : Hook.values()) {
            hook = hookName.is(h.label()) ? h : hook;
        }
        if (hook == null) {
            boolean known = hookName.is("ingress") || hookName.is("egress");
            throw hookName.at()
                    .fault(
                            known
                                    ? "hook '"
                                            + hookName.text()
                                            + "' is "
                                            + ValueParser.NOT_EVALUATED
                                    : "expected a hook, found "
                                            + hookName.found()
                                            + Words.hint(
                                                    hookName.text(),
                                                    java.util.Arrays.stream(Hook.values())
                                                            .map(Hook::label)
                                                            .toList()));
        }
        if (at.in.peek().is("device") || at.in.peek().is("devices")) {
            throw at.in.peek().at().fault("'device' is " + ValueParser.NOT_EVALUATED);
        }
        int priority = priority(hook);
        BaseChain before = chain.base;
        if (before == null && !fresh) {
            throw start.fault("chain '" + chain.name + "' exists as a regular chain (File exists)");
        }
        if (before != null
                && (before.type() != type
                        || before.hook() != hook
                        || before.priority() != priority)) {
            throw start.fault("chain '" + chain.name + "' is already attached in another way");
        }
        if (before != null) {
            return false;
        }
        Token policy = chain.policy;
        chain.base =
                new BaseChain(
                        type,
                        hook,
                        priority,
                        policy == null || policy.is("accept"),
                        created,
                        policy == null ? chain.at.pos() : policy.at().pos());
        return true;
    }

    private int priority(Hook hook) {
        at.expect("priority", "after the hook of a chain");
        Token token = at.in.peek();
        if (token.is("$")) {
            return priorityOf(at.variable(), hook, token.at());
        }
        if (token.is("-")) {
            at.in.next();
            return -(int) at.number("a priority", MAX_PRIORITY);
        }
        if (token.kind() == Token.Kind.NUMBER) {
            return (int) at.number("a priority", MAX_PRIORITY);
        }
        at.in.next();
        int base = named(token.text(), hook, token.at());
        if (at.accept("+")) {
            return Math.addExact(base, (int) at.number("a number", 1 << 24));
        }
        if (at.accept("-")) {
            return Math.subtractExact(base, (int) at.number("a number", 1 << 24));
        }
        return base;
    }

    private static int priorityOf(Raw raw, Hook hook, Span from) {
        if (raw instanceof Raw.Int(long value, Span at)
                && value >= Integer.MIN_VALUE
                && value <= Integer.MAX_VALUE) {
            return (int) value;
        }
        if (raw instanceof Raw.Text(String text, boolean quoted, Span at)) {
            return sum(text, hook, from);
        }
        throw from.fault("this define is no priority");
    }

    /** {@code filter}, {@code filter + 10}, {@code -5}: what a define in quotes may hold. */
    private static int sum(String text, Hook hook, Span from) {
        Matcher parts = SUM.matcher(text);
        if (!parts.matches() || (parts.group(1).isEmpty() && parts.group(2) == null)) {
            throw from.fault("this define is no priority: '" + SourceText.printable(text) + "'");
        }
        int base = parts.group(1).isEmpty() ? 0 : named(parts.group(1), hook, from);
        String digits = parts.group(3);
        if (digits == null) {
            return base;
        }
        int number = Integer.parseInt(digits);
        return "-".equals(parts.group(2)) ? base - number : base + number;
    }

    /** Names stand for numbers; those of NAT only where NAT is done. */
    private static int named(String name, Hook hook, Span at) {
        Integer priority = PRIORITIES.get(name);
        if (priority == null) {
            throw at.fault(
                    "expected a priority, found '"
                            + SourceText.printable(name)
                            + "'"
                            + (name.matches("[a-z]+-[0-9]+")
                                    ? "; write blanks round the '-'"
                                    : Words.hint(name, PRIORITIES.keySet())));
        }
        boolean misplaced =
                (name.equals("dstnat") && hook != Hook.PREROUTING && hook != Hook.OUTPUT)
                        || (name.equals("srcnat")
                                && hook != Hook.POSTROUTING
                                && hook != Hook.INPUT);
        if (misplaced) {
            throw at.fault("priority '" + name + "' does not exist at hook " + hook.label());
        }
        return priority;
    }

    void policy(TableState.ChainState chain, Span start) {
        at.in.next();
        Token token = at.in.peek();
        String text;
        if (token.is("$")) {
            text = at.variable() instanceof Raw.Text(String t, boolean q, Span a) ? t : "";
        } else {
            at.in.next();
            text = token.text();
        }
        if (!text.equals("accept") && !text.equals("drop")) {
            throw token.at()
                    .fault(
                            "a policy is accept or drop, found "
                                    + token.found()
                                    + Words.hint(text, Set.of("accept", "drop")));
        }
        BaseChain base = chain.base;
        if (base == null) {
            // nft takes the policy before the type; RuleSetMaker refuses it without one.
            chain.policy = new Token(Token.Kind.WORD, text, 0, null, start);
            return;
        }
        chain.base =
                new BaseChain(
                        base.type(),
                        base.hook(),
                        base.priority(),
                        text.equals("accept"),
                        base.created(),
                        start.pos());
    }
}
