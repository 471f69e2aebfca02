package io.pinhole.rule.nft;

import io.pinhole.core.Hook;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.Family;
import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.RuleSetCheck;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads the commands of a file and of the files it includes, and makes the rule set of them. */
final class FileParser {
    private static final Set<String> COMMANDS =
            Set.of(
                    "table",
                    "chain",
                    "rule",
                    "add",
                    "create",
                    "insert",
                    "delete",
                    "destroy",
                    "flush",
                    "define",
                    "redefine",
                    "undefine",
                    "include",
                    "set",
                    "map",
                    "element");
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

    private final Errors errors = new Errors();
    private final ValueParser.Budget budget = new ValueParser.Budget();
    private final IncludeResolver includes;
    private final String rootName;
    private final Map<String, Raw> overrides = new HashMap<>();
    private final Map<String, Span> overridesAt = new TreeMap<>();
    private final Set<String> overridden = new HashSet<>();
    private final List<String> openFiles = new ArrayList<>();
    private final List<TableState> tables = new ArrayList<>();
    private final List<TableState.PendingRule> allRules = new ArrayList<>();
    private final Map<String, SourceText> sources = new HashMap<>();
    private Scope scope = new Scope(null);
    private ValueParser at;
    private int files;
    private long characters;
    private int created;

    FileParser(String name, String text, Map<String, String> defines, IncludeResolver includes) {
        this.includes = includes;
        rootName = name;
        SourceText source = new SourceText(name, text);
        sources.put(name, source);
        at = new ValueParser(new Lexer(source), scope.now(), budget);
        openFiles.add(name);
        characters = text.length();
        for (Map.Entry<String, String> define : defines.entrySet()) {
            override(define.getKey(), define.getValue());
        }
    }

    /** Reads the value of {@code -D NAME=VALUE} as a define's would be. */
    private void override(String name, String value) {
        SourceText source = new SourceText("-D " + name, value);
        Lexer lexer = new Lexer(source);
        Span whole = new Span(source, 0, 1, 1, Math.max(1, value.length()));
        overridesAt.put(name, whole);
        try {
            Raw raw = new ValueParser(lexer, scope.now(), budget).value();
            Token end = lexer.next();
            if (end.kind() != Token.Kind.END) {
                throw end.at().fault("expected one value, found " + end.found() + " after it");
            }
            overrides.put(name, raw);
            scope.bind(name, raw);
        } catch (Fault fault) {
            errors.add(fault);
        }
    }

    ReadResult read() {
        commands();
        RuleSet made = make();
        for (Map.Entry<String, Span> define : overridesAt.entrySet()) {
            if (!overridden.contains(define.getKey()) && !budget.used.contains(define.getKey())) {
                errors.add(
                        define.getValue(),
                        "the rule set has no define of this name"
                                + Words.hint(define.getKey(), Scope.names(scope.now())));
            }
        }
        if (errors.isEmpty()) {
            for (RuleSetCheck.Problem problem : RuleSetCheck.check(made)) {
                errors.add(locate(problem.at()), problem.message());
            }
        }
        return errors.isEmpty()
                ? new ReadResult.Loaded(made)
                : new ReadResult.Refused(inOrder(errors.list()));
    }

    /** Rules are read after everything else; their errors belong between the others. */
    private static List<RuleError> inOrder(List<RuleError> list) {
        Map<String, Integer> fileOrder = new LinkedHashMap<>();
        for (RuleError error : list) {
            fileOrder.putIfAbsent(error.file(), fileOrder.size());
        }
        List<RuleError> sorted = new ArrayList<>(list);
        sorted.sort(
                java.util.Comparator.comparing((RuleError e) -> e.line() == 0)
                        .thenComparingInt(e -> fileOrder.getOrDefault(e.file(), 0))
                        .thenComparingInt(RuleError::line)
                        .thenComparingInt(RuleError::column));
        return sorted;
    }

    /** Finds the text of a place that the model remembers. */
    private Span locate(io.pinhole.rule.SourcePos pos) {
        SourceText source = sources.get(pos.file());
        if (source == null) {
            source = new SourceText(pos.file(), "");
        }
        int lineStart = 0;
        for (int line = 1; line < pos.line(); line++) {
            int next = source.text.indexOf('\n', lineStart);
            if (next < 0) {
                break;
            }
            lineStart = next + 1;
        }
        int start = lineStart + pos.column() - 1;
        int width = 1;
        try {
            Lexer lexer = new Lexer(new Lexer.Mark(source, start, pos.line(), lineStart));
            width = lexer.next().at().width();
        } catch (Fault fault) {
            // The width is only how many carets are drawn.
            width = 1;
        }
        return new Span(source, start, pos.line(), pos.column(), width);
    }

