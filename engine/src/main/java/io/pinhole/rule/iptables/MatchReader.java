package io.pinhole.rule.iptables;

import io.pinhole.core.CtState;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.LimitRate;
import io.pinhole.rule.Range;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the protocol and the matches ({@code -m}) of one rule. */
final class MatchReader {
    private static final Set<String> MODULES =
            Set.of(
                    "tcp",
                    "udp",
                    "udplite",
                    "sctp",
                    "dccp",
                    "icmp",
                    "icmp6",
                    "icmpv6",
                    "multiport",
                    "conntrack",
                    "state",
                    "helper",
                    "mark",
                    "connmark",
                    "iprange",
                    "set",
                    "limit",
                    "comment",
                    "addrtype",
                    "length",
                    "mac",
                    "pkttype");

    /** Modules of iptables 1.8 that Pinhole does not evaluate. */
    private static final Set<String> FOREIGN =
            Set.of(
                    "ah",
                    "bpf",
                    "cgroup",
                    "cluster",
                    "connbytes",
                    "connlabel",
                    "connlimit",
                    "cpu",
                    "devgroup",
                    "dscp",
                    "dst",
                    "ecn",
                    "esp",
                    "eui64",
                    "frag",
                    "hashlimit",
                    "hbh",
                    "hl",
                    "ipcomp",
                    "ipv6header",
                    "ipvs",
                    "mh",
                    "nfacct",
                    "osf",
                    "owner",
                    "physdev",
                    "policy",
                    "quota",
                    "rateest",
                    "realm",
                    "recent",
                    "rpfilter",
                    "rt",
                    "socket",
                    "srh",
                    "statistic",
                    "string",
                    "tcpmss",
                    "time",
                    "tos",
                    "ttl",
                    "u32",
                    "unclean");

    /** Options of all matches, for "did you mean". */
    static final Set<String> OPTIONS =
            Set.of(
                    "--sport",
                    "--dport",
                    "--sports",
                    "--dports",
                    "--ports",
                    "--tcp-flags",
                    "--syn",
                    "--icmp-type",
                    "--icmpv6-type",
                    "--ctstate",
                    "--state",
                    "--ctproto",
                    "--ctorigsrc",
                    "--ctorigdst",
                    "--ctreplsrc",
                    "--ctrepldst",
                    "--ctorigsrcport",
                    "--ctorigdstport",
                    "--ctreplsrcport",
                    "--ctrepldstport",
                    "--ctstatus",
                    "--ctexpire",
                    "--ctdir",
                    "--helper",
                    "--mark",
                    "--src-range",
                    "--dst-range",
                    "--match-set",
                    "--limit",
                    "--limit-burst",
                    "--comment",
                    "--src-type",
                    "--dst-type",
                    "--length",
                    "--mac-source",
                    "--pkt-type",
                    "--jump",
                    "--protocol",
                    "--source",
                    "--destination",
                    "--in-interface",
                    "--out-interface",
                    "--reject-with",
                    "--set-mark",
                    "--set-xmark",
                    "--log-prefix");

    private static final Map<String, Integer> TCP_FLAGS =
            Map.of(
                    "FIN", 1, "SYN", 2, "RST", 4, "PSH", 8, "ACK", 16, "URG", 32, "ALL", 63, "NONE",
                    0);
    private static final Map<String, Integer> STATUS =
            Map.of("EXPECTED", 1, "SEEN_REPLY", 2, "ASSURED", 4, "CONFIRMED", 8);
    private static final Map<String, Long> ADDRESS_TYPES =
            Map.of("UNICAST", 1L, "LOCAL", 2L, "BROADCAST", 3L, "ANYCAST", 4L, "MULTICAST", 5L);
    private static final Map<String, Long> UNITS =
            Map.of("second", 1L, "minute", 60L, "hour", 3600L, "day", 86_400L);
    private static final int ICMP_ANY = 255;

    private final TableNames names;
    private final Arguments args;
    private final Span at;
    private final List<Statement> base = new ArrayList<>();
    private final List<Statement> matches = new ArrayList<>();
    private final Set<String> loaded = new HashSet<>();
    private String last = "";
    private int protocol = -1;
    private @Nullable String comment;
    private @Nullable List<Range> eitherPorts;
    private @Nullable LimitAt limit;

