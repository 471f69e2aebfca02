package io.pinhole.rule;

import io.pinhole.core.Hook;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Model in, program out. One use; cannot fail on a rule set that {@link RuleSetCheck} passed. */
final class RuleCompiler {
    private final RuleSet rules;
    private final IdentityHashMap<ElementSet, SetCode> sets = new IdentityHashMap<>();
    private final IdentityHashMap<ElementSet, LivingSet> livingSets = new IdentityHashMap<>();
    private final LivingSet.Room room = new LivingSet.Room();
    private final Map<RuleOrigin, Step.Counter> counters = new LinkedHashMap<>();
    private final Tally tally = new Tally();
    private final List<Step> stateful = new ArrayList<>();

    RuleCompiler(RuleSet rules) {
        this.rules = rules;
    }

    CompiledRules compile() {
        record Attached(BaseChain at, CompiledRules.Base base) {}
        List<List<Attached>> byHook = new ArrayList<>();
        for (int i = 0; i < Hook.values().length; i++) {
            byHook.add(new ArrayList<>());
        }
        List<ChainCode> all = new ArrayList<>();
        for (Table table : rules.tables()) {
            Scope scope = new Scope(table);
            all.addAll(scope.chains.values());
            for (Chain chain : table.chains()) {
                ChainCode code = scope.chain(chain.name());
                code.rules(
                        chain.rules().stream().map(scope::rule).toArray(RuleCode[]::new),
                        ChainIndex.of(
                                chain.rules(), scope.written(chain.name()), RuleCompiler::load));
                BaseChain base = chain.base();
                if (base == null || base.type() == ChainType.NAT || table.dormant()) {
                    continue;
                }
                byHook.get(base.hook().ordinal())
                        .add(
                                new Attached(
                                        base,
                                        new CompiledRules.Base(
                                                table.family(),
                                                base.priority(),
                                                base.policyAccept(),
                                                RuleOrigin.policy(base.policyAt()),
                                                code)));
            }
        }
        CompiledRules.Base[][] sorted = new CompiledRules.Base[Hook.values().length][];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] =
                    byHook.get(i).stream()
                            .sorted(
                                    Comparator.comparingInt((Attached a) -> a.at().priority())
                                            .thenComparing(
                                                    a -> a.at().created(),
                                                    Comparator.reverseOrder()))
                            .map(Attached::base)
                            .toArray(CompiledRules.Base[]::new);
        }
        return new CompiledRules(
                rules, sorted, all, counters, tally, stateful, List.copyOf(livingSets.values()));
    }

    private Step stateful(Step step) {
        stateful.add(step);
        return step;
    }

    private SetCode set(ElementSet set) {
        return sets.computeIfAbsent(set, SetCode::of);
    }

    private LivingSet living(ElementSet set, ElementSet.Living living) {
        return livingSets.computeIfAbsent(
                set, s -> new LivingSet(s, living, this::ofElement, room));
    }

    /** The statements of one element, with state of their own. */
    private Step[] ofElement(List<Statement> statements) {
        Step[] out = new Step[statements.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] =
                    switch (statements.get(i)) {
                        case Statement.Counter s -> new LivingSteps.ElementCounter(s);
                        case Statement.Limit s -> new Step.Limit(s.rate());
                        case Statement.Quota s -> new Step.Quota(s.size());
                        case Statement.ConnLimit s -> new LivingSteps.ConnCount(s, room);
                        default ->
                                throw new IllegalStateException(
                                        "unchecked rule set: no statement of an element");
                    };
        }
        return out;
    }

    /** Names mean what their table says. */
    private final class Scope {
        private final Map<String, ChainCode> chains = new LinkedHashMap<>();
        private final Map<String, Chain> models = new HashMap<>();
        private final Map<NamedObject, Step> objects = new HashMap<>();
        private final Map<String, Set<Field>> written = new HashMap<>();
        private final Table table;

        Scope(Table table) {
            this.table = table;
            for (Chain chain : table.chains()) {
                chains.put(chain.name(), new ChainCode(table, chain));
                models.put(chain.name(), chain);
            }
        }

        ChainCode chain(String name) {
            ChainCode code = chains.get(name);
            if (code == null) {
                throw new IllegalStateException("unchecked rule set: no chain " + name);
            }
            return code;
        }

        /** Fields that a packet's way through the chain, or through one it leads to, may change. */
        Set<Field> written(String name) {
            Set<Field> known = written.get(name);
            if (known != null) {
                return known;
            }
            Set<Field> out = EnumSet.noneOf(Field.class);
            // First, for chains that jump in a circle: the kernel takes them where no packet comes.
            written.put(name, out);
            Chain chain = models.get(name);
            if (chain != null) {
                for (Rule rule : chain.rules()) {
                    rule.statements().forEach(s -> written(s, out));
                }
            }
            return out;
        }

        private void written(Statement statement, Set<Field> out) {
            switch (statement) {
                case Statement.SetMark s -> out.add(Field.META_MARK);
                case Statement.SetCtMark s -> out.add(Field.CT_MARK);
                case Statement.Notrack s -> out.add(Field.CT_STATE);
                case Statement.UseObject s -> {
                    if (s.kind() == ObjectKind.HELPER) {
                        out.add(Field.CT_STATUS);
                    }
                }
                case Statement.Verdict s -> written(s.action(), out);
                case Statement.VerdictMap s -> {
                    for (Element element : s.map().elements()) {
                        if (element.data() instanceof Element.Data.ToVerdict(Action action)) {
                            written(action, out);
                        }
                    }
                }
                case Statement.InRange s -> {}
                case Statement.AnyBit s -> {}
                case Statement.InSet s -> {}
                case Statement.Reject s -> {}
                case Statement.Counter s -> {}
                case Statement.Limit s -> {}
                case Statement.Quota s -> {}
                case Statement.ConnLimit s -> {}
                case Statement.UpdateSet s -> {}
                case Statement.Log s -> {}
                case Statement.FlowAdd s -> {}
                case Statement.Nat s -> {}
            }
        }

        private void written(Action action, Set<Field> out) {
            if (action instanceof Action.Jump(String name, SourcePos at)) {
                out.addAll(written(name));
            } else if (action instanceof Action.Goto(String name, SourcePos at)) {
                out.addAll(written(name));
            }
        }

        RuleCode rule(Rule rule) {
            List<Step> steps = new ArrayList<>();
            for (Statement statement : rule.statements()) {
                Step step = step(statement);
                if (step != null) {
                    step.reads |= Reads.trail(statement);
                    step.flags = FlagTest.of(statement);
                    if (step.flags == null && (step.reads & Trail.TCP_FLAGS) != 0) {
                        step.reads |= Trail.PER_PACKET;
                    }
                    steps.add(step);
                }
            }
            return new RuleCode(rule, steps.toArray(Step[]::new), tally);
        }

        /** Null for what never changes a verdict. */
        private @Nullable Step step(Statement statement) {
            return switch (statement) {
                case Statement.InRange s ->
                        new Step.InRange(value(s.value()), s.range(), s.negated());
                case Statement.AnyBit s -> new Step.AnyBit(value(s.value()), s.mask(), s.negated());
                case Statement.InSet s -> {
                    ElementSet.Living living = s.set().living();
                    yield living == null
                            ? new Step.InSet(key(s.key()), set(s.set()), s.negated())
                            : new LivingSteps.Member(
                                    key(s.key()), living(s.set(), living), s.negated());
                }
                case Statement.Verdict s -> new Step.Fixed(outcome(s.action()));
                case Statement.VerdictMap s ->
                        new Step.VerdictMap(
                                key(s.key()),
                                set(s.map()),
                                s.map().elements().stream()
                                        .map(this::outcome)
                                        .toArray(Step.Outcome[]::new));
                case Statement.Reject s -> new Step.Reject(s.with());
                case Statement.Counter s -> new Step.Counter(tally, s.packets(), s.bytes());
                case Statement.Limit s -> stateful(new Step.Limit(s.rate()));
                case Statement.Quota s -> stateful(new Step.Quota(s.size()));
                case Statement.ConnLimit s -> stateful(new LivingSteps.ConnCount(s, room));
                case Statement.UpdateSet s -> {
                    ElementSet.Living living = s.set().living();
                    if (living == null || !living.updatable()) {
                        throw new IllegalStateException(
                                "unchecked rule set: set " + s.set().name() + " stays as it is");
                    }
                    yield new LivingSteps.Update(s, key(s.key()), living(s.set(), living));
                }
                case Statement.UseObject s -> use(s);
                case Statement.Notrack s -> new Step.Notrack();
                case Statement.SetMark s -> new Step.SetMark(value(s.value()));
                case Statement.SetCtMark s -> new Step.SetCtMark(value(s.value()));
                case Statement.Log s -> null;
                case Statement.FlowAdd s -> null;
                case Statement.Nat s -> null;
            };
        }

        private Step.Outcome outcome(Element element) {
            return element.data() instanceof Element.Data.ToVerdict(Action action)
                    ? outcome(action)
                    : Step.Outcome.BROKEN;
        }

        private Step.Outcome outcome(Action action) {
            return switch (action) {
                case Action.Accept() -> Step.Outcome.ACCEPTED;
                case Action.Drop() -> Step.Outcome.DROPPED;
                case Action.Return() -> Step.Outcome.RETURNED;
                case Action.Continue() -> Step.Outcome.CONTINUED;
                case Action.Jump(String name, SourcePos at) -> Step.Outcome.jump(chain(name));
                case Action.Goto(String name, SourcePos at) -> Step.Outcome.goTo(chain(name));
            };
        }

        private Step use(Statement.UseObject use) {
            String name = use.name();
            Statement.ObjectMap map = use.map();
            if (name != null || map == null) {
                return object(use.kind(), name == null ? "" : name);
            }
            return new Step.Chosen(
                    key(map.key()),
                    set(map.map()),
                    map.map().elements().stream()
                            .map(e -> objectOf(use.kind(), e))
                            .toArray(Step[]::new));
        }

        private Step objectOf(ObjectKind kind, Element element) {
            return element.data() instanceof Element.Data.ObjectName(String name)
                    ? object(kind, name)
                    : new Step.Fixed(Step.Outcome.BROKEN);
        }

        /** Rules that name the same object share its state. */
        private Step object(ObjectKind kind, String name) {
            NamedObject object = table.object(kind, name);
            if (object == null) {
                throw new IllegalStateException("unchecked rule set: no " + kind + " " + name);
            }
            return objects.computeIfAbsent(
                    object,
                    o ->
                            switch (o) {
                                case NamedObject.Counter c -> counter(c);
                                case NamedObject.Quota q -> stateful(new Step.Quota(q.size()));
                                case NamedObject.Limit l -> stateful(new Step.Limit(l.rate()));
                                case NamedObject.Helper h -> new Step.SetHelper(h.helper());
                                case NamedObject.Timeout t -> new Step.SetTimeout(t.timeout());
                                case NamedObject.Expectation e -> new Step.Fixed(Step.Outcome.NEXT);
                            });
        }

        private Step.Counter counter(NamedObject.Counter object) {
            Step.Counter step = new Step.Counter(tally, object.packets(), object.bytes());
            RuleOrigin origin =
                    new RuleOrigin(
                            object.at().shortText(),
                            "counter " + table.name() + " " + object.name());
            counters.put(origin, step);
            return step;
        }
    }

    Value[] key(List<Expr> parts) {
        return parts.stream().map(this::value).toArray(Value[]::new);
    }

    Value value(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> load(field);
            case Expr.Constant(DataType type, long high, long low) -> new Value.Constant(high, low);
            case Expr.Binary(Expr.Operator operator, Expr left, Expr right) ->
                    operator == Expr.Operator.AND
                                    && left.type().bits() > 64
                                    && right
                                            instanceof
                                            Expr.Constant(DataType t, long high, long low)
                            ? new Value.WideAnd(value(left), high, low)
                            : new Value.Binary(
                                    operator, value(left), value(right), left.type().maxLow());
            case Expr.Lookup(List<Expr> key, ElementSet map) -> {
                int n = map.elements().size();
                long[] highs = new long[n];
                long[] lows = new long[n];
                for (int i = 0; i < n; i++) {
                    if (map.elements().get(i).data()
                            instanceof Element.Data.Value(long high, long low)) {
                        highs[i] = high;
                        lows[i] = low;
                    }
                }
                yield new Value.Lookup(key(key), set(map), highs, lows);
            }
        };
    }

    /** False for what never changes a verdict and is left out of the program. */
    static boolean isStep(Statement statement) {
        return !(statement instanceof Statement.Log
                || statement instanceof Statement.FlowAdd
                || statement instanceof Statement.Nat);
    }

    private static Value load(Field field) {
        if (field == Field.IP_TTL || field == Field.IP6_HOPLIMIT) {
            return new Value.HopLimit();
        }
        Field.Header header = field.header();
        if (header != null) {
            return field.type() == DataType.IPV6_ADDR
                    ? new Value.Ip6Address(field == Field.IP6_SADDR)
                    : new Value.HeaderBits(
                            header.isNetwork(), field.bitOffset(), field.type().bits());
        }
        if (field.type().kind() == DataType.Kind.NAME) {
            return new Value.Name(field);
        }
        return switch (field) {
            case CT_ORIGINAL_IP6_SADDR, CT_REPLY_IP6_DADDR -> new Value.FlowAddress(true);
            case CT_ORIGINAL_IP6_DADDR, CT_REPLY_IP6_SADDR -> new Value.FlowAddress(false);
            default -> new Value.Key(field);
        };
    }
}
