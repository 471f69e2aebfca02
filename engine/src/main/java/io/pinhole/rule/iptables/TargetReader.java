package io.pinhole.rule.iptables;

import io.pinhole.rule.Action;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.RejectWith;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the target ({@code -j}, {@code -g}) of one rule and its options. */
final class TargetReader {
    private static final Set<String> NAT =
            Set.of("SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP");

    /** Options of the targets of table nat, and whether they have a value. */
    private static final Map<String, Boolean> NAT_OPTIONS =
            Map.of(
                    "--to-source",
                    true,
                    "--to-destination",
                    true,
                    "--to-ports",
                    true,
                    "--to",
                    true,
                    "--random",
                    false,
                    "--random-fully",
                    false,
                    "--persistent",
                    false);

    /** Targets of iptables 1.8 that Pinhole does not evaluate. */
    private static final Set<String> FOREIGN =
            Set.of(
                    "AUDIT",
                    "CHECKSUM",
                    "CLASSIFY",
                    "CLUSTERIP",
                    "CONNSECMARK",
                    "DNPT",
                    "DSCP",
                    "ECN",
                    "HL",
                    "HMARK",
                    "IDLETIMER",
                    "LED",
                    "NFQUEUE",
                    "QUEUE",
                    "RATEEST",
                    "SECMARK",
                    "SET",
                    "SNPT",
                    "SYNPROXY",
                    "TCPMSS",
                    "TCPOPTSTRIP",
                    "TEE",
                    "TOS",
                    "TPROXY",
                    "TRACE",
                    "TTL",
                    "ULOG");

    private static final Map<String, Integer> REJECT4 =
            Map.ofEntries(
                    Map.entry("icmp-net-unreachable", 0),
                    Map.entry("net-unreach", 0),
                    Map.entry("icmp-host-unreachable", 1),
                    Map.entry("host-unreach", 1),
                    Map.entry("icmp-proto-unreachable", 2),
                    Map.entry("proto-unreach", 2),
                    Map.entry("icmp-port-unreachable", 3),
                    Map.entry("port-unreach", 3),
                    Map.entry("icmp-net-prohibited", 9),
                    Map.entry("net-prohib", 9),
                    Map.entry("icmp-host-prohibited", 10),
                    Map.entry("host-prohib", 10),
                    Map.entry("icmp-admin-prohibited", 13),
                    Map.entry("admin-prohib", 13));
    private static final Map<String, Integer> REJECT6 =
            Map.ofEntries(
                    Map.entry("icmp6-no-route", 0),
                    Map.entry("no-route", 0),
                    Map.entry("icmp6-adm-prohibited", 1),
                    Map.entry("adm-prohibited", 1),
                    Map.entry("icmp6-addr-unreachable", 3),
                    Map.entry("addr-unreach", 3),
                    Map.entry("icmp6-port-unreachable", 4),
                    Map.entry("port-unreach", 4),
                    Map.entry("icmp6-policy-fail", 5),
                    Map.entry("policy-fail", 5),
                    Map.entry("icmp6-reject-route", 6),
                    Map.entry("reject-route", 6));
    private static final Map<String, String> LOG_OPTIONS =
            Map.ofEntries(
                    Map.entry("--log-prefix", "prefix"),
                    Map.entry("--log-level", "level"),
                    Map.entry("--nflog-prefix", "prefix"),
                    Map.entry("--nflog-group", "group"),
                    Map.entry("--nflog-range", "snaplen"),
                    Map.entry("--nflog-size", "snaplen"),
                    Map.entry("--nflog-threshold", "queue-threshold"));
    private static final Map<String, String> LOG_FLAGS =
            Map.of(
                    "--log-tcp-sequence", "flags tcp sequence",
                    "--log-tcp-options", "flags tcp options",
                    "--log-ip-options", "flags ip options",
                    "--log-uid", "flags skuid",
                    "--log-macdecode", "flags ether");

    private final TableNames names;
    private final Arguments args;
    private final MatchReader matches;
    private final List<Statement> out = new ArrayList<>();
    private final StringBuilder options = new StringBuilder();
    private @Nullable Word name;
    private boolean toGoto;
    private @Nullable RejectWith reject;
    private long nfMask = Parse.MAX_U32;
    private long ctMask = Parse.MAX_U32;
    private String transfer = "";

    TargetReader(TableNames names, Arguments args, MatchReader matches) {
        this.names = names;
        this.args = args;
        this.matches = matches;
    }

    List<Statement> statements() {
        return out;
    }