    // Of the conntrack match that is being read: whether its states are those of packets without a
    // flow, too, and whether it asks anything of the flow.
    private boolean ofNoFlow;
    private boolean ofFlow;

    /** A limit and where it stands among the matches. */
    private record LimitAt(int index, long amount, long seconds, long burst, SourcePos at) {}

    MatchReader(TableNames names, Arguments args, Span at) {
        this.names = names;
        this.args = args;
        this.at = at;
    }

    /** What is asked before any match. */
    List<Statement> base() {
        return base;
    }

    @Nullable String comment() {
        return comment;
    }

    /** The protocol the rule is about, or -1. */
    int protocol() {
        return protocol;
    }

    /** The statements, in the order in which the kernel asks. */
    List<List<Statement>> alternatives() {
        LimitAt of = limit;
        if (of != null) {
            matches.set(
                    of.index,
                    new Statement.Limit(
                            new LimitRate(false, of.amount, of.seconds, of.burst, false), of.at));
        }
        List<Statement> all = new ArrayList<>(base);
        all.addAll(matches);
        List<Range> ports = eitherPorts;
        if (ports == null) {
            return List.of(all);
        }
        if (of != null) {
            throw at.fault("'--ports' together with '-m limit' is not evaluated by Pinhole");
        }
        SourcePos pos = at.pos();
        List<Statement> bySource = new ArrayList<>(all);
        bySource.add(in(port(true), ports, false, pos));
        List<Statement> byDestination = new ArrayList<>(all);
        byDestination.add(in(port(true), ports, true, pos));
        byDestination.add(in(port(false), ports, false, pos));
        return List.of(bySource, byDestination);
    }

    // ---- protocol and modules ----

    void protocol(Word word, boolean negated) {
        String text = word.text().toLowerCase(java.util.Locale.ROOT);
        if (text.equals("all") || text.equals("0")) {
            if (negated) {
                throw word.fault("this never matches");
            }
            return;
        }
        String name = text.equals("icmp6") ? "icmpv6" : text;
        int number = (int) Parse.symbol(name, DataType.INET_PROTO, word);
        base.addFirst(
                new Statement.InRange(
                        new Expr.Load(Field.META_L4PROTO),
                        Range.of(number),
                        negated,
                        false,
                        word.at().pos()));
        if (!negated) {
            protocol = number;
        }
    }

    void module(Word word) {
        String name = word.text();
        if (FOREIGN.contains(name)) {
            throw word.fault("match '" + name + "' is " + Parse.NOT_EVALUATED);
        }
        if (!MODULES.contains(name)) {
            throw word.fault("unknown match " + word.found() + Words.hint(name, MODULES));
        }
        loaded.add(name);
        last = name;
        ofNoFlow = false;
        ofFlow = false;
    }

    private boolean has(String module) {
        return loaded.contains(module);
    }

    // ---- options ----

