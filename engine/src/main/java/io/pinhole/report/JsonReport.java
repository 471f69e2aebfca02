package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.PacketPath;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleOrigin;
import java.io.OutputStream;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * JSON, one object a line, as docs/json.md describes. A verdict line allocates nothing.
 *
 * <p>Summaries come last, in order of the files: an event that settles while a later file is read
 * still counts for the file of its packet.
 */
public final class JsonReport implements Report {
    /** Packets that may wait for the verdict of the oldest of them, 24 bytes each. */
    private static final int MAX_OUTSTANDING = 2 * PacketPath.MAX_HELD_PACKETS;

    private static final int MAX_SESSIONS = 1 << 17;
    private static final int MAX_RULES = 1 << 16;

    /** The order of docs/json.md: what mostly happens first. */
    private static final List<PinholeOutcome> OUTCOMES =
            List.of(
                    PinholeOutcome.USED,
                    PinholeOutcome.REFUSED,
                    PinholeOutcome.UNUSED,
                    PinholeOutcome.EXPIRED,
                    PinholeOutcome.REPLACED,
                    PinholeOutcome.CLOSED);

    private static final byte[] VERDICT_START = JsonLine.ascii("{\"event\":\"verdict\",\"file\":");
    private static final byte[] PACKET = JsonLine.ascii(",\"packet\":");
    private static final byte[] TIME = JsonLine.ascii(",\"time\":\"");
    private static final byte[] RULE = JsonLine.ascii(",\"rule\":");
    private static final byte[][] VERDICTS = new byte[Verdict.values().length][];
    private static final byte[][] STATES = new byte[CtState.values().length][];
    private static final byte[][] HOOKS = new byte[Hook.values().length][];
    private static final byte[][] REASONS = new byte[Anomaly.values().length][];

    static {
        for (Verdict v : Verdict.values()) {
            VERDICTS[v.ordinal()] = JsonLine.ascii(",\"verdict\":\"" + label(v) + '"');
        }
        for (CtState s : CtState.values()) {
            STATES[s.ordinal()] = JsonLine.ascii(",\"ct\":\"" + s.label() + '"');
        }
        for (Hook h : Hook.values()) {
            HOOKS[h.ordinal()] = JsonLine.ascii(",\"hook\":\"" + h.label() + '"');
        }
        for (Anomaly a : Anomaly.values()) {
            REASONS[a.ordinal()] = JsonLine.ascii(",\"why\":\"" + a.label() + '"');
        }
    }

    private final JsonLine line;
    private final Timestamp timestamp = new Timestamp();
    private final Totals totals = new Totals();
    private final Diagnoser diagnoser = new Diagnoser(totals, MAX_SESSIONS);
    private final @Nullable VerdictQueue queue;
    private final IdentityHashMap<RuleOrigin, byte[]> rules = new IdentityHashMap<>();
    private int namedFile = -1;
    private byte[] fileName = {};

    /**
     * @param out receives UTF-8; buffered here, never closed
     * @param verdicts whether each packet gets a line
     */
    public JsonReport(OutputStream out, boolean verdicts) {
        line = new JsonLine(out);
        queue = verdicts ? new VerdictQueue(this::verdictLine, MAX_OUTSTANDING) : null;
    }

    /** In JSON a packet passed or did not; what no hook saw is told by its rule and reason. */
    private static String label(Verdict verdict) {
        return switch (verdict) {
            case ACCEPT, DROP, REJECT -> verdict.label();
            case UNFILTERED -> Verdict.ACCEPT.label();
            case UNDECODABLE -> Verdict.DROP.label();
        };
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
        if (queue != null) {
            queue.packet(position, timeNanos);
        }
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
        if (queue != null) {
            queue.verdict(position, verdict, ct, hook, rule, why);
        }
    }

    private void verdictLine(
            long position,
            boolean timeKnown,
            long timeNanos,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        line.raw(VERDICT_START);
        line.raw(fileName(Positions.file(position)));
        line.raw(PACKET);
        line.number(Positions.number(position));
        if (timeKnown) {
            line.raw(TIME);
            time(Positions.file(position), timeNanos);
        }
        line.raw(VERDICTS[verdict.ordinal()]);
        if (ct != null) {
            line.raw(STATES[ct.ordinal()]);
        }
        if (hook != null) {
            line.raw(HOOKS[hook.ordinal()]);
        }
        line.raw(RULE);
        line.raw(rule(rule));
        if (why != Anomaly.NONE) {
            line.raw(REASONS[why.ordinal()]);
        }
        line.raw("}");
        line.endLine();
    }

    private byte[] rule(RuleOrigin rule) {
        byte[] text = rules.get(rule);
        if (text == null) {
            if (rules.size() >= MAX_RULES) {
                rules.clear();
            }
            text = JsonLine.quoted(rule.text());
            rules.put(rule, text);
        }
        return text;
    }

