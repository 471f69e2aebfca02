package io.pinhole.rule.nft;

import io.pinhole.rule.DataType;
import io.pinhole.rule.Family;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.TimeoutObject;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.Words;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads {@code ct helper}, {@code counter}, {@code flowtable} and the like in a table. */
final class ObjectParser {
    /** States of the kernel's TCP and UDP timeout policies, as nft names them. */
    private static final Map<Integer, Set<String>> STATES =
            Map.of(
                    6,
                    Set.of(
                            "syn_sent",
                            "syn_recv",
                            "established",
                            "fin_wait",
                            "close_wait",
                            "last_ack",
                            "time_wait",
                            "close",
                            "syn_sent2",
                            "retrans",
                            "unack"),
                    17,
                    Set.of("unreplied", "replied"));

    /** The states whose timeouts a policy for this protocol may set. */
    static Set<String> states(int protocol) {
        return STATES.getOrDefault(protocol, Set.of());
    }

    private final ValueParser at;
    private final TableState table;
    private final boolean mustBeNew;

    ObjectParser(ValueParser at, TableState table, boolean mustBeNew) {
        this.at = at;
        this.table = table;
        this.mustBeNew = mustBeNew;
    }

    /**
     * Reads on after {@code counter}, {@code ct helper} ….
     *
     * @param first the first word
     * @param kind the last word: the same, or the second after ct
     */
    void declare(Token first, Token kind) {
        if (first.is("flowtable")) {
            flowtable();
            return;
        }
        switch (kind(first, kind)) {
            case HELPER -> helper();
            case TIMEOUT -> timeout();
            case EXPECTATION -> expectation();
            case COUNTER -> stateful(ObjectKind.COUNTER, kind);
            case QUOTA -> stateful(ObjectKind.QUOTA, kind);
            case LIMIT -> stateful(ObjectKind.LIMIT, kind);
        }
    }

    private static ObjectKind kind(Token first, Token kind) {
        String label = first.is("ct") ? "ct " + kind.text() : first.text();
        for (ObjectKind known : ObjectKind.values()) {
            if (known.label().equals(label)) {
                return known;
            }
        }
        throw kind.at()
                .fault(
                        "expected helper, timeout or expectation, found "
                                + kind.found()
                                + Words.hint(
                                        kind.text(), Set.of("helper", "timeout", "expectation")));
    }

    /** Reads the name of what goes, after {@code delete counter ip t} and the like. */
    void remove(Token first, Token kind, boolean mustExist) {
        if (first.is("flowtable")) {
            Token name = at.name("a flowtable");
            if (!table.flowtables.remove(name.text()) && mustExist) {
                throw name.at().fault("no flowtable '" + name.text() + "'");
            }
            return;
        }
        ObjectKind of = kind(first, kind);
        Token name = objectName(of);
        boolean gone = table.objects.removeIf(o -> o.kind() == of && o.name().equals(name.text()));
        if (!gone && mustExist) {
            throw name.at().fault("no " + of.label() + " '" + name.text() + "'");
        }
    }

    /** Adding what exists changes nothing but a quota (nf_tables_newobj). */
    private void add(NamedObject object, Token name) {
        for (int i = 0; i < table.objects.size(); i++) {
            NamedObject before = table.objects.get(i);
            if (before.kind() == object.kind() && before.name().equals(object.name())) {
                if (mustBeNew) {
                    throw name.at()
                            .fault(object.kind().label() + " '" + object.name() + "' exists");
                }
                if (object instanceof NamedObject.Quota) {
                    table.objects.set(i, object);
                }
                return;
            }
        }
        table.objects.add(object);
    }

    private Token objectName(ObjectKind kind) {
        Token token = at.in.next();
        if (token.kind() != Token.Kind.WORD && token.kind() != Token.Kind.STRING) {
            throw token.at()
                    .fault("expected the name of a " + kind.label() + ", found " + token.found());
        }
        return token;
    }

    /** One line of a block. */
    private interface Item {
        void read(Token first);
    }

    private void block(String what, Item item) {
        at.expect("{", "before the " + what);
        while (!at.in.peek().is("}")) {
            Token first = at.in.next();
            if (first.kind() == Token.Kind.SEPARATOR) {
                continue;
            }
            if (first.kind() == Token.Kind.END) {
                throw first.at().fault("expected '}' at the end of the " + what);
            }
            if (first.is("comment")) {
                at.string("a comment");
            } else {
                item.read(first);
            }
        }
        at.in.next();
    }