    // ---- files and statements ----

    /** Runs something for each statement until the end of the file or, in a block, its brace. */
    private interface Item {
        void read(Token first);
    }

    private void items(boolean block, Item item) {
        while (true) {
            Token token;
            try {
                token = at.in.peek();
            } catch (Fault fault) {
                errors.add(fault);
                recover();
                continue;
            }
            if (token.kind() == Token.Kind.END || (block && token.is("}")) || errors.isFull()) {
                return;
            }
            if (token.kind() == Token.Kind.SEPARATOR) {
                at.in.next();
                continue;
            }
            at.view = scope.now();
            try {
                switch (token.text()) {
                    case "include" -> {
                        include(item);
                        end("include");
                    }
                    case "define", "redefine" -> {
                        define();
                        end("define");
                    }
                    case "undefine" -> {
                        undefine();
                        end("undefine");
                    }
                    default -> item.read(token);
                }
            } catch (Fault fault) {
                errors.add(fault);
                recover();
            }
        }
    }

    private void commands() {
        items(
                false,
                first -> {
                    command(first);
                    end("the command");
                });
    }

    /** A statement ends at the end of its line, at a semicolon or before a closing brace. */
    private void end(String what) {
        Token token = at.in.peek();
        if (token.is("}")) {
            return;
        }
        if (!token.endsStatement()) {
            throw token.at().fault("expected the end of " + what + ", found " + token.found());
        }
    }

    /** Skips to the end of the statement in which something was wrong, blocks included. */
    private void recover() {
        int depth = 0;
        at.in.blankDepth(0);
        while (true) {
            Token token;
            try {
                token = at.in.peek();
            } catch (Fault fault) {
                continue; // the lexer has moved on
            }
            if (token.kind() == Token.Kind.END || (depth == 0 && token.is("}"))) {
                return;
            }
            if (depth == 0 && token.kind() == Token.Kind.SEPARATOR) {
                return;
            }
            if (token.is("{")) {
                depth++;
            } else if (token.is("}")) {
                depth--;
            }
            at.in.next();
        }
    }

    private void include(Item item) {
        Token word = at.in.next();
        Token pattern = at.in.next();
        if (pattern.kind() != Token.Kind.STRING) {
            throw pattern.at()
                    .fault("expected the quoted name of a file, found " + pattern.found());
        }
        if (openFiles.size() >= NftReader.MAX_INCLUDE_DEPTH) {
            throw word.at().fault("includes nest deeper than " + NftReader.MAX_INCLUDE_DEPTH);
        }
        List<IncludeResolver.Included> found;
        try {
            found = includes.resolve(openFiles.getLast(), pattern.text());
        } catch (IOException e) {
            String message = e.getMessage();
            throw pattern.at().fault(message == null ? "cannot be read" : message);
        }
        for (IncludeResolver.Included file : found) {
            included(file, pattern.at(), item);
        }
    }

    private void included(IncludeResolver.Included file, Span from, Item item) {
        if (openFiles.contains(file.name())) {
            throw from.fault("include goes in a circle: " + file.name() + " is being read");
        }
        if (++files > NftReader.MAX_FILES) {
            throw from.fault("more than " + NftReader.MAX_FILES + " files are included");
        }
        characters += file.utf8().length;
        if (characters > NftReader.MAX_TEXT) {
            throw from.fault(
                    "rule files are longer than " + (NftReader.MAX_TEXT >> 20) + " MiB together");
        }
        NftReader.Decoded decoded = NftReader.decode(file.utf8());
        SourceText source = new SourceText(file.name(), decoded.text());
        if (decoded.badAt() >= 0) {
            errors.add(decoded.end(source), "not UTF-8 text");
            return;
        }
        sources.put(file.name(), source);
        ValueParser outer = at;
        openFiles.add(file.name());
        at = new ValueParser(new Lexer(source), scope.now(), budget);
        items(false, item);
        at = outer;
        openFiles.removeLast();
    }

