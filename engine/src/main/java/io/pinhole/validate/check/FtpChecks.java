package io.pinhole.validate.check;

import static io.pinhole.validate.space.PacketSpace.DESTINATION;
import static io.pinhole.validate.space.PacketSpace.DESTINATION_PORT;
import static io.pinhole.validate.space.PacketSpace.IPV4;
import static io.pinhole.validate.space.PacketSpace.PROTOCOL;
import static io.pinhole.validate.space.PacketSpace.SOURCE;
import static io.pinhole.validate.space.PacketSpace.SOURCE_PORT;

import io.pinhole.core.CtState;
import io.pinhole.rule.Action;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Expr;
import io.pinhole.rule.Field;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.ObjectKind;
import io.pinhole.rule.Range;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Statement;
import io.pinhole.rule.Table;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Region;
import io.pinhole.validate.space.Visit;
import io.pinhole.validate.space.Walk;
import io.pinhole.validate.space.Witness;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What administrators of FTP get wrong. */
final class FtpChecks {
    private static final int FTP = 21;
    private static final int FTPS = 990;

    /** Fewer open ports are services of their own. */
    private static final int FEW_PORTS = 16;

    private final PacketSpace space;
    private final Bdd bdd;
    private final RuleSet rules;
    private final Reachable reach;
    private final List<Finding> findings = new ArrayList<>();

    FtpChecks(RuleSet rules, Reachable reach) {
        this.rules = rules;
        this.reach = reach;
        space = reach.space();
        bdd = space.bdd();
    }

    List<Finding> findings() {
        boolean assigns = rules.assignsHelper();
        if (!assigns) {
            neverAssigned();
        } else {
            tooLate();
            controls();
            wrongPorts();
            related();
            implicitTls();
            highPorts();
        }
        if (!assigns && findings.isEmpty() && readsState()) {
            controls();
        }
        relatedTooWide();
        if (!readsState()) {
            returnDirection();
        }
        return findings;
    }

    // ---- the helper ----

    private record Place(Table table, Chain chain, Rule rule, Statement statement) {
        /** True for one that acts before connection tracking, as iptables' CT target. */
        boolean early() {
            return statement instanceof Statement.UseObject use
                    && use.name() != null
                    && table.object(ObjectKind.HELPER, use.name())
                            instanceof NamedObject.Helper(HelperObject helper, var at)
                    && helper.template();
        }
    }

    private void neverAssigned() {
        for (Place place : places(FtpChecks::matchesHelper)) {
            findings.add(
                    new Finding(
                            Problem.HELPER_NEVER_ASSIGNED,
                            Finding.place(place.rule, place.statement),
                            place.rule.origin().source(),
                            List.of(
                                    "'ct helper \"ftp\"' matches flows that a helper expected;"
                                            + " it does not assign one"),
                            List.of(),
                            List.of(
                                    "ct helper ftp { type \"ftp\" protocol tcp; }  # in the table",
                                    "tcp dport 21 ct helper set \"ftp\""
                                            + "  # in a chain at hook prerouting, priority filter"),
                            null));
        }
    }

    private static boolean matchesHelper(Statement statement) {
        return switch (statement) {
            case Statement.InRange s -> loadsHelper(s.value());
            case Statement.InSet s -> s.key().stream().anyMatch(FtpChecks::loadsHelper);
            default -> false;
        };
    }

    private static boolean loadsHelper(Expr expr) {
        return expr instanceof Expr.Load(Field field) && field == Field.CT_HELPER;
    }

    private static boolean assignsHelper(Statement statement) {
        return statement instanceof Statement.UseObject use && use.kind() == ObjectKind.HELPER;
    }

    private void tooLate() {
        for (Place place : places(FtpChecks::assignsHelper)) {
            BaseChain base = place.chain.base();
            if (place.early()) {
                continue;
            }
            if (base != null && base.priority() < RuleProgram.CONNTRACK_PRIORITY) {
                findings.add(
                        finding(
                                Problem.HELPER_TOO_LATE,
                                place,
                                "at priority "
                                        + base.priority()
                                        + " there is no flow yet that could get one",
                                "give the chain a priority above -200, filter (0) for instance",
                                null));
                continue;
            }
            Visit visit = visit(place.rule);
            if (visit == null || bdd.and(visit.condition(), space.wellFormed()) == Bdd.FALSE) {
                continue;
            }
            int begins = bdd.and(visit.condition(), space.state(CtState.NEW));
            begins = bdd.and(begins, space.wellFormed());
            if (begins == Bdd.FALSE) {
                findings.add(
                        finding(
                                Problem.HELPER_TOO_LATE,
                                place,
                                "a helper can be given to a flow's first packet only, and this"
                                        + " matches none",
                                "let the rule match packets of ct state new",
                                Witness.of(space, bdd.and(visit.condition(), space.wellFormed()))));
            } else if (bdd.and(begins, visit.reach()) == Bdd.FALSE) {
                findings.add(
                        finding(
                                Problem.HELPER_TOO_LATE,
                                place,
                                "the first packets of control connections are decided before"
                                        + " they come here",
                                "put the rule before them, best in a chain of its own at hook"
                                        + " prerouting",
                                Witness.of(space, begins)));
            }
        }
    }

