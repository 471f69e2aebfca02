package io.pinhole.validate.space;

import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.rule.Action;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.Range;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes all packets at once through a rule set, as {@code CompiledRules} takes one: hooks in order,
 * base chains by priority, jumps and returns, marks, notrack, helpers. What no packet shows (a
 * limit's state, a quota's) may be either way.
 *
 * <p>One use for each route.
 */
public final class Walk {
    /** A rule set that jumps about this much is not analysed. */
    private static final int MAX_VISITS = 2_000_000;

    private static final int EARLY = RuleProgram.CONNTRACK_PRIORITY;

    /** A base chain with the packets that went through it. */
    public record BaseWalk(
            Table table, Chain chain, BaseChain base, Passage passage, int byPolicy) {}

    private final PacketSpace space;
    private final Bdd bdd;
    private final RuleSet rules;
    private final Route route;
    private final List<BaseWalk> bases = new ArrayList<>();
    private final IdentityHashMap<ElementSet, Map<List<Expr>, Integer>> members =
            new IdentityHashMap<>();
    private int visits;

    // What rules have changed so far, as a function of the packet.
    private boolean early;
    private int notracked = Bdd.FALSE;
    private Bits mark = Bits.constant(32, 0, 0);
    private Bits ctMark;
    private int helper = Bdd.FALSE;

    /** Flows that have a helper, whatever its type: the first one stays. */
    private int taken = Bdd.FALSE;

    // Packets with a helper, or the FTP helper, that comes into force with connection tracking.
    private int template = Bdd.FALSE;
    private int ftpTemplate = Bdd.FALSE;

    // The base chain that is being walked.
    private int possible;
    private int accepted;
    private int rejected;

    private int allRejected = Bdd.FALSE;
    private int passed;

    public Walk(PacketSpace space, RuleSet rules, Route route) {
        this.space = space;
        this.rules = rules;
        this.route = route;
        bdd = space.bdd();
        ctMark = space.plain(space.extra("ct mark", 32));
        passed = space.wellFormed();
        run();
    }

    /** The packets that pass every hook. */
    public int accepted() {
        return passed;
    }

    /** The packets whose sender is told. */
    public int rejected() {
        return allRejected;
    }

    /** Of the packets that begin a flow, those whose flow gets the FTP helper. */
    public int helped() {
        return helper;
    }

    /** The base chains in the order in which packets meet them. */
    public List<BaseWalk> bases() {
        return bases;
    }

    public Route route() {
        return route;
    }

    private record Attached(Table table, Chain chain, BaseChain base) {}

    private void run() {
        Hook first = route.hooks().getFirst();
        boolean tracked = false;
        for (Hook hook : route.hooks()) {
            for (Attached a : attached(hook)) {
                boolean before = hook == first && a.base.priority() < EARLY;
                if (!before && !tracked) {
                    track();
                    tracked = true;
                }
                early = before;
                base(a);
            }
        }
        if (!tracked) {
            track();
        }
    }

    /** notrack decides now which packets are untracked. */
    private void track() {
        int untracked = space.state(CtState.UNTRACKED);
        int may = bdd.or(notracked, space.discoveryMessages());
        passed = bdd.minus(passed, bdd.minus(untracked, may));
        passed = bdd.minus(passed, bdd.minus(notracked, untracked));
        allRejected = bdd.and(allRejected, bdd.or(bdd.not(untracked), may));
        int begins = space.state(CtState.NEW);
        taken = bdd.and(template, begins);
        helper = bdd.and(bdd.and(ftpTemplate, begins), space.tcp());
    }

