package io.pinhole.rule;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs a rule set straight from its model: slow, obvious, with numbers that cannot overflow. The
 * compiled form must agree with it on every packet.
 */
public final class NaiveRules {
    private final RuleSet rules;
    private final Map<Statement, Bucket> state = new IdentityHashMap<>();
    private final Map<NamedObject, Bucket> objects = new HashMap<>();

    /** What a limit or quota remembers. */
    private static final class Bucket {
        BigInteger tokens;
        Long last;
        BigInteger used;
        final Map<String, PacketFacts> connections = new LinkedHashMap<>();
    }

    /** How a chain or rule ends. */
    private enum End {
        CONTINUE,
        BREAK,
        RETURN,
        ACCEPT,
        DROP,
        REJECT
    }

    public NaiveRules(RuleSet rules) {
        this.rules = rules;
    }

    private record Attached(Table table, Chain chain, BaseChain base) {}

    public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
        facts.hook = hook;
        began = began == null ? Long.valueOf(facts.timeNanos) : began;
        List<Attached> attached = new ArrayList<>();
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null
                        && !table.dormant()
                        && base.type() != ChainType.NAT
                        && base.hook() == hook
                        && base.priority() >= from
                        && base.priority() < to) {
                    attached.add(new Attached(table, chain, base));
                }
            }
        }
        // The last created of a priority comes first.
        attached.sort(
                Comparator.<Attached>comparingInt(a -> a.base().priority())
                        .thenComparingInt(a -> -a.base().created()));
        for (Attached a : attached) {
            boolean sees =
                    switch (a.table().family()) {
                        case INET -> true;
                        case IP -> facts.packet.ipVersion() == 4;
                        case IP6 -> facts.packet.ipVersion() == 6;
                    };
            if (!sees) {
                continue;
            }
            End end = chain(a.table(), a.chain(), facts);
            if (end == End.DROP) {
                return Verdict.DROP;
            }
            if (end == End.REJECT) {
                return Verdict.REJECT;
            }
            if (end == End.ACCEPT) {
                continue;
            }
            facts.decidedBy = RuleOrigin.policy(a.base().policyAt());
            if (!a.base().policyAccept()) {
                return Verdict.DROP;
            }
        }
        return Verdict.ACCEPT;
    }

    private End chain(Table table, Chain chain, PacketFacts facts) {
        for (Rule rule : chain.rules()) {
            Outcome outcome = rule(table, rule, facts);
            switch (outcome.end) {
                case CONTINUE, BREAK -> {
                    if (outcome.jump != null) {
                        End inner = chain(table, named(table, outcome.jump), facts);
                        if (inner != End.RETURN || outcome.isGoto) {
                            return inner;
                        }
                    }
                }
                case RETURN -> {
                    return End.RETURN;
                }
                default -> {
                    facts.decidedBy = rule.origin();
                    return outcome.end;
                }
            }
        }
        return End.RETURN;
    }

    private static Chain named(Table table, String name) {
        return table.chains().stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
    }

    private record Outcome(End end, String jump, boolean isGoto) {
        static Outcome of(End end) {
            return new Outcome(end, null, false);
        }
    }

    /** How often each rule matched to its end, by its place in the text. */
    public final Map<RuleOrigin, Long> counts = new HashMap<>();

    private Outcome rule(Table table, Rule rule, PacketFacts facts) {
        Outcome outcome = statements(table, rule, facts);
        if (outcome.end != End.BREAK) {
            counts.merge(rule.origin(), 1L, Long::sum);
        }
        return outcome;
    }

    private Outcome statements(Table table, Rule rule, PacketFacts facts) {
        for (Statement statement : rule.statements()) {
            if (statement instanceof Statement.Verdict verdict) {
                return action(verdict.action());
            }
            if (statement instanceof Statement.VerdictMap map) {
                Optional<Element> found = lookup(map.key(), map.map(), facts);
                if (found.isEmpty()) {
                    return Outcome.of(End.BREAK);
                }
                return action(((Element.Data.ToVerdict) found.get().data()).action());
            }
            if (statement instanceof Statement.Reject) {
                return Outcome.of(End.REJECT);
            }
            if (!step(table, statement, facts)) {
                boolean drop = uncountable;
                uncountable = false;
                return Outcome.of(drop ? End.DROP : End.BREAK);
            }
        }
        return Outcome.of(End.CONTINUE);
    }

    private static Outcome action(Action action) {
        return switch (action) {
            case Action.Accept() -> Outcome.of(End.ACCEPT);
            case Action.Drop() -> Outcome.of(End.DROP);
            case Action.Return() -> Outcome.of(End.RETURN);
            case Action.Continue() -> Outcome.of(End.CONTINUE);
            case Action.Jump(String chain, SourcePos at) -> new Outcome(End.CONTINUE, chain, false);
            case Action.Goto(String chain, SourcePos at) -> new Outcome(End.CONTINUE, chain, true);
        };
    }

    /** False if the statement breaks the rule. */
    private boolean step(Table table, Statement statement, PacketFacts facts) {
        return switch (statement) {
            case Statement.InRange s -> {
                Optional<BigInteger> value = value(s.value(), facts);
                yield value.isPresent() && contains(s.range(), value.get()) != s.negated();
            }
            case Statement.AnyBit s -> {
                Optional<BigInteger> value = value(s.value(), facts);
                boolean any =
                        value.isPresent() && value.get().and(unsigned(0, s.mask())).signum() != 0;
                yield value.isPresent() && any != s.negated();
            }
            case Statement.InSet s when s.set().living() != null -> {
                Optional<List<BigInteger>> key = key(s.key(), facts);
                Alive found = key.map(k -> alive(s.set(), k, facts)).orElse(null);
                yield key.isPresent()
                        && (found != null) != s.negated()
                        && (found == null || found.meet(facts));
            }
            case Statement.ConnLimit s ->
                    connections(s, state.computeIfAbsent(s, x -> new Bucket()), facts);
            case Statement.UpdateSet s -> update(s, facts);
            case Statement.InSet s ->
                    s.key().stream().allMatch(e -> value(e, facts).isPresent())
                            && lookup(s.key(), s.set(), facts).isPresent() != s.negated();
            case Statement.Limit s ->
                    limit(s.rate(), state.computeIfAbsent(s, x -> new Bucket()), facts);
            case Statement.Quota s ->
                    quota(s.size(), state.computeIfAbsent(s, x -> new Bucket()), facts);
            case Statement.UseObject s -> {
                String name = s.name();
                if (name == null) {
                    Optional<Element> found = lookup(s.map().key(), s.map().map(), facts);
                    if (found.isEmpty()) {
                        yield false;
                    }
                    name = ((Element.Data.ObjectName) found.get().data()).name();
                }
                yield use(table.object(s.kind(), name), facts);
            }
            case Statement.Notrack s -> {
                if (!facts.hasFlow) {
                    facts.notrack = true;
                    facts.ctState = CtState.UNTRACKED;
                }
                yield true;
            }
            case Statement.SetMark s -> {
                Optional<BigInteger> value = value(s.value(), facts);
                value.ifPresent(v -> facts.mark = v.intValue());
                yield value.isPresent();
            }
            case Statement.SetCtMark s -> {
                Optional<BigInteger> value = value(s.value(), facts);
                if (value.isPresent() && facts.hasFlow && facts.ctMark != value.get().intValue()) {
                    facts.ctMark = value.get().intValue();
                    facts.ctMarkChanged = true;
                }
                yield value.isPresent();
            }
            case Statement.Counter s -> true;
            case Statement.Log s -> true;
            case Statement.FlowAdd s -> true;
            case Statement.Nat s -> true;
            case Statement.Verdict s -> throw new IllegalStateException();
            case Statement.VerdictMap s -> throw new IllegalStateException();
            case Statement.Reject s -> throw new IllegalStateException();
        };
    }

    private boolean use(NamedObject object, PacketFacts facts) {
        return switch (object) {
            case NamedObject.Limit l ->
                    limit(l.rate(), objects.computeIfAbsent(l, x -> new Bucket()), facts);
            case NamedObject.Quota q ->
                    quota(q.size(), objects.computeIfAbsent(q, x -> new Bucket()), facts);
            case NamedObject.Helper(HelperObject h, SourcePos at) -> {
                if (h.template()) {
                    facts.template = h;
                    yield true;
                }
                boolean first =
                        facts.hasFlow
                                && (facts.ctStatus & PacketFacts.STATUS_CONFIRMED) == 0
                                && (facts.ctStatus & PacketFacts.STATUS_HELPER) == 0;
                if (first
                        && h.l4proto() == facts.packet.protocol()
                        && (h.family() == 0 || h.family() == facts.packet.ipVersion())) {
                    facts.helper = h;
                    facts.ctStatus |= PacketFacts.STATUS_HELPER;
                }
                yield true;
            }
            case NamedObject.Timeout(TimeoutObject t, SourcePos at) -> {
                if (facts.hasFlow
                        && (facts.ctStatus & PacketFacts.STATUS_CONFIRMED) == 0
                        && t.l4proto() == facts.packet.protocol()
                        && (t.family() == 0 || t.family() == facts.packet.ipVersion())) {
                    facts.timeout = t;
                }
                yield true;
            }
            case NamedObject.Counter c -> true;
            case NamedObject.Expectation e -> true;
        };
    }

    private static boolean limit(LimitRate rate, Bucket bucket, PacketFacts facts) {
        BigInteger unit = BigInteger.valueOf(rate.unitSeconds()).multiply(big(1_000_000_000));
        BigInteger amount = big(rate.amount());
        BigInteger full =
                rate.bytes()
                        ? unit.multiply(amount.add(big(rate.burst()))).divide(amount)
                        : unit.divide(amount).multiply(big(rate.burst()));
        if (bucket.last == null) {
            bucket.last = facts.timeNanos;
            bucket.tokens = full;
        }
        BigInteger tokens =
                bucket.tokens.add(big(Math.max(0, facts.timeNanos - bucket.last))).min(full);
        bucket.last = facts.timeNanos;
        BigInteger cost =
                rate.bytes()
                        ? unit.multiply(big(facts.packet.ipLength())).divide(amount)
                        : unit.divide(amount);
        boolean within = tokens.compareTo(cost) >= 0;
        bucket.tokens = within ? tokens.subtract(cost) : tokens;
        return within != rate.over();
    }

    private static boolean quota(QuotaSize size, Bucket bucket, PacketFacts facts) {
        if (bucket.used == null) {
            bucket.used = big(size.used());
        }
        bucket.used = bucket.used.add(big(facts.packet.ipLength()));
        return (bucket.used.compareTo(big(size.bytes())) > 0) == size.over();
    }

    // ---- sets that change ----

    /** An element of a set that changes. */
    private final class Alive {
        final List<Range> key;
        final List<Statement> statements;
        final Map<Statement, Bucket> buckets = new IdentityHashMap<>();
        final boolean timed;
        long deadline;
        boolean dead;

        Alive(List<Range> key, List<Statement> statements, long timeout, long left, long now) {
            this.key = key;
            this.statements = statements;
            timed = timeout != 0;
            deadline = timed ? now + left * 1_000_000 : Long.MAX_VALUE;
        }

        /** True if it counts connections and none is left. */
        boolean isIdle(PacketFacts facts) {
            for (Statement s : statements) {
                Bucket bucket = buckets.get(s);
                if (s instanceof Statement.ConnLimit
                        && (bucket == null
                                || bucket.connections.values().stream()
                                        .noneMatch(c -> open(c, facts)))) {
                    return true;
                }
            }
            return false;
        }

        boolean meet(PacketFacts facts) {
            for (Statement s : statements) {
                Bucket bucket = buckets.computeIfAbsent(s, x -> new Bucket());
                boolean goesOn =
                        switch (s) {
                            case Statement.Limit l -> limit(l.rate(), bucket, facts);
                            case Statement.Quota q -> quota(q.size(), bucket, facts);
                            case Statement.ConnLimit c -> connections(c, bucket, facts);
                            default -> true;
                        };
                if (!goesOn) {
                    return false;
                }
            }
            return true;
        }
    }

    private final Map<ElementSet, List<Alive>> living = new IdentityHashMap<>();
    private final Map<ElementSet, Long> cleared = new IdentityHashMap<>();
    private Long began;

    // True if a packet has no ports by which its connection could be counted.
    private boolean uncountable;

    private List<Alive> living(ElementSet set) {
        return living.computeIfAbsent(
                set,
                s -> {
                    List<Alive> out = new ArrayList<>();
                    for (Element e : s.elements()) {
                        Element.Life life = e.life();
                        boolean own = life != null && life.timeoutMillis() >= 0;
                        long timeout = own ? life.timeoutMillis() : s.living().timeoutMillis();
                        boolean left = life != null && life.expiresMillis() >= 0;
                        out.add(
                                new Alive(
                                        e.key(),
                                        life == null || life.statements().isEmpty()
                                                ? s.living().statements()
                                                : life.statements(),
                                        timeout,
                                        left ? life.expiresMillis() : timeout,
                                        began));
                    }
                    return out;
                });
    }

    private Alive alive(ElementSet set, List<BigInteger> key, PacketFacts facts) {
        Alive catchAll = null;
        for (Alive a : living(set)) {
            if (a.dead || facts.timeNanos >= a.deadline) {
                continue;
            }
            if (a.key.isEmpty()) {
                catchAll = a;
                continue;
            }
            boolean all = true;
            for (int i = 0; i < key.size(); i++) {
                all &= contains(a.key.get(i), key.get(i));
            }
            if (all) {
                return a;
            }
        }
        return catchAll;
    }

    private boolean update(Statement.UpdateSet s, PacketFacts facts) {
        Optional<List<BigInteger>> key = key(s.key(), facts);
        if (key.isEmpty()) {
            return false;
        }
        long now = facts.timeNanos;
        List<Alive> all = living(s.set());
        List<Range> exact =
                key.get().stream()
                        .map(v -> new Range(high(v), v.longValue(), high(v), v.longValue()))
                        .toList();
        if (s.operation() == Statement.UpdateSet.Operation.DELETE) {
            all.stream()
                    .filter(a -> a.key.equals(exact) && !a.dead && now < a.deadline)
                    .forEach(a -> a.dead = true);
            return true;
        }
        ElementSet.Living how = s.set().living();
        long timeout = s.timeoutMillis() == 0 ? how.timeoutMillis() : s.timeoutMillis();
        for (Alive a : all) {
            if (a.key.equals(exact) && !a.dead && now < a.deadline) {
                if (s.operation() == Statement.UpdateSet.Operation.UPDATE && a.timed) {
                    a.deadline = now + timeout * 1_000_000;
                }
                return a.meet(facts);
            }
        }
        if (isFull(all, how) && now - cleared.getOrDefault(s.set(), began) >= 1_000_000_000) {
            cleared.put(s.set(), now);
            all.removeIf(a -> a.dead || now >= a.deadline || a.isIdle(facts));
        }
        if (isFull(all, how)) {
            return false;
        }
        List<Statement> statements = s.statements().isEmpty() ? how.statements() : s.statements();
        Alive fresh = new Alive(exact, statements, timeout, timeout, now);
        all.add(fresh);
        return fresh.meet(facts);
    }

    private static boolean isFull(List<Alive> all, ElementSet.Living how) {
        return all.stream().filter(a -> !a.key.isEmpty()).count() >= how.size();
    }

    private static long high(BigInteger value) {
        return value.shiftRight(64).longValue();
    }

    private Optional<List<BigInteger>> key(List<Expr> parts, PacketFacts facts) {
        List<BigInteger> out = new ArrayList<>();
        for (Expr part : parts) {
            Optional<BigInteger> value = value(part, facts);
            if (value.isEmpty()) {
                return Optional.empty();
            }
            out.add(value.get());
        }
        return Optional.of(out);
    }

    private boolean connections(Statement.ConnLimit limit, Bucket bucket, PacketFacts facts) {
        int needed =
                switch (facts.packet.protocol()) {
                    case 6, 17 -> 4;
                    case 1, 58 -> 8;
                    default -> 0;
                };
        if (!facts.hasFlow && facts.packet.transportCaptured() < needed) {
            uncountable = true;
            return false;
        }
        PacketFacts kept = new PacketFacts();
        kept.hasFlow = facts.hasFlow;
        kept.flow = facts.flow;
        kept.packet = facts.packet;
        kept.originalSourceHigh = facts.originalSourceHigh;
        kept.originalSourceLow = facts.originalSourceLow;
        kept.originalDestinationHigh = facts.originalDestinationHigh;
        kept.originalDestinationLow = facts.originalDestinationLow;
        kept.originalSourcePort = facts.originalSourcePort;
        kept.originalDestinationPort = facts.originalDestinationPort;
        PacketView p = facts.packet;
        if (!facts.hasFlow) {
            kept.originalSourceHigh = p.sourceHigh();
            kept.originalSourceLow = p.sourceLow();
            kept.originalDestinationHigh = p.destinationHigh();
            kept.originalDestinationLow = p.destinationLow();
            kept.originalSourcePort = p.sourcePort();
            kept.originalDestinationPort = p.destinationPort();
        }
        String key =
                p.protocol()
                        + " "
                        + kept.originalSourceHigh
                        + " "
                        + kept.originalSourceLow
                        + " "
                        + kept.originalDestinationHigh
                        + " "
                        + kept.originalDestinationLow
                        + " "
                        + kept.originalSourcePort
                        + " "
                        + kept.originalDestinationPort;
        bucket.connections.values().removeIf(c -> !open(c, facts));
        if (facts.hasFlow || !bucket.connections.containsKey(key)) {
            bucket.connections.put(key, kept);
        }
        return bucket.connections.size() > limit.most() == limit.over();
    }

    private static boolean open(PacketFacts c, PacketFacts now) {
        return c.hasFlow
                && now.flows.isOpen(
                        c.flow,
                        c.packet.ipVersion(),
                        c.packet.protocol(),
                        c.originalSourceHigh,
                        c.originalSourceLow,
                        c.originalDestinationHigh,
                        c.originalDestinationLow,
                        c.originalSourcePort << 16 | c.originalDestinationPort,
                        now.timeNanos);
    }

    // ---- sets ----

    private Optional<Element> lookup(List<Expr> key, ElementSet set, PacketFacts facts) {
        List<BigInteger> values = new ArrayList<>();
        for (Expr part : key) {
            Optional<BigInteger> value = value(part, facts);
            if (value.isEmpty()) {
                return Optional.empty();
            }
            values.add(value.get());
        }
        Element catchAll = null;
        for (Element element : set.elements()) {
            if (element.isCatchAll()) {
                catchAll = element;
                continue;
            }
            boolean all = true;
            for (int i = 0; i < values.size(); i++) {
                all &= contains(element.key().get(i), values.get(i));
            }
            if (all) {
                return Optional.of(element);
            }
        }
        return Optional.ofNullable(catchAll);
    }

    private static boolean contains(Range range, BigInteger value) {
        return value.compareTo(unsigned(range.lowHigh(), range.lowLow())) >= 0
                && value.compareTo(unsigned(range.highHigh(), range.highLow())) <= 0;
    }

    // ---- values ----

    private Optional<BigInteger> value(Expr expr, PacketFacts facts) {
        return switch (expr) {
            case Expr.Load(Field field) -> field(field, facts);
            case Expr.Constant(DataType type, long high, long low) ->
                    Optional.of(unsigned(high, low));
            case Expr.Binary(Expr.Operator operator, Expr left, Expr right) ->
                    value(left, facts)
                            .flatMap(
                                    a ->
                                            value(right, facts)
                                                    .map(b -> combine(operator, a, b, left)));
            case Expr.Lookup(List<Expr> key, ElementSet map) ->
                    lookup(key, map, facts)
                            .map(e -> (Element.Data.Value) e.data())
                            .map(v -> unsigned(v.high(), v.low()));
        };
    }

    private static BigInteger combine(
            Expr.Operator operator, BigInteger a, BigInteger b, Expr left) {
        BigInteger all = BigInteger.ONE.shiftLeft(left.type().bits()).subtract(BigInteger.ONE);
        return switch (operator) {
            case AND -> a.and(b);
            case OR -> a.or(b);
            case XOR -> a.xor(b);
            case SHIFT_LEFT -> a.shiftLeft(b.intValue()).and(all);
            case SHIFT_RIGHT -> a.shiftRight(b.intValue());
        };
    }

    private static Optional<BigInteger> field(Field field, PacketFacts facts) {
        if (field.header() != null) {
            return header(field, facts.packet);
        }
        if (field.isConntrack() && field != Field.CT_STATE && !facts.hasFlow) {
            return Optional.empty();
        }
        PacketView packet = facts.packet;
        boolean v4 = packet.ipVersion() == 4;
        String text = field.text();
        if (text.startsWith("ct original") || text.startsWith("ct reply")) {
            return tuple(text, facts, v4);
        }
        return switch (field) {
            case META_IIF, META_IIFNAME -> Optional.of(name(facts.inputInterface));
            case META_OIF, META_OIFNAME -> Optional.of(name(facts.outputInterface));
            case CT_HELPER -> Optional.ofNullable(facts.parentHelper).map(NaiveRules::name);
            case META_L4PROTO -> Optional.of(big(packet.protocol()));
            case META_NFPROTO -> Optional.of(big(v4 ? 2 : 10));
            case META_PROTOCOL -> Optional.of(big(v4 ? 0x0800 : 0x86dd));
            case META_LENGTH -> Optional.of(big(packet.ipLength()));
            case META_MARK -> Optional.of(unsigned(0, facts.mark & 0xffff_ffffL));
            case META_PKTTYPE -> {
                String to = packet.destination().toString();
                boolean multicast =
                        v4
                                ? Integer.parseInt(to.substring(0, to.indexOf('.'))) / 16 == 14
                                : to.startsWith("ff") && to.indexOf(':') == 4;
                yield Optional.of(big(to.equals("255.255.255.255") ? 1 : multicast ? 2 : 0));
            }
            case ETHER_SADDR ->
                    packet.sourceMac() < 0
                            ? Optional.empty()
                            : Optional.of(big(packet.sourceMac()));
            case FIB_SADDR_TYPE -> Optional.of(big(addressType(facts, packet.source())));
            case FIB_DADDR_TYPE -> Optional.of(big(addressType(facts, packet.destination())));
            case CT_STATE ->
                    Optional.of(
                            big(
                                    switch (facts.ctState) {
                                        case INVALID -> 1;
                                        case ESTABLISHED -> 2;
                                        case RELATED -> 4;
                                        case NEW -> 8;
                                        case UNTRACKED -> 64;
                                    }));
            case CT_STATUS -> Optional.of(unsigned(0, facts.ctStatus & 0xffff_ffffL));
            case CT_DIRECTION -> Optional.of(big(facts.ctDirection == Direction.ORIGINAL ? 0 : 1));
            case CT_MARK -> Optional.of(unsigned(0, facts.ctMark & 0xffff_ffffL));
            case CT_EXPIRATION -> Optional.of(big(facts.ctExpirationMillis));
            case CT_ID -> Optional.of(unsigned(0, facts.ctId & 0xffff_ffffL));
            default -> throw new IllegalStateException(field.text());
        };
    }

    private static long addressType(PacketFacts facts, IpAddress address) {
        String text = address.toString();
        if (facts.localAddresses.contains(address) || text.equals("::1")) {
            return 2;
        }
        if (!address.isV4()) {
            return text.startsWith("ff") && text.indexOf(':') == 4 ? 5 : 1;
        }
        int first = Integer.parseInt(text.substring(0, text.indexOf('.')));
        if (first == 0 || text.equals("255.255.255.255")) {
            return 3;
        }
        return first == 127 ? 2 : first / 16 == 14 ? 5 : 1;
    }

    private static Optional<BigInteger> tuple(String text, PacketFacts facts, boolean v4) {
        boolean original = text.startsWith("ct original");
        boolean wantsSource = text.endsWith("saddr") || text.endsWith("proto-src");
        boolean source = original == wantsSource;
        if (text.contains("proto-")) {
            return Optional.of(
                    big(source ? facts.originalSourcePort : facts.originalDestinationPort));
        }
        if (text.contains(" ip ") != v4) {
            return Optional.empty();
        }
        long high = source ? facts.originalSourceHigh : facts.originalDestinationHigh;
        long low = source ? facts.originalSourceLow : facts.originalDestinationLow;
        return Optional.of(v4 ? big(low & 0xffff_ffffL) : unsigned(high, low));
    }

    /** The bits of a header, if they are all there. */
    private static Optional<BigInteger> header(Field field, PacketView packet) {
        boolean network = field.header().isNetwork();
        if (!network && packet.fragmentOffset() != 0) {
            return Optional.empty();
        }
        long start = network ? packet.networkStart() : packet.transportStart();
        int there = network ? packet.ipCaptured() : packet.transportCaptured();
        int end = field.bitOffset() + field.type().bits();
        int bytes = (end + 7) / 8;
        if (bytes > there) {
            return Optional.empty();
        }
        byte[] copy = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            copy[i] = packet.data().get(ValueLayout.JAVA_BYTE, start + i);
        }
        BigInteger mask = BigInteger.ONE.shiftLeft(field.type().bits()).subtract(BigInteger.ONE);
        return Optional.of(new BigInteger(1, copy).shiftRight(bytes * 8 - end).and(mask));
    }

    private static BigInteger name(String text) {
        byte[] bytes = text == null ? new byte[0] : text.getBytes(StandardCharsets.ISO_8859_1);
        return new BigInteger(1, Arrays.copyOf(bytes, 16));
    }

    private static BigInteger big(long value) {
        return BigInteger.valueOf(value);
    }

    private static BigInteger unsigned(long high, long low) {
        byte[] bytes = new byte[16];
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) (high >>> 56 - 8 * i);
            bytes[i + 8] = (byte) (low >>> 56 - 8 * i);
        }
        return new BigInteger(1, bytes);
    }
}
