package io.pinhole.validate.record;

import io.pinhole.core.FlowKey;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.OpenPinhole;
import io.pinhole.validate.record.Heard.Segment;
import io.pinhole.validate.scenario.Expected;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Writes the lines of one test. One use. */
final class Writer {
    private static final int FIN = 1;
    private static final int SYN = 2;
    private static final int RST = 4;
    private static final int PSH = 8;
    private static final int ACK = 16;
    private static final String[] FLAGS = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
    private static final long SECOND = 1_000_000_000L;
    private static final long STEP = 100_000;

    /** A connection: where its numbers begin and how far both sides are. */
    private static final class Talk {
        String name = "";
        final FlowKey flow; // from the side that spoke first
        final Map<FlowKey, Integer> initial = new HashMap<>();
        final Map<FlowKey, Long> next = new HashMap<>();
        boolean connected;

        Talk(FlowKey flow) {
            this.flow = flow;
        }
    }

    private final List<Heard> packets;
    private final List<Event> events;
    private final Names names;
    private final Set<Integer> ftpPorts;
    private final Detail detail;
    private final Map<FlowKey, Talk> talks = new HashMap<>();
    private final Set<FlowKey> told = new HashSet<>(); // transfers, by both of their keys
    private final StringBuilder out = new StringBuilder();
    private @Nullable Talk current;
    private int connections;
    private long leftOut;

    Writer(
            List<Heard> packets,
            List<Event> events,
            Names names,
            Set<Integer> ftpPorts,
            Detail detail) {
        this.packets = packets;
        this.events = events;
        this.names = names;
        this.ftpPorts = ftpPorts;
        this.detail = detail;
    }

    String write() {
        long last = packets.isEmpty() ? 0 : packets.getFirst().timeNanos;
        for (int i = 0; i < packets.size(); i++) {
            Heard heard = packets.get(i);
            if (heard.expected == null) {
                leftOut++;
                continue;
            }
            long gap = heard.timeNanos - last;
            int before = out.length();
            boolean frames = detail == Detail.FRAMES;
            if (frames ? gap > STEP : gap >= SECOND) {
                line("after " + Texts.duration(frames ? gap - STEP : gap / 1_000_000 * 1_000_000));
            }
            int line = out.length();
            packet(heard, i);
            if (out.length() == line && heard.opened.isEmpty()) {
                // Nothing to say: time goes on with the next that has something.
                out.setLength(before);
                if (frames || gap < SECOND) {
                    last = frames ? last : heard.timeNanos;
                }
            } else {
                last = Math.max(last, heard.timeNanos);
            }
            for (OpenPinhole p : heard.opened) {
                line(
                        "expect pinhole "
                                + names.host(p.source())
                                + " -> "
                                + names.endpoint(p.destination(), p.destinationPort()));
            }
        }
        ending();
        return out.toString();
    }

    private void line(String text) {
        out.append("  ").append(text).append('\n');
    }

    private void packet(Heard heard, int index) {
        Segment s = heard.segment;
        if (s == null || detail == Detail.FRAMES) {
            frame(heard);
            return;
        }
        if (told.contains(s.flow())) {
            return;
        }
        Talk talk = talks.get(s.flow());
        boolean begins = s.has(SYN) && !s.has(ACK);
        if (talk == null || (begins && restarts(talk, s))) {
            talk = new Talk(s.flow());
            talks.put(s.flow(), talk);
            talks.put(s.flow().reversed(), talk);
        }
        if (detail == Detail.DIALOGUE) {
            if (begins && heard.accepted() && !isControl(s.flow()) && transfer(heard, index)) {
                return;
            }
            if (isControl(s.flow()) && dialogue(talk, heard, index)) {
                follow(talk, s);
                return;
            }
        }
        explicit(talk, heard);
        follow(talk, s);
    }

    private static boolean restarts(Talk talk, Segment s) {
        Integer initial = talk.initial.get(s.flow());
        return initial != null && initial != s.sequence();
    }

    private boolean isControl(FlowKey flow) {
        return ftpPorts.contains(flow.destinationPort()) || ftpPorts.contains(flow.sourcePort());
    }