    private List<Attached> attached(Hook hook) {
        List<Attached> out = new ArrayList<>();
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null
                        && base.hook() == hook
                        && base.type() != ChainType.NAT
                        && !table.dormant()) {
                    out.add(new Attached(table, chain, base));
                }
            }
        }
        out.sort(
                Comparator.comparingInt((Attached a) -> a.base.priority())
                        .thenComparing(a -> a.base.created(), Comparator.reverseOrder()));
        return out;
    }

    private void base(Attached a) {
        int seen = bdd.and(passed, seenBy(a.table));
        int unseen = bdd.minus(passed, seen);
        possible = bdd.and(space.wellFormed(), seenBy(a.table));
        accepted = Bdd.FALSE;
        rejected = Bdd.FALSE;
        List<Visit> visited = new ArrayList<>();
        int rest = chain(a.table, a.chain, seen, visited);
        bases.add(
                new BaseWalk(
                        a.table,
                        a.chain,
                        a.base,
                        new Passage(a.table, a.chain, seen, visited),
                        rest));
        allRejected = bdd.or(allRejected, rejected);
        passed = bdd.or(unseen, accepted);
        if (a.base.policyAccept()) {
            passed = bdd.or(passed, rest);
        }
    }

    private int seenBy(Table table) {
        return switch (table.family()) {
            case INET -> Bdd.TRUE;
            case IP -> space.ipv4();
            case IP6 -> space.ipv6();
        };
    }

    /**
     * Walks one chain.
     *
     * @return the packets that come out of its end or return
     */
    private int chain(Table table, Chain chain, int enter, List<Visit> visited) {
        int reach = enter;
        int returned = Bdd.FALSE;
        for (Rule rule : chain.rules()) {
            if (++visits > MAX_VISITS) {
                throw new Bdd.TooLarge(MAX_VISITS);
            }
            RuleWalk walk = new RuleWalk(table, reach);
            for (Statement statement : rule.statements()) {
                walk.step(statement);
                walk.look(statement);
            }
            int next = reach;
            for (Visit.Branch branch : walk.branches) {
                switch (branch.end()) {
                    case ACCEPT -> accepted = bdd.or(accepted, branch.packets());
                    case REJECT -> rejected = bdd.or(rejected, branch.packets());
                    case DROP, JUMP, RETURN, GOTO -> {}
                }
                next = bdd.minus(next, branch.packets());
            }
            // Jumps were walked as they were met; what came back goes on.
            next = bdd.or(next, walk.cameBack);
            returned = bdd.or(returned, walk.returned);
            visited.add(
                    new Visit(
                            rule,
                            walk.condition,
                            reach,
                            walk.branches,
                            walk.acts,
                            walk.changes,
                            walk.contradiction));
            reach = next;
        }
        return bdd.or(reach, returned);
    }

    /** One rule: narrows down, statement by statement, who is still with it. */
    private final class RuleWalk {
        private final Table table;
        private final int reach;
        private final List<Visit.Branch> branches = new ArrayList<>();
        private int condition = Bdd.TRUE;
        private int cameBack = Bdd.FALSE;
        private int returned = Bdd.FALSE;
        private boolean acts;
        private int changes = Bdd.FALSE;
        private @Nullable Statement contradiction;

        RuleWalk(Table table, int reach) {
            this.table = table;
            this.reach = reach;
        }

        private int here() {
            return bdd.and(reach, condition);
        }

        private void require(int set) {
            condition = bdd.and(condition, set);
        }

        private void change() {
            acts = true;
            changes = bdd.or(changes, condition);
        }

        void step(Statement statement) {
            switch (statement) {
                case Statement.InRange s -> {
                    Bits value = value(s.value());
                    int in = value.in(bdd, s.range());
                    require(s.negated() ? bdd.minus(value.present(), in) : in);
                }
                case Statement.AnyBit s -> {
                    Bits value = value(s.value());
                    int any = value.anyBit(bdd, s.mask());
                    require(s.negated() ? bdd.minus(value.present(), any) : any);
                }
                case Statement.InSet s when s.set().living() != null -> {
                    require(present(s.key()));
                    undecided(s.at().toString());
                }
                case Statement.InSet s -> {
                    int in = members(s.key(), s.set());
                    require(s.negated() ? bdd.minus(present(s.key()), in) : in);
                }
                case Statement.Verdict s -> act(s.action(), Bdd.TRUE);
                case Statement.VerdictMap s -> verdictMap(s);
                case Statement.Reject s -> leave(Bdd.TRUE, Visit.End.REJECT, null);
                case Statement.Counter s -> acts = true;
                case Statement.Limit s -> undecided(s.at().toString());
                case Statement.Quota s -> undecided(s.at().toString());
                case Statement.ConnLimit s -> undecided(s.at().toString());
                case Statement.UpdateSet s -> {
                    require(present(s.key()));
                    change();
                    undecided(s.at().toString());
                }
                case Statement.UseObject s -> use(s);
                case Statement.Log s -> acts = true;
                case Statement.Notrack s -> {
                    change();
                    if (early) {
                        notracked = bdd.or(notracked, here());
                    }
                }
                case Statement.SetMark s -> {
                    Bits value = value(s.value());
                    require(value.present());
                    change();
                    mark = Bits.choose(bdd, here(), value, mark);
                }
                case Statement.SetCtMark s -> {
                    Bits value = value(s.value());
                    require(value.present());
                    change();
                    ctMark = Bits.choose(bdd, here(), value, ctMark);
                }
                case Statement.FlowAdd s -> acts = true;
                case Statement.Nat s -> acts = true;
            }
        }

        void look(Statement statement) {
            if (contradiction == null && bdd.and(condition, possible) == Bdd.FALSE) {
                contradiction = statement;
            }
        }

        private void undecided(String name) {
            acts = true;
            require(space.unknown(name));
        }

        private void use(Statement.UseObject use) {
            acts = true;
            switch (use.kind()) {
                case LIMIT, QUOTA -> undecided(use.at().toString());
                case HELPER -> {
                    change();
                    helper(use);
                }
                case COUNTER, TIMEOUT, EXPECTATION -> {}
            }
            Statement.ObjectMap map = use.map();
            if (map != null) {
                require(members(map.key(), map.map()));
            }
        }

        private void helper(Statement.UseObject use) {
            Statement.ObjectMap map = use.map();
            if (map == null) {
                assign(use.name(), Bdd.TRUE);
                return;
            }
            int others = Bdd.TRUE;
            for (Element element : map.map().elements()) {
                int set = element.isCatchAll() ? others : element(map.key(), element);
                others = bdd.minus(others, set);
                if (element.data() instanceof Element.Data.ObjectName(String name)) {
                    assign(name, set);
                }
            }
        }

        private void assign(@Nullable String name, int where) {
            if (name == null
                    || !(table.object(ObjectKind.HELPER, name)
                            instanceof NamedObject.Helper(HelperObject object, var at))) {
                return;
            }
            boolean ftp = object.type().equals("ftp");
            int set = bdd.and(here(), where);
            if (object.template()) {
                if (early) { // the last one counts
                    template = bdd.or(template, set);
                    ftpTemplate = ftp ? bdd.or(ftpTemplate, set) : bdd.minus(ftpTemplate, set);
                }
                return;
            }
            if (early) {
                return;
            }
            set = bdd.and(set, bdd.and(space.state(CtState.NEW), space.protocol(object.l4proto())));
            if (object.family() != 0) {
                set = bdd.and(set, object.family() == 4 ? space.ipv4() : space.ipv6());
            }
            set = bdd.minus(set, taken);
            taken = bdd.or(taken, set);
            helper = ftp ? bdd.or(helper, set) : helper;
        }

        private void verdictMap(Statement.VerdictMap s) {
            int others = present(s.key());
            int all = Bdd.FALSE;
            for (Element element : s.map().elements()) {
                if (element.isCatchAll()
                        || !(element.data() instanceof Element.Data.ToVerdict(Action action))) {
                    continue;
                }
                int set = element(s.key(), element);
                all = bdd.or(all, set);
                act(action, set);
            }
            others = bdd.minus(others, all);
            boolean catchAll = false;
            for (Element element : s.map().elements()) {
                if (element.isCatchAll()
                        && element.data() instanceof Element.Data.ToVerdict(Action action)) {
                    act(action, others);
                    catchAll = true;
                }
            }
            require(catchAll ? bdd.or(all, others) : all);
        }

        private void act(Action action, int where) {
            switch (action) {
                case Action.Continue() -> {}
                case Action.Accept a -> leave(where, Visit.end(action), null);
                case Action.Drop d -> leave(where, Visit.end(action), null);
                case Action.Return r -> {
                    leave(where, Visit.end(action), null);
                    returned = bdd.or(returned, bdd.and(here(), where));
                }
                case Action.Jump(String name, var at) ->
                        cameBack = bdd.or(cameBack, enter(name, where, Visit.End.JUMP));
                case Action.Goto(String name, var at) ->
                        returned = bdd.or(returned, enter(name, where, Visit.End.GOTO));
            }
        }

        private int enter(String name, int where, Visit.End end) {
            Chain target = target(name);
            int packets = bdd.and(here(), where);
            List<Visit> inner = new ArrayList<>();
            int out = chain(table, target, packets, inner);
            leave(where, end, new Passage(table, target, packets, inner));
            return out;
        }

        private Chain target(String name) {
            for (Chain chain : table.chains()) {
                if (chain.name().equals(name)) {
                    return chain;
                }
            }
            throw new IllegalStateException("unchecked rule set: no chain " + name);
        }

        private void leave(int where, Visit.End end, @Nullable Passage into) {
            branches.add(
                    new Visit.Branch(bdd.and(here(), where), bdd.and(condition, where), end, into));
        }
    }

    // ---- what rules compute ----

    private Bits value(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> load(field);
            case Expr.Constant(DataType type, long high, long low) ->
                    Bits.constant(type.bits(), high, low);
            case Expr.Binary(Expr.Operator operator, Expr left, Expr right) ->
                    binary(operator, value(left), value(right), left.type().bits());
            case Expr.Lookup(List<Expr> key, ElementSet map) -> lookup(key, map);
        };
    }

    private Bits load(Field field) {
        if (early && field.isConntrack()) {
            if (field != Field.CT_STATE) {
                return new Bits(Bdd.FALSE, new int[field.type().bits()]);
            }
            return Bits.choose(
                    bdd,
                    notracked,
                    Bits.constant(32, 0, CtState.UNTRACKED.bit()),
                    Bits.constant(32, 0, CtState.INVALID.bit()));
        }
        return switch (field) {
            case META_MARK -> mark;
            case CT_MARK -> new Bits(space.field(field).present(), ctMark.bits());
            default -> space.field(field);
        };
    }

    private Bits binary(Expr.Operator operator, Bits left, Bits right, int width) {
        int present = bdd.and(left.present(), right.present());
        int[] out = new int[width];
        switch (operator) {
            case AND, OR, XOR -> {
                for (int i = 0; i < width; i++) {
                    int a = left.bit(i, width);
                    int b = right.bit(i, width);
                    out[i] =
                            switch (operator) {
                                case AND -> bdd.and(a, b);
                                case OR -> bdd.or(a, b);
                                default -> bdd.xor(a, b);
                            };
                }
            }
            case SHIFT_LEFT, SHIFT_RIGHT -> {
                // For each distance that the right side can have; more than the width gives 0.
                for (int distance = 0; distance < width; distance++) {
                    int when = right.in(bdd, Range.of(distance));
                    if (when == Bdd.FALSE) {
                        continue;
                    }
                    int by = operator == Expr.Operator.SHIFT_LEFT ? distance : -distance;
                    for (int i = 0; i < width; i++) {
                        int from = i + by;
                        if (from >= 0 && from < width) {
                            out[i] = bdd.or(out[i], bdd.and(when, left.bit(from, width)));
                        }
                    }
                }
            }
        }
        return new Bits(present, out);
    }

    private Bits lookup(List<Expr> key, ElementSet map) {
        DataType type = map.dataType();
        int width = type == null ? 32 : type.bits();
        int[] out = new int[width];
        int found = Bdd.FALSE;
        Element catchAll = null;
        for (Element element : map.elements()) {
            if (element.isCatchAll()) {
                catchAll = element;
                continue;
            }
            int set = element(key, element);
            found = bdd.or(found, set);
            put(out, element, set);
        }
        if (catchAll != null) {
            int others = bdd.minus(present(key), found);
            put(out, catchAll, others);
            found = bdd.or(found, others);
        }
        return new Bits(found, out);
    }

    private void put(int[] out, Element element, int set) {
        if (element.data() instanceof Element.Data.Value(long high, long low)) {
            Bits constant = Bits.constant(out.length, high, low);
            for (int i = 0; i < out.length; i++) {
                if (constant.bits()[i] == Bdd.TRUE) {
                    out[i] = bdd.or(out[i], set);
                }
            }
        }
    }

    private int present(List<Expr> key) {
        int set = Bdd.TRUE;
        for (Expr part : key) {
            set = bdd.and(set, value(part).present());
        }
        return set;
    }

    private int element(List<Expr> key, Element element) {
        int set = Bdd.TRUE;
        for (int i = key.size() - 1; i >= 0; i--) {
            set = bdd.and(value(key.get(i)).in(bdd, element.key().get(i)), set);
        }
        return set;
    }

    /** The packets whose key is in the set. */
    private int members(List<Expr> key, ElementSet set) {
        boolean constant = key.stream().noneMatch(this::changes);
        Map<List<Expr>, Integer> known = members.computeIfAbsent(set, s -> new HashMap<>());
        Integer done = constant ? known.get(key) : null;
        if (done != null) {
            return done;
        }
        int result = computeMembers(key, set);
        if (constant) {
            known.put(key, result);
        }
        return result;
    }

    private int computeMembers(List<Expr> key, ElementSet set) {
        List<Bits> parts = key.stream().map(this::value).toList();
        int[] sets = new int[set.elements().size()];
        int n = 0;
        for (Element element : set.elements()) {
            if (element.isCatchAll()) {
                return present(key);
            }
            int one = Bdd.TRUE;
            for (int i = parts.size() - 1; i >= 0; i--) {
                one = bdd.and(parts.get(i).in(bdd, element.key().get(i)), one);
            }
            sets[n++] = one;
        }
        return bdd.any(sets);
    }

    /** True if its value may be another at another place of the walk. */
    private boolean changes(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field == Field.META_MARK || field.isConntrack();
            case Expr.Constant c -> false;
            case Expr.Binary(var operator, Expr left, Expr right) ->
                    changes(left) || changes(right);
            case Expr.Lookup l -> true;
        };
    }
}