    /** Reads an option of a match; false if it is none. */
    boolean option(Word option, boolean negated) {
        SourcePos pos = option.at().pos();
        ofFlow |= option.text().startsWith("--ct") && !option.is("--ctstate");
        switch (option.text()) {
            case "--sport", "--source-port", "--sports", "--source-ports" ->
                    ports(option, true, negated);
            case "--dport", "--destination-port", "--dports", "--destination-ports" ->
                    ports(option, false, negated);
            case "--ports", "--port" -> either(option, negated);
            case "--tcp-flags" -> tcpFlags(option, negated, pos);
            case "--syn" -> {
                needs(6, option);
                flags(0x17, 0x02, negated, pos);
            }
            case "--tcp-option", "--chunk-types", "--dccp-types", "--dccp-option" ->
                    throw option.fault("'" + option.text() + "' is " + Parse.NOT_EVALUATED);
            case "--icmp-type" -> icmp(option, negated, pos);
            case "--icmpv6-type" -> icmpv6(option, negated, pos);
            case "--ctstate", "--state" -> state(option, negated, pos);
            case "--ctproto" ->
                    throw option.fault("'" + option.text() + "' is " + Parse.NOT_EVALUATED);
            case "--ctorigsrc", "--ctorigdst", "--ctreplsrc", "--ctrepldst" ->
                    flowAddress(option, negated, pos);
            case "--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport", "--ctrepldstport" ->
                    flowPort(option, negated, pos);
            case "--ctstatus" -> status(option, negated, pos);
            case "--ctexpire" -> {
                Range seconds = Parse.numbers(args.value(option), Parse.MAX_U32 / 1000 - 1);
                Range millis =
                        Range.between(seconds.lowLow() * 1000, seconds.highLow() * 1000 + 999);
                add(Field.CT_EXPIRATION, millis, negated, pos);
            }
            case "--ctdir" -> {
                if (negated) {
                    throw option.fault("'--ctdir' cannot be inverted");
                }
                Word value = args.value(option);
                boolean reply = value.is("REPLY");
                if (!reply && !value.is("ORIGINAL")) {
                    throw value.fault("expected ORIGINAL or REPLY, found " + value.found());
                }
                add(Field.CT_DIRECTION, Range.of(reply ? 1 : 0), false, pos);
            }
            case "--helper" -> {
                if (!has("helper")) {
                    return false;
                }
                helper(option, negated, pos);
            }
            case "--mark" -> mark(option, negated, pos);
            case "--src-range", "--dst-range" -> {
                Word value = args.value(option);
                Range range = Parse.addresses(value.text(), names.version(), value);
                add(address(option.is("--src-range")), range, negated, pos);
            }
            case "--match-set" -> set(option, negated, pos);
            case "--limit" -> limit(option, negated, pos);
            case "--limit-burst" -> burst(option);
            case "--comment" -> comment = args.value(option).text();
            case "--src-type", "--dst-type" -> addressType(option, negated, pos);
            case "--limit-iface-in", "--limit-iface-out" ->
                    throw option.fault("'" + option.text() + "' is " + Parse.NOT_EVALUATED);
            case "--length" -> {
                Range range = Parse.numbers(args.value(option), 65_535);
                // xt_length: with the header, which the length in an IPv6 header leaves out.
                add(
                        names.version() == 4 ? Field.IP_LENGTH : Field.META_LENGTH,
                        range,
                        negated,
                        pos);
            }
            case "--mac-source" -> {
                Word value = args.value(option);
                add(Field.ETHER_SADDR, Range.of(Parse.mac(value.text(), value)), negated, pos);
            }
            case "--pkt-type" -> {
                Word value = args.value(option);
                long type = Parse.symbol(value.text(), DataType.PKT_TYPE, value);
                add(Field.META_PKTTYPE, Range.of(type), negated, pos);
            }
            default -> {
                return false;
            }
        }
        if (ofNoFlow && ofFlow) {
            // xt_conntrack: without a flow the answer is that of the state, if that is asked.
            throw option.fault(
                    "this beside a '--ctstate' that INVALID or UNTRACKED packets have is "
                            + Parse.NOT_EVALUATED
                            + ": the kernel asks nothing else of them; write two rules");
        }
        return true;
    }

    private void add(Field field, Range range, boolean negated, SourcePos pos) {
        matches.add(new Statement.InRange(new Expr.Load(field), range, negated, false, pos));
    }

    /** One of several ranges. */
    Statement in(Field field, List<Range> ranges, boolean negated, SourcePos pos) {
        Expr load = new Expr.Load(field);
        if (ranges.size() == 1) {
            return new Statement.InRange(load, ranges.getFirst(), negated, false, pos);
        }
        List<Element> elements =
                ranges.stream().map(r -> new Element(List.of(r), null, pos)).toList();
        ElementSet set =
                new ElementSet(
                        null, List.of(field.type()), ElementSet.Holds.NOTHING, null, elements, pos);
        return new Statement.InSet(List.of(load), set, negated, false, pos);
    }

    private void needs(int wanted, Word option) {
        if (protocol != wanted) {
            throw option.fault(
                    "'"
                            + option.text()
                            + "' needs '-p "
                            + DataType.INET_PROTO.format(0, wanted)
                            + "' before it");
        }
    }

    // ---- ports ----

    private Field port(boolean source) {
        return switch (protocol) {
            case 6 -> source ? Field.TCP_SPORT : Field.TCP_DPORT;
            case 17 -> source ? Field.UDP_SPORT : Field.UDP_DPORT;
            case 136 -> source ? Field.UDPLITE_SPORT : Field.UDPLITE_DPORT;
            case 132 -> source ? Field.SCTP_SPORT : Field.SCTP_DPORT;
            case 33 -> source ? Field.DCCP_SPORT : Field.DCCP_DPORT;
            default -> throw at.fault("ports need '-p' with tcp, udp, udplite, sctp or dccp");
        };
    }