    /**
     * FTP control connections that are let in without anyone reading them. Only rules that pick
     * this port are meant: one that lets in everything says nothing of FTP, and where a range of
     * high ports is open to the same hosts, data comes through without a helper.
     */
    private void controls() {
        int ftp = bdd.and(space.tcp(), space.is(DESTINATION_PORT, FTP));
        int meant = Bdd.FALSE;
        for (Place place : places(FtpChecks::accepts)) {
            Visit visit = visit(place.rule);
            if (visit != null && onlyPorts(visit)) {
                meant = bdd.or(meant, bdd.and(visit.reach(), visit.condition()));
            }
        }
        for (Place place : places(s -> s instanceof Statement.VerdictMap)) {
            Visit visit = visit(place.rule);
            if (visit != null) {
                for (Visit.Branch branch : visit.branches()) {
                    boolean accepts = branch.end() == Visit.End.ACCEPT;
                    meant = accepts ? bdd.or(meant, branch.packets()) : meant;
                }
            }
        }
        int alone = bdd.minus(bdd.and(reach.opening(), ftp), reach.walk().helped());
        alone = bdd.minus(bdd.and(alone, meant), openRange());
        if (alone != Bdd.FALSE) {
            boolean assigns = rules.assignsHelper();
            List<String> cure =
                    assigns
                            ? List.of("assign the helper to these, too")
                            : List.of(
                                    "ct helper ftp { type \"ftp\" protocol tcp; }  # in the table",
                                    "tcp dport 21 ct helper set \"ftp\""
                                            + "  # in a chain at hook prerouting, priority filter");
            findings.add(
                    whole(
                            Problem.CONTROL_WITHOUT_HELPER,
                            "let in without a helper: " + regions(alone),
                            cure,
                            Witness.of(space, alone)));
        }
    }

    /** To hosts of which so many high ports are open that data may be meant to come there. */
    private int openRange() {
        int high = bdd.and(space.tcp(), space.in(DESTINATION_PORT, Range.between(1024, 65_535)));
        int open = bdd.and(reach.opening(), high);
        int ports = space.onlyBy(open, DESTINATION_PORT);
        boolean range = bdd.count(ports, DESTINATION_PORT.bits()).intValue() >= FEW_PORTS;
        // By the same interfaces, too: what comes from lo says nothing of others.
        BitSet any = DESTINATION_PORT.bits();
        any.or(SOURCE_PORT.bits());
        return range ? bdd.exists(open, any) : Bdd.FALSE;
    }

    private void wrongPorts() {
        for (Place place : places(FtpChecks::assignsHelper)) {
            Visit visit = visit(place.rule);
            if (visit == null) {
                continue;
            }
            int given = bdd.and(bdd.and(visit.reach(), visit.condition()), reach.walk().helped());
            // A rule that lets in all of lo means no port.
            int strangers = bdd.minus(given, withinHost());
            if (strangers != Bdd.FALSE && bdd.and(strangers, reach.opening()) == Bdd.FALSE) {
                boolean none = bdd.and(given, reach.opening()) == Bdd.FALSE;
                findings.add(
                        finding(
                                Problem.HELPER_WRONG_PORT,
                                place,
                                "no connection that gets it here is accepted later"
                                        + (none ? "" : ", but those of the host with itself"),
                                "accept these connections in ct state new, or correct the port",
                                Witness.of(space, strangers)));
            }
        }
    }

    // ---- what it opens ----

    private void related() {
        if (reach.controls() == Bdd.FALSE) {
            return; // no dialogue, and another finding says why
        }
        int first = bdd.and(space.state(CtState.RELATED), space.parent());
        int expected = bdd.and(bdd.and(reach.pinholes(), first), space.wellFormed());
        int pairs = space.onlyBy(reach.controls(), IPV4, SOURCE, DESTINATION);
        blocked(bdd.and(expected, bdd.or(pairs, space.mirrored(pairs))));
    }