    private byte[] fileName(int file) {
        if (file != namedFile) {
            namedFile = file;
            fileName = JsonLine.quoted(totals.name(file));
        }
        return fileName;
    }

    /** The time and its closing quote. */
    private void time(int file, long timeNanos) {
        line.raw(timestamp.bytes(), timestamp.render(timeNanos, totals.timeDigits(file)));
        line.raw("\"");
    }

    @Override
    public void event(Event event) {
        boolean told =
                switch (event) {
                    case Event.Pinhole p -> p.helper();
                    case Event.Elsewhere _ -> false; // its diagnosis says it all
                    case Event.Control _, Event.Data _, Event.Alert _ -> true;
                };
        totals.event(event);
        if (told) {
            switch (event) {
                case Event.Control c -> control(c);
                case Event.Pinhole p -> pinhole(p);
                case Event.Data d -> data(d);
                case Event.Alert a -> alert(a);
                case Event.Elsewhere _ -> {}
            }
            line.close().endLine();
        }
        for (Diagnosis d : diagnoser.event(event)) {
            diagnosis(d);
        }
    }

    private void begin(String event, long position) {
        line.open().field("event", event);
        // In data, "file" is the transferred one: an object must not have two fields of one name.
        line.name(event.equals("data") ? "capture" : "file");
        line.raw(fileName(Positions.file(position)));
    }

    private void packetAndTime(long position, long timeNanos) {
        line.field("packet", Positions.number(position));
        line.name("time").raw("\"");
        time(Positions.file(position), timeNanos);
    }

    private void begin(String name, Event event) {
        begin(name, event.position());
        packetAndTime(event.position(), event.timeNanos());
    }

    private void optional(String name, @Nullable String value) {
        if (value != null) {
            line.field(name, value);
        }
    }

    private void control(Event.Control c) {
        begin("control", c);
        line.field("flow", c.flow());
        optional("user", c.user());
        optional("server", c.server());
        line.field("helper", c.helper());
        line.field("encrypted", c.encryptedAt() != 0);
        line.field("commands", c.commands());
        line.field("closed", c.closed().label());
    }

    private void pinhole(Event.Pinhole p) {
        begin("pinhole", p);
        line.field("control", p.control());
        line.field("mode", p.mode().label());
        line.field("src", p.source().toString());
        IpAddress destination = p.destination();
        if (destination != null) {
            line.field("dst", destination.toString());
            line.field("dport", p.destinationPort());
        }
        line.field("outcome", p.outcome().label());
        if (p.usedBy() != 0) {
            line.field("used_by", Positions.number(p.usedBy()));
            int file = Positions.file(p.usedBy());
            if (file != Positions.file(p.position())) {
                line.field("used_by_file", totals.name(file));
            }
        }
        optional("reason", p.reason() == null ? null : Printable.withoutPassword(p.reason()));
    }

    private void data(Event.Data d) {
        begin("data", d);
        line.field("flow", d.flow());
        line.field("control", d.control());
        line.field("mode", d.mode().label());
        optional("command", d.command());
        optional("file", d.file());
        line.field("bytes", d.bytes());
        line.field("complete", d.complete());
        line.field("verdict", label(d.verdict()));
    }

    private void alert(Event.Alert a) {
        begin("alert", a);
        line.field("kind", a.kind().label());
        line.field("flow", a.flow());
        line.field("detail", Printable.withoutPassword(a.detail()));
    }

    private void diagnosis(Diagnosis d) {
        begin("diagnosis", d.position());
        line.field("control", d.control());
        packetAndTime(d.position(), d.timeNanos());
        line.field("cause", d.cause().label());
        line.field("detail", Printable.withoutPassword(d.detail()));
        line.field("cure", d.wholeCure());
        line.close().endLine();
    }

    @Override
    public void finish() {
        if (queue != null) {
            queue.finish();
        }
        for (int i = 0; i < totals.files(); i++) {
            line.open().field("event", "summary").field("file", totals.name(i));
            summary(totals.file(i));
        }
        if (totals.files() > 1) {
            line.open().field("event", "summary");
            summary(totals.all());
        }
        line.flush();
    }

    private void summary(Totals.Counts c) {
        line.field("packets", c.packets());
        line.field("bytes", c.bytes());
        line.field("controls", c.controls());
        line.field("data", c.data());
        line.name("pinholes").open();
        for (PinholeOutcome outcome : OUTCOMES) {
            line.field(outcome.label(), c.pinholes(outcome));
        }
        line.close();
        line.field("accepted", c.accepted());
        line.field("dropped", c.dropped());
        line.field("rejected", c.rejected());
        line.field("unfiltered", c.unfiltered());
        line.field("undecodable", c.undecodable());
        line.field("alerts", c.alerts());
        line.field("truncated", c.truncated());
        line.close().endLine();
    }

    @Override
    public void flush() {
        line.flush();
    }

    /** Open sessions and packets that are remembered. */
    int retained() {
        return diagnoser.open() + (queue == null ? 0 : queue.outstanding());
    }
}