    private void define() {
        boolean again = at.in.next().is("redefine");
        Token name = at.name("a define");
        at.expect("=", "after the name of a define");
        Raw value = at.value();
        if (again != scope.defines(name.text()) && !overrides.containsKey(name.text())) {
            throw name.at()
                    .fault(
                            again
                                    ? "no define of '" + name.text() + "' to replace"
                                    : "'" + name.text() + "' is already defined");
        }
        Raw override = overrides.get(name.text());
        if (override != null) {
            overridden.add(name.text());
        }
        scope.bind(name.text(), override == null ? value : override);
    }

    private void undefine() {
        at.in.next();
        Token name = at.name("a define");
        if (!scope.defines(name.text())) {
            throw name.at().fault("no define of '" + name.text() + "'");
        }
        scope.bind(name.text(), null);
    }

    /** A block between braces with a scope of its own. */
    private void block(Item item) {
        at.expect("{", "before a block");
        scope = new Scope(scope);
        items(true, item);
        Scope inner = scope;
        scope = inner.outer();
        at.view = scope.now();
        at.expect("}", "at the end of the block");
    }

    // ---- commands ----

    private void command(Token first) {
        switch (first.text()) {
            case "table" -> {
                at.in.next();
                tableCommand("add");
            }
            case "add", "create", "delete", "destroy", "flush", "insert" -> {
                at.in.next();
                verb(first.text());
            }
            case "chain",
                    "set",
                    "map",
                    "rule",
                    "element",
                    "flowtable",
                    "counter",
                    "quota",
                    "limit",
                    "ct" ->
                    verb("add");
            case "replace",
                    "rename",
                    "list",
                    "reset",
                    "monitor",
                    "export",
                    "import",
                    "describe",
                    "get" ->
                    throw first.at()
                            .fault(
                                    "command '"
                                            + first.text()
                                            + "' is "
                                            + ValueParser.NOT_EVALUATED);
            default ->
                    throw first.at()
                            .fault(
                                    "expected a command such as 'table', found "
                                            + first.found()
                                            + Words.hint(first.text(), COMMANDS));
        }
    }

    private void verb(String verb) {
        Token what = at.in.next();
        if (verb.equals("insert") && !what.is("rule")) {
            throw what.at().fault("expected 'rule' after 'insert', found " + what.found());
        }
        switch (what.text()) {
            case "ruleset" -> {
                if (!verb.equals("flush")) {
                    throw what.at().fault("only 'flush ruleset' exists");
                }
                Family family = in(Set.of("ip", "ip6", "inet"));
                tables.removeIf(t -> family == null || t.family == family);
            }
            case "table" -> tableCommand(verb);
            case "chain" -> chainCommand(verb);
            case "rule" -> ruleCommand(verb);
            case "set", "map" -> setCommand(verb, what.is("map"));
            case "element" -> elementCommand(verb);
            case "counter", "quota", "limit", "ct", "flowtable" -> objectCommand(verb, what);
            default ->
                    throw what.at()
                            .fault(
                                    "expected what to "
                                            + verb
                                            + ", found "
                                            + what.found()
                                            + Words.hint(what.text(), COMMANDS));
        }
    }

    private @Nullable Family in(Set<String> names) {
        Token token = at.in.peek();
        if (token.kind() != Token.Kind.WORD || !names.contains(token.text())) {
            return null;
        }
        at.in.next();
        return Family.valueOf(token.text().toUpperCase(Locale.ROOT));
    }

    /** {@code [family]}, ip where it is left out. */
    private Family family() {
        Token token = at.in.peek();
        if (token.is("arp") || token.is("bridge") || token.is("netdev")) {
            throw token.at().fault("family '" + token.text() + "' is " + ValueParser.NOT_EVALUATED);
        }
        Family family = in(Set.of("ip", "ip6", "inet"));
        return family == null ? Family.IP : family;
    }

    private @Nullable TableState find(Family family, String name) {
        for (TableState table : tables) {
            if (table.family == family && table.name.equals(name)) {
                return table;
            }
        }
        return null;
    }

    /** {@code [family] TABLE}, which must be there. */
    private TableState table() {
        Family family = family();
        Token name = at.name("a table");
        TableState table = find(family, name.text());
        if (table == null) {
            throw name.at()
                    .fault(
                            "no table '"
                                    + family.label()
                                    + " "
                                    + name.text()
                                    + "'"
                                    + Words.hint(
                                            name.text(),
                                            tables.stream().map(t -> t.name).toList()));
        }
        return table;
    }