    void jump(Word word, boolean isGoto) {
        if (name != null) {
            throw word.fault("a rule has one target");
        }
        if (FOREIGN.contains(word.text()) && !isGoto) {
            throw word.fault("target '" + word.text() + "' is " + Parse.NOT_EVALUATED);
        }
        name = word;
        toGoto = isGoto;
    }

    private boolean is(String target) {
        Word word = name;
        return word != null && word.is(target);
    }

    /** Reads an option of the target; false if it has none of this name. */
    boolean option(Word option) {
        SourcePos pos = option.at().pos();
        Word target = name;
        if (target == null) {
            return false;
        }
        String text = option.text();
        return switch (target.text()) {
            case "REJECT" -> text.equals("--reject-with") && reject(args.value(option));
            case "LOG", "NFLOG" -> log(option);
            case "MARK" -> mark(option, Field.META_MARK, pos);
            case "CONNMARK" -> connmark(option) || mark(option, Field.CT_MARK, pos);
            case "CT" -> conntrack(option, pos);
            default -> NAT.contains(target.text()) && nat(option);
        };
    }

    private boolean reject(Word with) {
        if (with.is("tcp-reset") || with.is("tcp-rst")) {
            if (matches.protocol() != 6) {
                throw with.fault("tcp-reset needs '-p tcp'");
            }
            reject = new RejectWith(RejectWith.Kind.TCP_RESET, 0);
            return true;
        }
        boolean v4 = names.version() == 4;
        Integer code = (v4 ? REJECT4 : REJECT6).get(with.text());
        if (code == null) {
            throw with.fault(
                    "expected a way to reject, found "
                            + with.found()
                            + Words.hint(with.text(), (v4 ? REJECT4 : REJECT6).keySet()));
        }
        reject = new RejectWith(v4 ? RejectWith.Kind.ICMP : RejectWith.Kind.ICMPV6, code);
        return true;
    }

    private boolean log(Word option) {
        String flag = LOG_FLAGS.get(option.text());
        String words = LOG_OPTIONS.get(option.text());
        if (flag != null) {
            options.append(options.isEmpty() ? "" : " ").append(flag);
            return true;
        }
        if (words == null) {
            return false;
        }
        String value = args.value(option).text();
        options.append(options.isEmpty() ? "" : " ").append(words).append(' ');
        options.append(words.equals("prefix") ? '"' + value + '"' : value);
        return true;
    }

    // ---- marks ----

    private static Expr number(long value) {
        return new Expr.Constant(DataType.MARK, 0, value & Parse.MAX_U32);
    }

    private static Expr binary(Expr.Operator operator, Expr left, Expr right) {
        return new Expr.Binary(operator, left, right);
    }

    private void set(Field field, Expr value, SourcePos pos) {
        out.add(
                field == Field.META_MARK
                        ? new Statement.SetMark(value, pos)
                        : new Statement.SetCtMark(value, pos));
    }

    private boolean mark(Word option, Field field, SourcePos pos) {
        Expr old = new Expr.Load(field);
        switch (option.text()) {
            case "--set-mark", "--set-xmark" -> {
                long[] of = Parse.valueAndMask(args.value(option));
                boolean or = option.is("--set-mark");
                Expr kept = binary(Expr.Operator.AND, old, number(~of[1]));
                Expr value =
                        of[1] == Parse.MAX_U32
                                ? number(of[0])
                                : binary(
                                        or ? Expr.Operator.OR : Expr.Operator.XOR,
                                        kept,
                                        number(of[0]));
                set(field, value, pos);
            }
            case "--and-mark" -> arithmetic(option, Expr.Operator.AND, field, pos);
            case "--or-mark" -> arithmetic(option, Expr.Operator.OR, field, pos);
            case "--xor-mark" -> arithmetic(option, Expr.Operator.XOR, field, pos);
            default -> {
                return false;
            }
        }
        return true;
    }

    private void arithmetic(Word option, Expr.Operator operator, Field field, SourcePos pos) {
        Word value = args.value(option);
        long number = Parse.number(value.text(), Parse.MAX_U32, value);
        set(field, binary(operator, new Expr.Load(field), number(number)), pos);
    }