    private void ports(Word option, boolean source, boolean negated) {
        if (port(source).header() == null) {
            throw option.fault("no ports");
        }
        Word value = args.value(option);
        boolean list = last.equals("multiport") || option.text().endsWith("s");
        List<Range> ranges =
                list ? Parse.portList(value) : List.of(Parse.ports(value.text(), ':', value));
        matches.add(in(port(source), ranges, negated, option.at().pos()));
    }

    /** {@code --ports}: the source port or the destination port is one of them. */
    private void either(Word option, boolean negated) {
        List<Range> ranges = Parse.portList(args.value(option));
        if (negated) {
            matches.add(in(port(true), ranges, true, option.at().pos()));
            matches.add(in(port(false), ranges, true, option.at().pos()));
            return;
        }
        if (eitherPorts != null) {
            throw option.fault("'--ports' twice in a rule is not evaluated by Pinhole");
        }
        port(true);
        eitherPorts = ranges;
    }

    private void tcpFlags(Word option, boolean negated, SourcePos pos) {
        needs(6, option);
        int mask = flagBits(args.value(option));
        int wanted = flagBits(args.value(option));
        flags(mask, wanted, negated, pos);
    }

    private static int flagBits(Word word) {
        int bits = 0;
        for (String name : word.text().split(",", -1)) {
            Integer bit = TCP_FLAGS.get(name.toUpperCase(java.util.Locale.ROOT));
            if (bit == null) {
                throw word.fault(
                        "expected FIN, SYN, RST, PSH, ACK, URG, ALL or NONE, found "
                                + word.found());
            }
            bits |= bit;
        }
        return bits;
    }

    private void flags(int mask, int wanted, boolean negated, SourcePos pos) {
        Expr masked =
                new Expr.Binary(
                        Expr.Operator.AND,
                        new Expr.Load(Field.TCP_FLAGS),
                        new Expr.Constant(DataType.TCP_FLAG, 0, mask));
        matches.add(new Statement.InRange(masked, Range.of(wanted), negated, false, pos));
    }

    // ---- ICMP ----

    private void icmp(Word option, boolean negated, SourcePos pos) {
        needs(1, option);
        Word value = args.value(option);
        int[] typeAndCode = IcmpNames.v4(value);
        icmp(Field.ICMP_TYPE, Field.ICMP_CODE, typeAndCode, negated, value, pos);
    }

    private void icmpv6(Word option, boolean negated, SourcePos pos) {
        needs(58, option);
        Word value = args.value(option);
        icmp(Field.ICMPV6_TYPE, Field.ICMPV6_CODE, IcmpNames.v6(value), negated, value, pos);
    }

    /** Type, lowest code, highest code. */
    private void icmp(
            Field type, Field code, int[] wanted, boolean negated, Word value, SourcePos pos) {
        if (type == Field.ICMP_TYPE && wanted[0] == ICMP_ANY) {
            if (negated) {
                throw value.fault("this never matches");
            }
            return;
        }
        boolean anyCode = wanted[1] == 0 && wanted[2] == 255;
        if (anyCode) {
            add(type, Range.of(wanted[0]), negated, pos);
            return;
        }
        if (negated) {
            throw value.fault("a negated ICMP code is not evaluated by Pinhole");
        }
        add(type, Range.of(wanted[0]), false, pos);
        add(code, Range.between(wanted[1], wanted[2]), false, pos);
    }

    // ---- connection tracking ----

    private void state(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        long states = 0;
        long translated = 0;
        for (String name : value.text().split(",", -1)) {
            switch (name.toUpperCase(java.util.Locale.ROOT)) {
                case "SNAT" -> translated |= 16;
                case "DNAT" -> translated |= 32;
                case "INVALID" -> states |= CtState.INVALID.bit();
                case "ESTABLISHED" -> states |= CtState.ESTABLISHED.bit();
                case "RELATED" -> states |= CtState.RELATED.bit();
                case "NEW" -> states |= CtState.NEW.bit();
                case "UNTRACKED" -> states |= CtState.UNTRACKED.bit();
                default ->
                        throw value.fault(
                                "expected INVALID, NEW, ESTABLISHED, RELATED or UNTRACKED, found "
                                        + value.found());
            }
        }
        if (states != 0 && translated != 0) {
            throw value.fault("states together with SNAT or DNAT are " + Parse.NOT_EVALUATED);
        }
        long none = CtState.INVALID.bit() | CtState.UNTRACKED.bit();
        ofNoFlow = negated ? (states & none) != none : (states & none) != 0;
        Field field = translated == 0 ? Field.CT_STATE : Field.CT_STATUS;
        long bits = translated == 0 ? states : translated;
        matches.add(new Statement.AnyBit(new Expr.Load(field), bits, negated, pos));
    }

