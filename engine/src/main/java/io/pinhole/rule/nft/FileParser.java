package io.pinhole.rule.nft;

import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Family;
import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.RuleSetCheck;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the commands of a file, and makes the rule set of them. */
final class FileParser extends FileWalker {
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

    private static final String HANDLES =
            "refers to a handle, a number of the running kernel; " + ValueParser.NOT_EVALUATED;

    private static final Set<String> OBJECT_VERBS = Set.of("add", "create", "delete", "destroy");

    private final String rootName;
    private final List<TableState> tables = new ArrayList<>();
    private final List<TableState.PendingRule> allRules = new ArrayList<>();
    private int created;

    FileParser(String name, String text, Map<String, String> defines, IncludeResolver includes) {
        super(name, text, defines, includes);
        rootName = name;
    }

    ReadResult read() {
        commands();
        RuleSet made = make();
        checkOverrides();
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

    private void commands() {
        items(
                false,
                first -> {
                    command(first);
                    end("the command");
                });
    }

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
            case "replace" -> throw first.at().fault("'replace rule' " + HANDLES);
            case "rename", "list", "reset", "monitor", "export", "import", "describe", "get" ->
                    throw first.at()
                            .fault(
                                    "command '"
                                            + first.text()
                                            + "' is "
                                            + ValueParser.NOT_EVALUATED);
            case "nft" ->
                    throw first.at().fault("a rule file has its commands without 'nft' in front");
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
                Token kind = first.is("ct") ? at.in.next() : first;
                new ObjectParser(at, table, false).declare(first, kind);
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
        if (!OBJECT_VERBS.contains(verb)) {
            throw what.at()
                    .fault("'" + verb + " " + what.text() + "' is " + ValueParser.NOT_EVALUATED);
        }
        Token kind = what.is("ct") ? at.in.next() : what;
        TableState table = table();
        if (verb.equals("add") || verb.equals("create")) {
            new ObjectParser(at, table, verb.equals("create")).declare(what, kind);
        } else {
            new ObjectParser(at, table, false).remove(what, kind, verb.equals("delete"));
        }
    }

    private void setCommand(String verb, boolean map) {
        TableState table = table();
        switch (verb) {
            case "add", "create" ->
                    new SetParser(at, errors).declare(table, map, verb.equals("create"));
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
                    set.changes.add(new TableState.Change(false, false, null, name.at()));
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
        ElementSet.Holds holds = add ? set.holds : ElementSet.Holds.NOTHING;
        SetParser parser = new SetParser(at, errors);
        set.changes.add(
                new TableState.Change(
                        add,
                        verb.equals("delete"),
                        parser.elements(set.keyTypes, holds, set.dataTypes),
                        name.at()));
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
                if (new ChainParser(at).attach(chain, fresh, first.at(), created)) {
                    created++;
                }
                end("the chain's type");
            }
            case "policy" -> {
                new ChainParser(at).policy(chain, first.at());
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

    private void ruleCommand(String verb) {
        if (!verb.equals("add") && !verb.equals("insert") && !verb.equals("create")) {
            throw at.in.peek().at().fault("'" + verb + " rule' " + HANDLES);
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
            throw next.at().fault("'" + next.text() + "' " + HANDLES);
        }
        int place = verb.equals("insert") ? 0 : chain.rules.size();
        if (at.accept("index")) {
            if (chain.rules.isEmpty()) {
                throw next.at().fault("chain '" + name.text() + "' has no rules yet");
            }
            int index = (int) at.number("an index", Math.max(0, chain.rules.size() - 1));
            place = verb.equals("insert") ? index : index + 1;
        }
        rule(table, chain, place);
    }

    private static final Set<String> WRITES = Set.of("add", "update", "delete");

    /** Remembers where the rule starts and walks to its end, looking for sets it writes to. */
    private void rule(TableState table, TableState.ChainState chain, int place) {
        TableState.TextRule rule =
                new TableState.TextRule(table, at.in.mark(), at.in.blankDepth(), scope.now());
        budget.spend(at.in.peek().at());
        chain.rules.add(place, rule);
        allRules.add(rule);
        int depth = 0;
        boolean writes = false; // behind add, update or delete
        boolean writesLater = false; // behind 'set add', whose set comes last
        Token before = at.in.peek();
        while (true) {
            Token token = at.in.peek();
            if (token.kind() == Token.Kind.END || (depth == 0 && token.endsStatement())) {
                break;
            }
            if (before.is("@") && (writes || writesLater)) {
                table.written.add(token.text());
            }
            if (!token.is("@")) {
                writes = WRITES.contains(token.text());
                writesLater |= writes && before.is("set");
            }
            before = token;
            if (token.is("{")) {
                depth++;
            } else if (token.is("}") && --depth < 0) {
                break;
            }
            at.in.next();
        }
    }

    private RuleSet make() {
        return new RuleSetMaker(errors, budget).make(rootName, tables, allRules);
    }
}