    /** A set may be meant for one mode only: it is wrong where neither comes through. */
    private void blocked(int expected) {
        if (expected == Bdd.FALSE || bdd.and(expected, reach.data()) != Bdd.FALSE) {
            return;
        }
        findings.add(
                whole(
                        Problem.RELATED_NOT_ACCEPTED,
                        "data connections, active and passive, come as ct state related and are"
                                + " dropped",
                        "ct helper \"ftp\" ct state related accept",
                        Witness.of(space, expected)));
    }

    private void relatedTooWide() {
        for (Place place : places(FtpChecks::acceptsRelated)) {
            Visit visit = visit(place.rule);
            if (visit == null) {
                continue;
            }
            // Errors about data connections come with them.
            int errors = bdd.minus(bdd.and(visit.condition(), space.icmpError()), space.parent());
            int data = bdd.and(visit.condition(), bdd.and(space.tcp(), space.parent()));
            if (bdd.and(errors, visit.reach()) != Bdd.FALSE
                    && bdd.and(data, visit.reach()) != Bdd.FALSE
                    && rules.assignsHelper()) {
                findings.add(
                        finding(
                                Problem.RELATED_TOO_WIDE,
                                place,
                                "ICMP redirects and whatever another helper expects come in here,"
                                        + " too",
                                "say which: ct helper \"ftp\" ct state related accept",
                                Witness.of(space, bdd.and(errors, visit.reach()))));
            }
        }
    }

    private static boolean acceptsRelated(Statement statement) {
        return switch (statement) {
            case Statement.InRange s -> loadsState(s.value());
            case Statement.AnyBit s -> loadsState(s.value()) && (s.mask() & 4) != 0;
            case Statement.InSet s -> s.key().stream().anyMatch(FtpChecks::loadsState);
            default -> false;
        };
    }