    private void frame(Heard heard) {
        String wire = heard.wireLength == heard.frame.length() ? "" : " wire " + heard.wireLength;
        line(
                "frame "
                        + heard.link.name().toLowerCase(Locale.ROOT).replace('_', '-')
                        + " "
                        + heard.frame
                        + wire
                        + " "
                        + Texts.expected(heard.expected));
    }

    // ---- numbers ----

    private static long relative(Talk talk, FlowKey side, int number) {
        Integer initial = talk.initial.get(side);
        return initial == null ? 1 : Integer.toUnsignedLong(number - initial);
    }

    /** Learns where numbers begin, and moves on. */
    private static void follow(Talk talk, Segment s) {
        learn(talk, s);
        long end = relative(talk, s.flow(), s.sequence()) + s.length();
        talk.next.merge(s.flow(), end, Math::max);
    }

    private static void learn(Talk talk, Segment s) {
        talk.initial.putIfAbsent(s.flow(), s.has(SYN) ? s.sequence() : s.sequence() - 1);
        if (s.has(ACK)) {
            talk.initial.putIfAbsent(s.flow().reversed(), s.acknowledgement() - 1);
        }
    }

    /** A packet line with every number it needs. */
    private void explicit(Talk talk, Heard heard) {
        Segment s = heard.segment;
        if (s == null) {
            return;
        }
        learn(talk, s);
        StringBuilder text = new StringBuilder();
        text.append(names.endpoint(s.flow().source(), s.flow().sourcePort()));
        text.append(" -> ");
        text.append(names.endpoint(s.flow().destination(), s.flow().destinationPort()));
        text.append(' ').append(flags(s.flags()));
        long sequence = relative(talk, s.flow(), s.sequence());
        if (!(s.has(SYN) && sequence == 0)) {
            text.append(" seq=").append(sequence);
        }
        if (s.has(ACK)) {
            text.append(" ack=").append(relative(talk, s.flow().reversed(), s.acknowledgement()));
        }
        int n = s.payload().length();
        if (n > 0) {
            text.append(" data ");
            if (isControl(s.flow())) {
                text.append('"').append(Texts.escaped(s.payload().toArray(), n, true)).append('"');
            } else {
                text.append(n);
            }
        }
        line(text.append(' ').append(Texts.expected(heard.expected)).toString());
    }

