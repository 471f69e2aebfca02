package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import io.pinhole.report.Page.Style;
import io.pinhole.rule.RuleOrigin;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * For people: sessions as they settle, then blocked packets by cause, diagnoses with their cures
 * and a summary. At most 100 columns; output and memory are bounded whatever the input.
 */
public final class TextReport implements Report {
    private static final int MAX_SESSIONS = 1 << 17;
    private static final int MAX_NOTES = 1 << 16;
    private static final int MAX_CAUSES = 1000;
    private static final int MAX_DIAGNOSES = 100;
    private static final int SHOWN_ALERTS = 20;
    private static final int SHOWN_CAUSES = 10;
    private static final int SHOWN_DIAGNOSES = 10;
    private static final int SHOWN_FILES = 20;

    /**
     * What may differ from run to run.
     *
     * @param colour whether the output is a terminal that may show colours
     * @param severalFiles whether more than one file is read
     * @param sessions how many are printed whatever they hold
     * @param troubledSessions how many more are printed if something went wrong in them
     */
    public record Options(
            boolean colour, boolean severalFiles, int sessions, int troubledSessions) {
        public static Options of(boolean colour, boolean severalFiles) {
            return new Options(colour, severalFiles, 20, 20);
        }

        /**
         * Whether to colour: on a terminal that can, unless NO_COLOR is set and not empty
         * (no-color.org).
         */
        public static boolean colour(boolean terminal, Map<String, String> environment) {
            return terminal
                    && environment.getOrDefault("NO_COLOR", "").isEmpty()
                    && !environment.getOrDefault("TERM", "").equals("dumb");
        }
    }

    private final Options options;
    private final Page page;
    private final Totals totals = new Totals();
    private final Diagnoser diagnoser = new Diagnoser(totals, MAX_SESSIONS);
    private final Blocked blocked = new Blocked(MAX_CAUSES);
    private final Map<Long, SessionNotes> sessions = new LinkedHashMap<>();
    private final SessionNotes outside = new SessionNotes();
    private final Map<String, Finding> findings = new LinkedHashMap<>();
    private int notes;
    private int shown;
    private int shownTroubled;
    private long hidden;
    private long moreFindings;
    private long unkept;
    private long encapsulated;
    private long current;
    private FlowSource flow = () -> null;

    /** Sessions with one trouble and one cure. */
    private static final class Finding {
        private final Diagnosis first;
        private final long session;
        private long count;

        private Finding(Diagnosis first, long session) {
            this.first = first;
            this.session = session;
        }
    }

    /**
     * @param out receives UTF-8; buffered here, never closed
     */
    public TextReport(OutputStream out, Options options) {
        this.options = options;
        page = new Page(out, options.colour);
    }

    @Override
    public Totals totals() {
        return totals;
    }

    @Override
    public void beginFile(int index, String name, int timeDigits) {
        totals.beginFile(index, name, timeDigits);
    }

    @Override
    public void endFile(boolean truncated) {
        totals.endFile(truncated);
    }

    @Override
    public void packet(long position, long timeNanos, int wireBytes, FlowSource flow) {
        totals.packet(position, wireBytes);
        current = position;
        this.flow = flow;
    }