    private void status(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        long bits = 0;
        for (String name : value.text().split(",", -1)) {
            Integer bit = STATUS.get(name.toUpperCase(java.util.Locale.ROOT));
            if (bit == null) {
                throw value.fault(
                        name.equals("NONE")
                                ? "'--ctstatus NONE' is " + Parse.NOT_EVALUATED
                                : "expected EXPECTED, SEEN_REPLY, ASSURED or CONFIRMED, found "
                                        + value.found());
            }
            bits |= bit;
        }
        matches.add(new Statement.AnyBit(new Expr.Load(Field.CT_STATUS), bits, negated, pos));
    }

    private void flowAddress(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        boolean v4 = names.version() == 4;
        Field field =
                switch (option.text()) {
                    case "--ctorigsrc" ->
                            v4 ? Field.CT_ORIGINAL_IP_SADDR : Field.CT_ORIGINAL_IP6_SADDR;
                    case "--ctorigdst" ->
                            v4 ? Field.CT_ORIGINAL_IP_DADDR : Field.CT_ORIGINAL_IP6_DADDR;
                    case "--ctreplsrc" -> v4 ? Field.CT_REPLY_IP_SADDR : Field.CT_REPLY_IP6_SADDR;
                    default -> v4 ? Field.CT_REPLY_IP_DADDR : Field.CT_REPLY_IP6_DADDR;
                };
        Parse.Masked masked = Parse.masked(value.text(), names.version(), value);
        if (!masked.isPrefix()) {
            throw value.fault("expected a prefix, found " + value.found());
        }
        Range range = masked.range();
        add(
                field,
                v4
                        ? Range.between(
                                range.lowLow() & 0xffff_ffffL, range.highLow() & 0xffff_ffffL)
                        : range,
                negated,
                pos);
    }

    private void flowPort(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        Field field =
                switch (option.text()) {
                    case "--ctorigsrcport" -> Field.CT_ORIGINAL_PROTO_SRC;
                    case "--ctorigdstport" -> Field.CT_ORIGINAL_PROTO_DST;
                    case "--ctreplsrcport" -> Field.CT_REPLY_PROTO_SRC;
                    default -> Field.CT_REPLY_PROTO_DST;
                };
        add(field, Parse.ports(value.text(), ':', value), negated, pos);
    }

    /** True on flows whose parent has this helper; an empty name means any. */
    private void helper(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        if (negated) {
            // It is true where there is no parent, and no statement of nft says that.
            throw option.fault("a negated '--helper' is " + Parse.NOT_EVALUATED);
        }
        String name = value.text();
        if (name.isEmpty()) {
            matches.add(new Statement.AnyBit(new Expr.Load(Field.CT_STATUS), 1, false, pos));
            return;
        }
        if (name.length() > DataType.MAX_NAME) {
            throw value.fault("the name of a helper has 1 to 15 characters");
        }
        add(Field.CT_HELPER, Range.of(DataType.nameHigh(name), DataType.nameLow(name)), false, pos);
    }

    // ---- the rest ----

    private void mark(Word option, boolean negated, SourcePos pos) {
        Field field = last.equals("connmark") ? Field.CT_MARK : Field.META_MARK;
        long[] valueAndMask = Parse.valueAndMask(args.value(option));
        Expr load = new Expr.Load(field);
        Expr left =
                valueAndMask[1] == Parse.MAX_U32
                        ? load
                        : new Expr.Binary(
                                Expr.Operator.AND,
                                load,
                                new Expr.Constant(DataType.MARK, 0, valueAndMask[1]));
        matches.add(new Statement.InRange(left, Range.of(valueAndMask[0]), negated, false, pos));
    }

    private Field address(boolean source) {
        return names.version() == 4
                ? source ? Field.IP_SADDR : Field.IP_DADDR
                : source ? Field.IP6_SADDR : Field.IP6_DADDR;
    }