    private static Fault unexpected(Token token, Set<String> known) {
        return token.at()
                .fault(
                        "expected "
                                + String.join(", ", known.stream().sorted().toList())
                                + ", found "
                                + token.found()
                                + Words.hint(token.text(), known));
    }

    private int protocol() {
        Token token = at.in.next();
        if (!token.is("tcp") && !token.is("udp")) {
            throw token.at().fault("expected tcp or udp, found " + token.found());
        }
        return token.is("tcp") ? 6 : 17;
    }

    /** {@code l3proto ip}; must fit the table. */
    private int l3proto() {
        Token token = at.in.next();
        int family = token.is("ip") ? 4 : token.is("ip6") ? 6 : token.is("inet") ? 0 : -1;
        if (family < 0) {
            throw token.at().fault("expected ip, ip6 or inet, found " + token.found());
        }
        int of = familyOf(table.family);
        if (of != 0 && family != of) {
            throw token.at()
                    .fault(
                            "a table of family "
                                    + table.family.label()
                                    + " has no l3proto "
                                    + token.text());
        }
        return family;
    }

    private static int familyOf(Family family) {
        return switch (family) {
            case IP -> 4;
            case IP6 -> 6;
            case INET -> 0;
        };
    }

    /** {@code ct helper ftp4 { type "ftp" protocol tcp; l3proto ip; }}. */
    private void helper() {
        Token name = objectName(ObjectKind.HELPER);
        String[] type = {""};
        int[] numbers = {0, familyOf(table.family)};
        block(
                "ct helper",
                first -> {
                    switch (first.text()) {
                        case "type" -> {
                            Token token = at.in.next();
                            if (token.kind() != Token.Kind.STRING) {
                                throw token.at()
                                        .fault(
                                                "expected a helper's type in quotes, found "
                                                        + token.found());
                            }
                            if (token.text().isEmpty()
                                    || token.text().length() > DataType.MAX_NAME) {
                                throw token.at().fault("a helper's type has 1 to 15 characters");
                            }
                            type[0] = token.text();
                            at.expect("protocol", "after the type of a helper");
                            numbers[0] = protocol();
                        }
                        case "l3proto" -> numbers[1] = l3proto();
                        default -> throw unexpected(first, Set.of("type", "l3proto"));
                    }
                });
        if (type[0].isEmpty()) {
            throw name.at().fault("ct helper '" + name.text() + "' has no type");
        }
        HelperObject helper =
                new HelperObject(table.name, name.text(), type[0], numbers[0], numbers[1]);
        add(new NamedObject.Helper(helper, name.at().pos()), name);
    }

    /** {@code ct timeout t { protocol tcp; policy = { established : 120, close : 4 }; }}. */
    private void timeout() {
        Token name = objectName(ObjectKind.TIMEOUT);
        int[] numbers = {0, familyOf(table.family)};
        Map<String, Integer> seconds = new LinkedHashMap<>();
        Map<String, Token> states = new HashMap<>();
        block(
                "ct timeout",
                first -> {
                    switch (first.text()) {
                        case "protocol" -> numbers[0] = protocol();
                        case "l3proto" -> numbers[1] = l3proto();
                        case "policy" -> policy(seconds, states);
                        default -> throw unexpected(first, Set.of("protocol", "l3proto", "policy"));
                    }
                });
        if (numbers[0] == 0) {
            throw name.at().fault("ct timeout '" + name.text() + "' has no protocol");
        }
        Set<String> known = STATES.getOrDefault(numbers[0], Set.of());
        for (Token state : states.values()) {
            if (!known.contains(state.text())) {
                throw unexpected(state, known);
            }
        }
        TimeoutObject timeout =
                new TimeoutObject(table.name, name.text(), numbers[0], numbers[1], seconds);
        add(new NamedObject.Timeout(timeout, name.at().pos()), name);
    }