    private void tableCommand(String verb) {
        Family family = family();
        Token name = at.name("a table");
        TableState table = find(family, name.text());
        switch (verb) {
            case "add", "create" -> {
                if (table != null && verb.equals("create")) {
                    throw name.at().fault("table '" + name.text() + "' exists");
                }
                if (table == null) {
                    table = new TableState(family, name.text(), name.at());
                    tables.add(table);
                }
                if (at.in.peek().is("{")) {
                    TableState of = table;
                    block(first -> tableItem(of, first));
                }
            }
            default -> {
                if (table == null) {
                    if (verb.equals("destroy")) {
                        return;
                    }
                    throw name.at().fault("no table '" + family.label() + " " + name.text() + "'");
                }
                if (verb.equals("flush")) {
                    table.chains.values().forEach(c -> c.rules.clear());
                } else {
                    tables.remove(table);
                }
            }
        }
    }

    private void tableItem(TableState table, Token first) {
        switch (first.text()) {
            case "chain" -> {
                at.in.next();
                chainBlock(table, "add");
            }
            case "set", "map" -> {
                at.in.next();
                new SetParser(at, errors).declare(table, first.is("map"), false);
            }
            case "flags" -> {
                at.in.next();
                Token flag = at.in.next();
                if (!flag.is("dormant")) {
                    throw flag.at()
                            .fault(
                                    "table flag '"
                                            + flag.text()
                                            + "' is "
                                            + ValueParser.NOT_EVALUATED);
                }
                table.dormant = true;
            }
            case "comment" -> {
                at.in.next();
                at.string("a comment");
            }
            case "counter", "quota", "limit", "ct", "flowtable" -> {
                at.in.next();
                new ObjectParser(at, table).declare(first);
            }
            case "secmark", "synproxy", "tunnel" ->
                    throw first.at()
                            .fault("'" + first.text() + "' is " + ValueParser.NOT_EVALUATED);
            default ->
                    throw first.at()
                            .fault(
                                    "expected chain, set, map, counter, quota, limit, ct or"
                                            + " flowtable, found "
                                            + first.found()
                                            + Words.hint(
                                                    first.text(),
                                                    Set.of(
                                                            "chain",
                                                            "set",
                                                            "map",
                                                            "counter",
                                                            "quota",
                                                            "limit",
                                                            "flowtable")));
        }
        end("the " + first.text());
    }

    private void objectCommand(String verb, Token what) {
        if (!verb.equals("add") && !verb.equals("create")) {
            throw what.at()
                    .fault("'" + verb + " " + what.text() + "' is " + ValueParser.NOT_EVALUATED);
        }
        if (what.is("ct")) {
            Token kind = at.in.next();
            new ObjectParser(at, table()).declareCt(kind);
        } else {
            new ObjectParser(at, table()).declare(what);
        }
    }

    private void setCommand(String verb, boolean map) {
        TableState table = table();
        switch (verb) {
            case "add", "create" -> new SetParser(at, errors).declare(table, map, true);
            default -> {
                Token name = at.name("a set");
                TableState.SetState set = table.sets.get(name.text());
                if (set == null) {
                    if (verb.equals("destroy")) {
                        return;
                    }
                    throw name.at().fault("no set '" + name.text() + "'");
                }
                if (verb.equals("flush")) {
                    set.changes.add(new TableState.Change(false, false, null));
                } else {
                    table.sets.remove(name.text());
                }
            }
        }
    }

    private void elementCommand(String verb) {
        TableState table = table();
        Token name = at.name("a set");
        TableState.SetState set = table.sets.get(name.text());
        if (set == null) {
            throw name.at()
                    .fault(
                            "no set or map '"
                                    + name.text()
                                    + "' in this table"
                                    + Words.hint(name.text(), table.sets.keySet()));
        }
        if (verb.equals("flush")) {
            throw name.at().fault("write 'flush set'");
        }
        boolean add = verb.equals("add") || verb.equals("create");
        Token start = at.in.peek();
        Raw raw = start.is("$") ? at.variable() : at.braces();
        if (!(raw instanceof Raw.Braces braces)) {
            throw start.at().fault("expected elements between braces");
        }
        set.changes.add(new TableState.Change(add, verb.equals("delete"), braces));
    }