    private static boolean loadsState(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field == Field.CT_STATE;
            case Expr.Binary(var operator, Expr left, Expr right) -> loadsState(left);
            case Expr.Constant c -> false;
            case Expr.Lookup l -> false;
        };
    }

    private void highPorts() {
        int ports = space.in(DESTINATION_PORT, Range.between(1024, 65_535));
        for (Place place : places(FtpChecks::accepts)) {
            Visit visit = visit(place.rule);
            if (visit == null) {
                continue;
            }
            int accepted = Bdd.FALSE;
            int meant = Bdd.FALSE;
            for (Visit.Branch branch : visit.branches()) {
                if (branch.end() == Visit.End.ACCEPT) {
                    accepted = bdd.or(accepted, branch.packets());
                    meant = bdd.or(meant, branch.whenMet());
                }
            }
            int tcp = bdd.and(space.tcp(), ports);
            int open = bdd.minus(bdd.and(bdd.and(accepted, reach.opening()), tcp), loopback());
            // An earlier rule may have taken some ports out: it is the idea that is wrong.
            int named = space.onlyBy(bdd.and(meant, tcp), DESTINATION_PORT);
            boolean picks = onlyPorts(visit); // else it lets in everything, and says so
            if (open != Bdd.FALSE && picks && bdd.isSubset(ports, named)) {
                findings.add(
                        finding(
                                Problem.HIGH_PORTS_OPEN,
                                place,
                                "without any FTP session stand open: " + regions(open),
                                "drop the rule: a pinhole opens the one announced port, once",
                                Witness.of(space, open)));
            }
        }
    }

    /** Nobody but the host itself gets there. */
    private int loopback() {
        return bdd.or(
                space.address(DESTINATION, true, Range.between(0x7f000000L, 0x7fffffffL)),
                space.address(DESTINATION, false, Range.of(0, 1)));
    }

    /** What a host with these rules says to itself. */
    private int withinHost() {
        int set = bdd.or(loopback(), space.mirrored(loopback()));
        for (String side : List.of("iif", "oif")) {
            PacketSpace.Slice name = space.extraOrNull(side);
            if (name != null) {
                Range lo = Range.of(DataType.nameHigh("lo"), DataType.nameLow("lo"));
                set = bdd.or(set, space.in(name, lo));
            }
        }
        return set;
    }

    private static boolean accepts(Statement statement) {
        return statement instanceof Statement.Verdict v && v.action() instanceof Action.Accept;
    }

    private void implicitTls() {
        int tls = bdd.and(reach.walk().helped(), space.is(DESTINATION_PORT, FTPS));
        for (Place place : places(FtpChecks::assignsHelper)) {
            Visit visit = visit(place.rule);
            if (visit != null
                    && onlyPorts(visit)
                    && bdd.and(bdd.and(visit.reach(), visit.condition()), tls) != Bdd.FALSE) {
                findings.add(
                        finding(
                                Problem.HELPER_ON_IMPLICIT_TLS,
                                place,
                                "port 990 is FTP inside TLS: no helper can read what it announces",
                                "open the server's passive port range for it instead, and nothing"
                                        + " more",
                                Witness.of(space, bdd.and(visit.reach(), tls))));
            }
        }
    }

    /** True if the rule picks ports at all: one that matches everything means no port. */
    private boolean onlyPorts(Visit visit) {
        int some = bdd.and(visit.condition(), space.tcp());
        return !bdd.isSubset(
                space.in(DESTINATION_PORT, Range.between(1, 1023)),
                space.onlyBy(some, DESTINATION_PORT));
    }

    // ---- stateless sets ----

    private boolean readsState() {
        return !places(FtpChecks::readsConntrack).isEmpty();
    }

    private static boolean readsConntrack(Statement statement) {
        return switch (statement) {
            case Statement.InRange s -> conntrack(s.value());
            case Statement.AnyBit s -> conntrack(s.value());
            case Statement.InSet s -> s.key().stream().anyMatch(FtpChecks::conntrack);
            case Statement.VerdictMap s -> s.key().stream().anyMatch(FtpChecks::conntrack);
            default -> false;
        };
    }

    private static boolean conntrack(Expr expr) {
        return switch (expr) {
            case Expr.Load(Field field) -> field.isConntrack();
            case Expr.Binary(var operator, Expr left, Expr right) ->
                    conntrack(left) || conntrack(right);
            case Expr.Constant c -> false;
            case Expr.Lookup(List<Expr> key, var map) ->
                    key.stream().anyMatch(FtpChecks::conntrack);
        };
    }

    /** Without connection tracking each direction needs its own rule. */
    private void returnDirection() {
        int ftp = bdd.and(space.tcp(), space.is(DESTINATION_PORT, FTP));
        int client = space.in(SOURCE_PORT, Range.between(1024, 65_535));
        int there = bdd.and(bdd.and(reach.opening(), ftp), client);
        int tuples =
                space.onlyBy(
                        there, IPV4, PROTOCOL, DESTINATION, SOURCE, DESTINATION_PORT, SOURCE_PORT);
        int back =
                space.mirrored(
                        space.onlyBy(
                                reach.back().accepted(),
                                IPV4,
                                PROTOCOL,
                                DESTINATION,
                                SOURCE,
                                DESTINATION_PORT,
                                SOURCE_PORT));
        int deaf = bdd.minus(tuples, back);
        if (tuples != Bdd.FALSE && bdd.and(tuples, back) == Bdd.FALSE) {
            findings.add(
                    whole(
                            Problem.RETURN_DIRECTION_MISSING,
                            "no answer comes back from the server to: " + regions(deaf),
                            "add the rule for the other direction, or: ct state established accept",
                            Witness.of(space, bdd.and(there, deaf))));
        }
    }

    // ---- to say it ----

    private List<Place> places(java.util.function.Predicate<Statement> wanted) {
        List<Place> out = new ArrayList<>();
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                for (Rule rule : chain.rules()) {
                    rule.statements().stream()
                            .filter(wanted)
                            .findFirst()
                            .ifPresent(s -> out.add(new Place(table, chain, rule, s)));
                }
            }
        }
        return out;
    }

    private @Nullable Visit visit(Rule rule) {
        for (Walk.BaseWalk base : reach.walk().bases()) {
            Visit found = visit(rule, base.passage().visits());
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    @SuppressWarnings("ReferenceEquality") // two rules may be alike but for where they stand
    private static @Nullable Visit visit(Rule rule, List<Visit> visits) {
        for (Visit visit : visits) {
            if (visit.rule() == rule) {
                return visit;
            }
            for (Visit.Branch branch : visit.branches()) {
                Visit found = branch.into() == null ? null : visit(rule, branch.into().visits());
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private String regions(int set) {
        int shown =
                space.onlyBy(
                        set, IPV4, PROTOCOL, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT);
        Region.Cover cover = Region.cover(space, shown, 3);
        return cover.regions().stream().map(r -> r.text(space)).collect(Collectors.joining("; "))
                + (cover.complete() ? "" : "; …");
    }

    private static Finding finding(
            Problem problem, Place place, String why, String cure, @Nullable Witness witness) {
        return new Finding(
                problem,
                Finding.place(place.rule, place.statement),
                place.rule.origin().source(),
                List.of(why),
                List.of(),
                List.of(cure),
                witness);
    }

    private Finding whole(Problem problem, String why, String cure, Witness witness) {
        return whole(problem, why, List.of(cure), witness);
    }

    private Finding whole(Problem problem, String why, List<String> cure, Witness witness) {
        SourcePos at = rules.tables().isEmpty() ? null : rules.tables().getFirst().at();
        return new Finding(problem, at, "", List.of(why), List.of(), cure, witness);
    }
}