    private static String flags(int bits) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < FLAGS.length; i++) {
            if ((bits & 1 << i) != 0) {
                text.append(text.isEmpty() ? "" : "+").append(FLAGS[i]);
            }
        }
        return text.isEmpty() ? "none" : text.toString();
    }

    // ---- control connections as dialogues ----

    /**
     * Writes a packet of a control connection as what it says.
     *
     * @return false if it needs a packet line
     */
    private boolean dialogue(Talk talk, Heard heard, int index) {
        Segment s = heard.segment;
        if (s == null) {
            return false;
        }
        if (!talk.connected) {
            if (s.has(SYN) && !s.has(ACK) && handshake(talk, index)) {
                talk.name = "c" + ++connections;
                talk.connected = true;
                current = talk;
                line(
                        "connect "
                                + names.endpoint(s.flow().source(), s.flow().sourcePort())
                                + " -> "
                                + names.endpoint(s.flow().destination(), s.flow().destinationPort())
                                + " as "
                                + talk.name
                                + " "
                                + Texts.expected(heard.expected));
                return true;
            }
            return false;
        }
        boolean plain = (s.flags() & ~(PSH | ACK)) == 0 && s.has(ACK);
        boolean opening = s.has(SYN);
        if (heard.accepted() && (opening || (plain && s.payload().length() == 0))) {
            return true; // the steps before say it
        }
        Long next = talk.next.get(s.flow());
        boolean inOrder = next == null || next == relative(talk, s.flow(), s.sequence());
        String side = s.flow().equals(talk.flow) ? "C" : "S";
        if (plain && inOrder) {
            Expected e = heard.expected;
            Verdict verdict = e == null ? Verdict.ACCEPT : e.verdict();
            speak(talk);
            line(
                    side
                            + (verdict == Verdict.ACCEPT ? "" : " " + verdict.label())
                            + ": "
                            + Texts.said(s.payload()));
            return true;
        }
        boolean ends = s.payload().length() == 0 && inOrder && heard.accepted();
        if (ends && s.flags() == (FIN | ACK)) {
            speak(talk);
            line(side + " fin");
            return true;
        }
        if (ends && s.flags() == (RST | ACK)) {
            speak(talk);
            line(side + " rst");
            return true;
        }
        return false;
    }

    private void speak(Talk talk) {
        if (current != talk) {
            current = talk;
            line("on " + talk.name);
        }
    }

    /** True if the SYN at this index is answered and accepted all the way. */
    private boolean handshake(Talk talk, int index) {
        boolean answered = false;
        for (int i = index; i < packets.size() && i < index + 1000; i++) {
            Heard heard = packets.get(i);
            Segment s = heard.segment;
            if (s == null || talks.get(s.flow()) != talk) {
                continue;
            }
            if (!heard.accepted()) {
                return false;
            }
            if (s.has(SYN | ACK)) {
                answered = true;
            } else if (answered && s.has(ACK)) {
                return true;
            }
        }
        return false;
    }

    // ---- data connections as transfers ----

    /**
     * Writes a whole data connection as one line, if all of it was accepted and it came to an end.
     *
     * @param index of its SYN
     */
    private boolean transfer(Heard syn, int index) {
        Segment first = syn.segment;
        if (first == null) {
            return false;
        }
        FlowKey flow = first.flow();
        long[] low = {Long.MAX_VALUE, Long.MAX_VALUE};
        long[] bytes = new long[2];
        boolean[] fin = new boolean[2];
        for (int i = index; i < packets.size(); i++) {
            Heard heard = packets.get(i);
            Segment s = heard.segment;
            if (s == null || !(s.flow().equals(flow) || s.flow().reversed().equals(flow))) {
                continue;
            }
            boolean again = i > index && s.has(SYN) && !s.has(ACK);
            if (!heard.accepted() || again || s.has(RST)) {
                return false;
            }
            int side = s.flow().equals(flow) ? 0 : 1;
            low[side] = Math.min(low[side], Integer.toUnsignedLong(s.sequence()));
            if (s.payload().length() > 0) {
                long begin = Integer.toUnsignedLong(s.sequence()) - low[side] - 1;
                bytes[side] = Math.max(bytes[side], begin + s.payload().length());
            }
            fin[side] |= s.has(FIN);
        }
        boolean oneWay = bytes[0] == 0 || bytes[1] == 0;
        if (!fin[0] || !fin[1] || !oneWay || bytes[0] < 0 || bytes[1] < 0) {
            return false;
        }
        told.add(flow);
        told.add(flow.reversed());
        line(
                "transfer "
                        + names.endpoint(flow.source(), flow.sourcePort())
                        + " -> "
                        + names.endpoint(flow.destination(), flow.destinationPort())
                        + " "
                        + Math.max(bytes[0], bytes[1])
                        + (bytes[0] > 0 ? " upload" : "")
                        + " "
                        + Texts.expected(syn.expected));
        return true;
    }

    // ---- the end ----

    private void ending() {
        Set<String> alerts = new TreeSet<>();
        int data = 0;
        int complete = 0;
        for (Event event : events) {
            switch (event) {
                case Event.Alert a -> alerts.add(a.kind().label());
                case Event.Data d -> {
                    data++;
                    complete += d.complete() && d.verdict() == Verdict.ACCEPT ? 1 : 0;
                }
                default -> {}
            }
        }
        alerts.forEach(kind -> line("expect alert " + kind));
        if (alerts.isEmpty()) {
            line("expect no alert");
        }
        if (data > 0 && data == complete) {
            line("expect complete");
        }
        if (packets.stream().allMatch(h -> h.expected == null || h.accepted())) {
            line("expect no drop");
        }
        if (leftOut > 0) {
            line("# packets left out because nothing filters them (ARP and the like): " + leftOut);
        }
    }
}