    private boolean connmark(Word option) {
        switch (option.text()) {
            case "--save-mark", "--restore-mark" -> transfer = option.text();
            case "--nfmask" -> nfMask = maskOf(option);
            case "--ctmask" -> ctMask = maskOf(option);
            case "--mask" -> {
                nfMask = maskOf(option);
                ctMask = nfMask;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private long maskOf(Word option) {
        Word value = args.value(option);
        return Parse.number(value.text(), Parse.MAX_U32, value);
    }

    /** connmark_tg_shift without a shift: the bits of one mark that the other is given. */
    private void transfer(SourcePos pos) {
        boolean save = transfer.equals("--save-mark");
        Expr to = new Expr.Load(save ? Field.CT_MARK : Field.META_MARK);
        Expr from = new Expr.Load(save ? Field.META_MARK : Field.CT_MARK);
        long toMask = save ? ctMask : nfMask;
        long fromMask = save ? nfMask : ctMask;
        Expr given =
                fromMask == Parse.MAX_U32
                        ? from
                        : binary(Expr.Operator.AND, from, number(fromMask));
        Expr value =
                toMask == Parse.MAX_U32
                        ? given
                        : binary(
                                Expr.Operator.XOR,
                                binary(Expr.Operator.AND, to, number(~toMask)),
                                given);
        set(save ? Field.CT_MARK : Field.META_MARK, value, pos);
    }

    // ---- CT, NAT ----

    private boolean conntrack(Word option, SourcePos pos) {
        switch (option.text()) {
            case "--notrack" -> out.add(new Statement.Notrack(pos));
            case "--helper" -> {
                Word type = args.value(option);
                int protocol = matches.protocol();
                if (protocol != 6 && protocol != 17) {
                    throw option.fault("'--helper' needs '-p tcp' or '-p udp'");
                }
                if (!names.table.equals("raw")) {
                    throw option.fault("target CT stands in table raw only");
                }
                String object = names.helper(type, protocol);
                out.add(new Statement.UseObject(ObjectKind.HELPER, object, null, pos));
            }
            case "--ctevents",
                    "--expevents",
                    "--zone",
                    "--zone-orig",
                    "--zone-reply",
                    "--timeout" ->
                    throw option.fault("'" + option.text() + "' is " + Parse.NOT_EVALUATED);
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean nat(Word option) {
        Boolean value = NAT_OPTIONS.get(option.text());
        if (value == null) {
            return false;
        }
        options.append(' ').append(option.text());
        if (value) {
            options.append(' ').append(args.value(option).text());
        }
        return true;
    }

    // ---- the end of the rule ----

    /** Makes the target's statement when all its options are read. */
    void finish() {
        Word target = name;
        if (target == null) {
            return;
        }
        SourcePos pos = target.at().pos();
        String text = target.text();
        if (toGoto) {
            out.add(new Statement.Verdict(new Action.Goto(text, pos), pos));
            return;
        }
        switch (text) {
            case "ACCEPT" -> out.add(new Statement.Verdict(new Action.Accept(), pos));
            case "DROP" -> out.add(new Statement.Verdict(new Action.Drop(), pos));
            case "RETURN" -> out.add(new Statement.Verdict(new Action.Return(), pos));
            case "REJECT" -> {
                RejectWith with = reject;
                out.add(new Statement.Reject(with == null ? defaultReject() : with, pos));
            }
            case "LOG", "NFLOG" -> out.add(new Statement.Log(options.toString(), pos));
            case "NOTRACK" -> out.add(new Statement.Notrack(pos));
            case "MARK" -> requireOne(target);
            case "CONNMARK" -> {
                if (!transfer.isEmpty()) {
                    transfer(pos);
                }
                requireOne(target);
            }
            case "CT" -> requireOne(target);
            default -> {
                if (NAT.contains(text)) {
                    if (!names.table.equals("nat")) {
                        throw target.fault("target " + text + " stands in table nat only");
                    }
                    out.add(new Statement.Nat(text + options, pos));
                } else {
                    out.add(new Statement.Verdict(new Action.Jump(text, pos), pos));
                }
            }
        }
        if (is("NOTRACK") || (is("CT") && out.getFirst() instanceof Statement.Notrack)) {
            if (!names.table.equals("raw")) {
                throw target.fault("target " + text + " stands in table raw only");
            }
        }
    }

    private RejectWith defaultReject() {
        return names.version() == 4
                ? new RejectWith(RejectWith.Kind.ICMP, 3)
                : new RejectWith(RejectWith.Kind.ICMPV6, 4);
    }

    private void requireOne(Word target) {
        if (out.size() != 1) {
            throw target.fault(
                    "target "
                            + target.text()
                            + " needs "
                            + (out.isEmpty() ? "an option" : "one option")
                            + " that says what to do");
        }
    }
}