    private void policy(Map<String, Integer> seconds, Map<String, Token> states) {
        at.expect("=", "after 'policy'");
        at.expect("{", "before the timeouts");
        int before = at.in.blankDepth();
        at.in.beginBlank();
        while (!at.in.peek().is("}")) {
            Token state = at.in.next();
            at.expect(":", "after the state");
            Token time = at.in.next();
            long value =
                    switch (time.kind()) {
                        case NUMBER -> time.number();
                        case TIME -> time.number() / 1000;
                        default -> throw time.at().fault("expected a time, found " + time.found());
                    };
            if (value > Integer.MAX_VALUE / 1000) {
                throw time.at().fault("a timeout is at most 24 days");
            }
            seconds.put(state.text(), (int) value);
            states.put(state.text(), state);
            if (!at.accept(",") && !at.in.peek().is("}")) {
                throw at.in.peek().at().fault("expected ',' or '}', found " + at.in.peek().found());
            }
        }
        at.in.next();
        at.in.blankDepth(before);
    }

    /** {@code ct expectation e { protocol tcp; dport 21; timeout 1h; size 12; l3proto ip; }}. */
    private void expectation() {
        Token name = objectName(ObjectKind.EXPECTATION);
        int[] numbers = {0, familyOf(table.family), 0, 0};
        long[] timeout = {0};
        block(
                "ct expectation",
                first -> {
                    switch (first.text()) {
                        case "protocol" -> numbers[0] = protocol();
                        case "l3proto" -> numbers[1] = l3proto();
                        case "dport" -> numbers[2] = (int) at.number("a port", 65_535);
                        case "size" -> numbers[3] = (int) at.number("a size", 255);
                        case "timeout" -> {
                            Token time = at.in.next();
                            if (time.kind() != Token.Kind.TIME) {
                                throw time.at().fault("expected a time, found " + time.found());
                            }
                            timeout[0] = time.number();
                        }
                        default ->
                                throw unexpected(
                                        first,
                                        Set.of("protocol", "l3proto", "dport", "size", "timeout"));
                    }
                });
        if (numbers[0] == 0 || numbers[2] == 0 || numbers[3] == 0 || timeout[0] == 0) {
            throw name.at().fault("ct expectation needs protocol, dport, size and timeout");
        }
        add(
                new NamedObject.Expectation(
                        name.text(),
                        numbers[0],
                        numbers[1],
                        numbers[2],
                        timeout[0],
                        numbers[3],
                        name.at().pos()),
                name);
    }

    /** {@code flowtable f { hook ingress priority 0; devices = { a, b }; }}: noted only. */
    private void flowtable() {
        Token name = at.name("a flowtable");
        block(
                "flowtable",
                first -> {
                    switch (first.text()) {
                        case "hook" -> {
                            at.expect("ingress", "after 'hook'");
                            at.expect("priority", "after the hook");
                            at.value();
                            if (at.accept("+")) {
                                at.number("a number", Integer.MAX_VALUE);
                            }
                        }
                        case "devices" -> {
                            at.expect("=", "after 'devices'");
                            at.value();
                        }
                        case "flags" -> at.expect("offload", "after 'flags'");
                        case "counter" -> {}
                        default ->
                                throw unexpected(
                                        first, Set.of("hook", "devices", "flags", "counter"));
                    }
                });
        table.flowtables.add(name.text());
    }

    private void stateful(ObjectKind of, Token kind) {
        Token name = objectName(of);
        @Nullable NamedObject[] made = {null};
        boolean braces = at.in.peek().is("{");
        if (braces) {
            block(
                    kind.text(),
                    first -> {
                        at.in.back(first);
                        made[0] = body(of, name);
                    });
        } else if (!at.in.peek().endsStatement() && !at.in.peek().is("}")) {
            made[0] = body(of, name);
        }
        NamedObject object = made[0];
        if (object == null) {
            if (of != ObjectKind.COUNTER) {
                throw name.at().fault(kind.text() + " '" + name.text() + "' says nothing");
            }
            object = new NamedObject.Counter(name.text(), 0, 0, name.at().pos());
        }
        add(object, name);
    }

    private NamedObject body(ObjectKind kind, Token name) {
        return switch (kind) {
            case COUNTER -> {
                at.expect("packets", "in a counter");
                long packets = at.number("a number of packets", Long.MAX_VALUE);
                at.expect("bytes", "after the packets of a counter");
                long bytes = at.number("a number of bytes", Long.MAX_VALUE);
                yield new NamedObject.Counter(name.text(), packets, bytes, name.at().pos());
            }
            case QUOTA ->
                    new NamedObject.Quota(name.text(), new RateParser(at).quota(), name.at().pos());
            default ->
                    new NamedObject.Limit(name.text(), new RateParser(at).limit(), name.at().pos());
        };
    }
}