    @Override
    public void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        totals.verdict(position, verdict);
        if (why == Anomaly.ENCAPSULATED) {
            encapsulated++;
        }
        if (verdict != Verdict.ACCEPT && verdict != Verdict.UNFILTERED) {
            FlowSource asked = position == current ? flow : null;
            blocked.add(position, verdict, ct, hook, rule, why, asked);
        }
    }

    @Override
    public void event(Event event) {
        totals.event(event);
        List<Diagnosis> diagnoses = diagnoser.event(event);
        if (event instanceof Event.Control c) {
            for (Diagnosis d : diagnoses) {
                remember(d, c.session());
            }
            SessionNotes kept = sessions.remove(c.session());
            if (kept != null) {
                notes -= kept.size();
            }
            control(c, kept == null ? new SessionNotes() : kept, diagnoses);
        } else if (event instanceof Event.Elsewhere) {
            diagnoses.forEach(d -> remember(d, 0));
        } else if (event.session() == 0) {
            outside.add(event, totals, true);
        } else if (!isFull()) {
            note(event);
        }
    }

    /** True when no further session will be printed, whatever happens in it. */
    private boolean isFull() {
        return shown >= options.sessions && shownTroubled >= options.troubledSessions;
    }

    private void note(Event event) {
        SessionNotes known = sessions.get(event.session());
        if (known == null) {
            if (sessions.size() >= MAX_SESSIONS) {
                forgetOldest();
            }
            known = new SessionNotes();
            sessions.put(event.session(), known);
        }
        int before = known.size();
        known.add(event, totals, notes < MAX_NOTES);
        notes += known.size() - before;
    }

    private void forgetOldest() {
        Iterator<SessionNotes> oldest = sessions.values().iterator();
        notes -= oldest.next().size();
        oldest.remove();
        unkept++;
    }

    private void remember(Diagnosis d, long session) {
        String key = d.cause().label() + '\n' + d.wholeCure();
        Finding known = findings.get(key);
        if (known == null) {
            if (findings.size() >= MAX_DIAGNOSES) {
                moreFindings++;
                return;
            }
            known = new Finding(d, session);
            findings.put(key, known);
        }
        known.count++;
    }

    private void control(Event.Control c, SessionNotes kept, List<Diagnosis> diagnoses) {
        boolean trouble =
                kept.trouble()
                        || !diagnoses.isEmpty()
                        || Diagnoser.isBlocked(c.verdict())
                        || c.dropped() > 0
                        || c.unseenTotal() > 0;
        if (shown < options.sessions) {
            shown++;
        } else if (trouble && shownTroubled < options.troubledSessions) {
            shownTroubled++;
        } else {
            hidden++;
            return;
        }
        int file = Positions.file(c.position());
        page.put(Style.BOLD, "session " + c.session()).put("  " + c.flow());
        if (options.severalFiles) {
            page.put(Style.DIM, "  " + Printable.clip(totals.name(file), 60));
        }
        page.end(4);
        page.put("  " + who(c)).end(4);
        String odd = odd(c, file);
        if (!odd.isEmpty()) {
            page.put(Style.WARN, "  " + odd).end(4);
        }
        kept.print(page, totals, file, c.flow());
        if (!diagnoses.isEmpty()) {
            List<String> causes = diagnoses.stream().map(d -> d.cause().label()).toList();
            page.put(Style.BAD, "  diagnosis: " + String.join(", ", causes))
                    .put(Style.DIM, "  (cure below)")
                    .end(4);
        }
        page.blank();
    }

    private static String who(Event.Control c) {
        List<String> parts = new ArrayList<>();
        String refused = c.loginRefused() ? " (login refused)" : "";
        parts.add(
                c.user() == null
                        ? "no login seen"
                        : "user " + Printable.clip(c.user(), 40) + refused);
        if (c.server() != null) {
            parts.add("server " + Printable.clip(c.server(), 40));
        }
        String duration = Units.duration(c.endNanos() - c.timeNanos());
        parts.add(Units.count(c.commands(), "command") + " in " + duration);
        parts.add(
                switch (c.closed()) {
                    case FIN -> "closed";
                    case RST -> "reset";
                    case TIMEOUT -> "timed out";
                    case OPEN -> "still open at the end";
                });
        return String.join(", ", parts);
    }

    private String odd(Event.Control c, int file) {
        List<String> parts = new ArrayList<>();
        if (Diagnoser.isBlocked(c.verdict())) {
            parts.add("blocked by " + Printable.clip(c.rule().text(), 60));
        } else if (c.dropped() > 0) {
            parts.add(Units.count(c.dropped(), "packet") + " blocked");
        }
        if (c.only() != null) {
            String side = c.only() == Direction.ORIGINAL ? "client" : "server";
            parts.add("only packets of the " + side);
        } else if (!c.helper()) {
            parts.add("no helper");
        }
        if (c.midstream()) {
            parts.add("began before the capture");
        }
        if (c.encryptedAt() != 0) {
            parts.add("TLS from " + totals.reference(c.encryptedAt(), file));
        }
        if (c.cutAt() != 0) {
            parts.add("cut by the snap length in " + totals.reference(c.cutAt(), file));
        }
        if (c.gapAt() != 0) {
            parts.add("packets missing after " + totals.reference(c.gapAt(), file));
        }
        if (c.unseenTotal() > 0) {
            parts.add(Units.count(c.unseenTotal(), "unreadable connection") + " blocked");
        }
        return String.join(", ", parts);
    }

    @Override
    public void finish() {
        if (hidden > 0) {
            page.put("… and " + Units.count(hidden, "more session") + " (--json lists all)").end();
            page.blank();
        }
        if (unkept > 0) {
            page.put("… details of " + Units.count(unkept, "session") + " past the limit not shown")
                    .put(" (--json lists all)")
                    .end();
            page.blank();
        }
        rest();
        blockedPackets();
        diagnoses();
        summary();
        page.flush();
    }

    /** Events of no session, and those that came after their session was told. */
    private void rest() {
        int file = options.severalFiles ? -1 : 0;
        if (outside.size() > 0) {
            page.put(Style.BOLD, "outside sessions").end();
            outside.print(page, totals, file, null);
            page.blank();
        }
        int printed = 0;
        for (Map.Entry<Long, SessionNotes> entry : sessions.entrySet()) {
            if (printed++ >= SHOWN_ALERTS) {
                page.put("… and " + Units.count(sessions.size() - SHOWN_ALERTS) + " more").end();
                page.blank();
                return;
            }
            page.put(Style.BOLD, "session " + entry.getKey()).put("  after its end").end();
            entry.getValue().print(page, totals, file, null);
            page.blank();
        }
    }

    private void blockedPackets() {
        long total = blocked.total();
        if (total == 0) {
            return;
        }
        page.put(Style.BOLD, "blocked packets")
                .put("  " + Units.count(total) + " of " + Units.count(totals.all().packets()))
                .end();
        List<Blocked.Group> groups = blocked.largestFirst();
        int countColumns = Math.max(3, Units.count(groups.getFirst().count()).length());
        long more = blocked.others();
        for (int i = 0; i < groups.size(); i++) {
            if (i < SHOWN_CAUSES) {
                blockedGroup(groups.get(i), countColumns);
            } else {
                more += groups.get(i).count();
            }
        }
        if (more > 0) {
            page.put("  … and " + Units.count(more, "packet") + " of other causes").end();
        }
        page.blank();
    }

    private void blockedGroup(Blocked.Group g, int countColumns) {
        String count = Units.count(g.count());
        int text = countColumns + 4;
        page.put("  " + " ".repeat(countColumns - count.length()) + count + "  ");
        boolean byRule = g.verdict() != Verdict.UNDECODABLE && g.hook() != null;
        if (byRule || g.why() == Anomaly.NONE) {
            page.put(Style.BAD, Printable.clip(g.rule().text(), 80));
            if (!g.rule().source().isEmpty()) {
                page.put("  ").put(Style.CODE, Printable.clip(g.rule().source(), 80));
            }
        } else {
            page.put(Style.BAD, g.why().label()).put("  " + g.why().text());
        }
        page.end(text);
        StringBuilder how = new StringBuilder(" ".repeat(text));
        how.append(
                switch (g.verdict()) {
                    case DROP -> "dropped";
                    case REJECT -> "rejected";
                    case UNDECODABLE -> "undecodable";
                    case ACCEPT, UNFILTERED -> "passed";
                });
        if (g.hook() != null) {
            how.append(" in ").append(g.hook().label());
        }
        if (g.ct() != null) {
            how.append(", ct state ").append(g.ct().label());
        }
        if (byRule && g.why() != Anomaly.NONE) {
            how.append(" (").append(g.why().label()).append(')');
        }
        int context = options.severalFiles ? -1 : 0;
        how.append(g.count() == 1 ? "; " : "; first ");
        how.append(totals.reference(g.first(), context));
        FlowKey example = g.example();
        if (example != null) {
            how.append(": ").append(example.protocolName()).append(' ').append(example);
        }
        page.put(how.toString()).end(text);
    }

    private void diagnoses() {
        if (findings.isEmpty()) {
            return;
        }
        int printed = 0;
        long more = moreFindings;
        for (Finding f : findings.values()) {
            if (printed++ >= SHOWN_DIAGNOSES) {
                more += f.count;
                continue;
            }
            page.put(Style.BAD, "diagnosis: " + f.first.cause().label());
            page.put(f.session == 0 ? "" : "  session " + f.session);
            if (options.severalFiles) {
                int file = Positions.file(f.first.position());
                page.put(Style.DIM, " in " + Printable.clip(totals.name(file), 60));
            }
            if (f.count > 1) {
                page.put(", and " + Units.count(f.count - 1) + " more");
            }
            page.end();
            page.put("  " + Printable.clip(Printable.withoutPassword(f.first.detail()), 600));
            page.end(2);
            page.put(Style.GOOD, "  cure: ").put(f.first.cure());
            page.put(f.first.lines().isEmpty() ? "" : ":").end(8);
            for (String line : f.first.lines()) {
                page.put(Style.CODE, "    " + Printable.clip(line, 200)).end(6);
            }
            page.blank();
        }
        if (more > 0) {
            page.put("… and " + Units.count(more) + " more diagnoses (--json lists all)").end();
            page.blank();
        }
    }

    private void summary() {
        page.put(Style.BOLD, "summary").end();
        if (options.severalFiles) {
            for (int i = 0; i < Math.min(SHOWN_FILES, totals.files()); i++) {
                page.put("  " + Printable.clip(totals.name(i), 50) + ": ");
                packets(totals.file(i));
            }
            if (totals.files() > SHOWN_FILES) {
                int more = totals.files() - SHOWN_FILES;
                page.put("  … and " + Units.count(more, "more file")).end();
            }
        }
        Totals.Counts all = totals.all();
        page.put("  ");
        packets(all);
        if (encapsulated > 0) {
            String verb = encapsulated == 1 ? " carries" : " carry";
            page.put(Style.WARN, "  " + Units.count(encapsulated, "packet") + verb);
            page.put(" MPLS, PPPoE, GRE or the like, which is not looked into:")
                    .put(" capture where the tunnel has ended")
                    .end(2);
        }
        if (all.controls() == 0 && all.data() == 0) {
            page.put("  no FTP control connection found");
            if (all.packets() > 0 && findings.isEmpty()) {
                page.put(": nothing was said on port 21, nor where the rules assign the helper;")
                        .put(" for other ports: --ftp-port");
            }
            page.end(2);
            return;
        }
        page.put("  " + Units.count(all.controls(), "control connection") + ", ");
        page.put(Units.count(all.data(), "data connection"));
        if (all.incomplete() > 0) {
            page.put(" (").put(Style.WARN, Units.count(all.incomplete()) + " incomplete").put(")");
        }
        page.put(", " + Units.count(all.pinholes(), "pinhole"));
        List<String> outcomes = new ArrayList<>();
        for (PinholeOutcome outcome : PinholeOutcome.values()) {
            if (all.pinholes(outcome) > 0) {
                outcomes.add(Units.count(all.pinholes(outcome)) + " " + outcome.label());
            }
        }
        page.put(outcomes.isEmpty() ? "" : " (" + String.join(", ", outcomes) + ")");
        page.put(", ");
        page.put(
                all.alerts() > 0 ? Style.BAD : Style.PLAIN,
                all.alerts() == 0 ? "no alerts" : Units.count(all.alerts(), "alert"));
        page.end(2);
    }

    private void packets(Totals.Counts c) {
        page.put(Units.count(c.packets(), "packet") + ", " + Units.bytes(c.bytes()));
        page.put(": " + Units.count(c.accepted()) + " accepted");
        part(Style.BAD, c.dropped(), "dropped");
        part(Style.BAD, c.rejected(), "rejected");
        part(Style.PLAIN, c.unfiltered(), "not filtered");
        part(Style.WARN, c.undecodable(), "undecodable");
        if (c.truncated()) {
            page.put(", ").put(Style.BAD, "then the input is damaged");
        }
        page.end(4);
    }

    private void part(Style style, long n, String what) {
        if (n > 0) {
            page.put(", ").put(style, Units.count(n) + " " + what);
        }
    }

    @Override
    public void flush() {
        page.flush();
    }

    /** Sessions, their lines and diagnoses that are remembered. */
    int retained() {
        return sessions.size() + notes + diagnoser.open() + findings.size();
    }
}