    /** {@code --match-set NAME src,dst}: one direction for each part of the set's key. */
    private void set(Word option, boolean negated, SourcePos pos) {
        Word name = args.value(option);
        IpSets.IpSet set = names.ipset(name);
        Word flags = args.value(option);
        String[] directions = flags.text().split(",", -1);
        if (directions.length != set.parts().size()) {
            throw flags.fault(
                    "set '"
                            + name.text()
                            + "' has "
                            + set.parts().size()
                            + " parts, found "
                            + directions.length
                            + " directions");
        }
        if (set.version() != 0 && set.version() != names.version()) {
            throw name.fault("set '" + name.text() + "' is for IPv" + set.version());
        }
        List<Expr> key = new ArrayList<>();
        boolean ports = false;
        for (int i = 0; i < directions.length; i++) {
            boolean source = directions[i].equals("src");
            if (!source && !directions[i].equals("dst")) {
                throw flags.fault("expected src or dst, found " + flags.found());
            }
            switch (set.parts().get(i)) {
                case ADDRESS -> key.add(new Expr.Load(address(source)));
                case PORT -> {
                    key.add(new Expr.Load(Field.META_L4PROTO));
                    key.add(new Expr.Load(source ? Field.TH_SPORT : Field.TH_DPORT));
                    ports = true;
                }
                case BARE_PORT -> {
                    key.add(new Expr.Load(source ? Field.TH_SPORT : Field.TH_DPORT));
                    ports = true;
                }
                case MAC -> {
                    if (!source) {
                        throw flags.fault("only the source has an Ethernet address here");
                    }
                    key.add(new Expr.Load(Field.ETHER_SADDR));
                }
                case MARK -> key.add(new Expr.Load(Field.META_MARK));
            }
        }
        boolean hasPorts = Set.of(6, 17, 33, 132, 136).contains(protocol);
        if (ports && !hasPorts) {
            throw name.fault("a set with ports needs '-p' with a protocol that has them");
        }
        matches.add(new Statement.InSet(key, set.elements(), negated, false, pos));
    }

    private void limit(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        if (negated) {
            throw option.fault("'--limit' cannot be negated");
        }
        if (limit != null) {
            throw option.fault("two limits in a rule are not evaluated by Pinhole");
        }
        String text = value.text();
        int slash = text.indexOf('/');
        long seconds = 1;
        if (slash >= 0) {
            String unit = text.substring(slash + 1).toLowerCase(java.util.Locale.ROOT);
            String known =
                    UNITS.keySet().stream()
                            .filter(u -> !unit.isEmpty() && u.startsWith(unit))
                            .findFirst()
                            .orElse(null);
            if (known == null) {
                throw value.fault("expected second, minute, hour or day, found " + value.found());
            }
            seconds = UNITS.getOrDefault(known, 1L);
        }
        long amount =
                Parse.number(slash < 0 ? text : text.substring(0, slash), Parse.MAX_U32, value);
        if (amount == 0) {
            throw value.fault("a rate is at least 1");
        }
        limit = new LimitAt(matches.size(), amount, seconds, 5, pos);
        // Its burst may follow; alternatives() puts the whole here.
        matches.add(new Statement.Notrack(pos));
    }

    private void burst(Word option) {
        Word value = args.value(option);
        LimitAt of = limit;
        if (of == null) {
            throw option.fault("'--limit-burst' needs '--limit' before it");
        }
        long burst = Parse.number(value.text(), 10_000, value);
        if (burst == 0) {
            throw value.fault("a burst is at least 1");
        }
        limit = new LimitAt(of.index, of.amount, of.seconds, burst, of.at);
    }

    private void addressType(Word option, boolean negated, SourcePos pos) {
        Word value = args.value(option);
        List<Range> types = new ArrayList<>();
        for (String name : value.text().split(",", -1)) {
            Long type = ADDRESS_TYPES.get(name.toUpperCase(java.util.Locale.ROOT));
            if (type == null || type == 4) {
                throw value.fault(
                        "address type '"
                                + name
                                + "' is "
                                + Parse.NOT_EVALUATED
                                + "; UNICAST, LOCAL, BROADCAST and MULTICAST are");
            }
            types.add(Range.of(type));
        }
        Field field = option.is("--src-type") ? Field.FIB_SADDR_TYPE : Field.FIB_DADDR_TYPE;
        matches.add(in(field, types, negated, pos));
    }
}