    // ---- chains and rules ----

    private void chainCommand(String verb) {
        TableState table = table();
        if (verb.equals("add") || verb.equals("create")) {
            chainBlock(table, verb);
            return;
        }
        Token name = at.name("a chain");
        TableState.ChainState chain = table.chains.get(name.text());
        if (chain == null) {
            if (verb.equals("destroy")) {
                return;
            }
            throw name.at().fault("no chain '" + name.text() + "'");
        }
        if (verb.equals("flush")) {
            chain.rules.clear();
        } else {
            table.chains.remove(name.text());
        }
    }

    private void chainBlock(TableState table, String verb) {
        Token name = at.name("a chain");
        TableState.ChainState chain = table.chains.get(name.text());
        if (chain != null && verb.equals("create")) {
            throw name.at().fault("chain '" + name.text() + "' exists");
        }
        boolean fresh = chain == null;
        if (chain == null) {
            chain = new TableState.ChainState(name.text(), name.at());
            table.chains.put(name.text(), chain);
        }
        TableState.ChainState of = chain;
        if (at.in.peek().is("{")) {
            block(first -> chainItem(table, of, fresh, first));
        }
    }

    private void chainItem(
            TableState table, TableState.ChainState chain, boolean fresh, Token first) {
        switch (first.text()) {
            case "type" -> {
                attach(chain, fresh, first.at());
                end("the chain's type");
            }
            case "policy" -> {
                policy(chain, first.at());
                end("the policy");
            }
            case "comment" -> {
                at.in.next();
                at.string("a comment");
                end("the comment");
            }
            case "flags", "devices", "device" ->
                    throw first.at()
                            .fault("chain '" + first.text() + "' is " + ValueParser.NOT_EVALUATED);
            default -> rule(table, chain, chain.rules.size());
        }
    }

    /** {@code type filter hook forward priority filter + 10}. */
    private void attach(TableState.ChainState chain, boolean fresh, Span start) {
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
        if (before == null) {
            chain.base = new BaseChain(type, hook, priority, true, created++, chain.at.pos());
        }
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
            return named(text, hook, from);
        }
        throw from.fault("this define is no priority");
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

    private void policy(TableState.ChainState chain, Span start) {
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
            throw start.fault("only a base chain has a policy; write 'type … hook …' first");
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

    private void ruleCommand(String verb) {
        if (!verb.equals("add") && !verb.equals("insert") && !verb.equals("create")) {
            throw at.in.peek().at().fault("'" + verb + " rule' is " + ValueParser.NOT_EVALUATED);
        }
        TableState table = table();
        Token name = at.name("a chain");
        TableState.ChainState chain = table.chains.get(name.text());
        if (chain == null) {
            throw name.at()
                    .fault(
                            "no chain '"
                                    + name.text()
                                    + "' in this table"
                                    + Words.hint(name.text(), table.chains.keySet()));
        }
        Token next = at.in.peek();
        if (next.is("handle") || next.is("position")) {
            throw next.at().fault("'" + next.text() + "' is " + ValueParser.NOT_EVALUATED);
        }
        int place = verb.equals("insert") ? 0 : chain.rules.size();
        if (at.accept("index")) {
            int index = (int) at.number("an index", Math.max(0, chain.rules.size() - 1));
            place = verb.equals("insert") ? index : index + 1;
        }
        rule(table, chain, place);
    }

    /** Remembers where the rule starts and walks to its end. */
    private void rule(TableState table, TableState.ChainState chain, int place) {
        TableState.PendingRule rule =
                new TableState.PendingRule(table, at.in.mark(), at.in.blankDepth(), scope.now());
        budget.spend(at.in.peek().at());
        chain.rules.add(place, rule);
        allRules.add(rule);
        int depth = 0;
        while (true) {
            Token token = at.in.peek();
            if (token.kind() == Token.Kind.END || (depth == 0 && token.endsStatement())) {
                break;
            }
            if (token.is("{")) {
                depth++;
            } else if (token.is("}") && --depth < 0) {
                break;
            }
            at.in.next();
        }
    }

    // ---- the rule set ----

    private RuleSet make() {
        return new RuleSetMaker(errors, budget).make(rootName, tables, allRules);
    }
}
