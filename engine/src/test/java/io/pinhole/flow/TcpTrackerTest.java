package io.pinhole.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Settings;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketBytes;
import io.pinhole.decode.PacketView;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * TCP tracking against netfilter's own state table and scenarios.
 *
 * <p>Transcripts ({@code tcp-tracking.txt}): {@code > FLAGS FROM:TO ack N win N <OPTIONS> = STATE}
 * is a packet in original direction ({@code <} in reply direction) with sequence numbers counted
 * from each side's first, and what must hold after it: the state, {@code assured}, {@code ignored}
 * (let through, nothing moved), {@code invalid REASON}, {@code anew} (a new flow), {@code removed},
 * and the seconds to the flow's deadline.
 */
class TcpTrackerTest {
    private static final String CLIENT = "198.51.100.10";
    private static final String SERVER = "203.0.113.20";
    private static final long SECOND = 1_000_000_000L;
    private static final int[] FIRST = {0x7fff_ff00, 0xffff_ff00}; // they wrap soon

    // ---- the state table ----

    /**
     * The comments of nf_conntrack_proto_tcp.c as a table. sIV: invalid; sIG: let through without
     * following; columns as in the kernel's enum tcp_conntrack.
     */
    private static final String STATE_TABLE =
            """
            #                 sNO sSS sSR sES sFW sCW sLA sTW sCL sS2
            original  SYN     sSS sSS sIG sIG sIG sIG sIG sSS sSS sS2
            original  SYN-ACK sIV sIV sSR sIV sIV sIV sIV sIV sIV sSR
            original  FIN     sIV sIV sFW sFW sLA sLA sLA sTW sCL sIV
            original  ACK     sES sIV sES sES sCW sCW sTW sTW sCL sIV
            original  RST     sIV sCL sCL sCL sCL sCL sCL sCL sCL sCL
            original  NONE    sIV sIV sIV sIV sIV sIV sIV sIV sIV sIV
            reply     SYN     sIV sS2 sIV sIV sIV sIV sIV sSS sIV sS2
            reply     SYN-ACK sIV sSR sIG sIG sIG sIG sIG sIG sIG sSR
            reply     FIN     sIV sIV sFW sFW sLA sLA sLA sTW sCL sIV
            reply     ACK     sIV sIG sSR sES sCW sCW sTW sTW sCL sIG
            reply     RST     sIV sCL sCL sCL sCL sCL sCL sCL sCL sCL
            reply     NONE    sIV sIV sIV sIV sIV sIV sIV sIV sIV sIV
            """;

    private static final List<String> STATES =
            List.of("sNO", "sSS", "sSR", "sES", "sFW", "sCW", "sLA", "sTW", "sCL", "sS2");

    static Stream<Arguments> cells() {
        List<Arguments> cells = new ArrayList<>();
        for (String row : STATE_TABLE.lines().filter(l -> !l.startsWith("#")).toList()) {
            String[] words = row.split("\\s+");
            for (int state = 0; state < STATES.size(); state++) {
                // No packet has no flag at all once the header was checked; no reply comes first.
                boolean possible = state > 0 || words[0].equals("original");
                if (possible && !words[1].equals("NONE")) {
                    cells.add(
                            Arguments.of(words[0], words[1], STATES.get(state), words[2 + state]));
                }
            }
        }
        return cells.stream();
    }

    @ParameterizedTest(name = "{2} + {0} {1} -> {3}")
    @MethodSource("cells")
    void stateTable(String direction, String kind, String from, String to) {
        int side = direction.equals("reply") ? 1 : 0;
        String flags =
                switch (kind) {
                    case "SYN" -> "S";
                    case "SYN-ACK" -> "SA";
                    case "FIN" -> "FA";
                    case "RST" -> "R";
                    default -> "A";
                };
        try (FlowTable t = new FlowTable(false, 16, 1, (table, flow, expired) -> {})) {
            TcpTracker tracker = new TcpTracker(Settings.Tcp.DEFAULTS, Settings.Timeouts.DEFAULTS);
            PacketView p = view(side, flags, 1000, 1000, 1000, 1000, new byte[0]);
            long flow = prepare(t);
            int old = STATES.indexOf(from);
            if (old == TcpTracker.NONE) {
                boolean began = tracker.begin(t, flow, p, true);
                assertThat(began).isEqualTo(!to.equals("sIV"));
                if (began) {
                    tracker.track(t, flow, p, 0, 0);
                    assertThat(STATES.get(t.state(flow))).isEqualTo(to);
                }
                return;
            }
            t.state(flow, old);
            t.setFlag(flow, FlowTable.SEEN_REPLY);
            for (int s = 0; s < 2; s++) {
                // Windows that anything fits, and an end that one side began.
                t.end(flow, s, FIRST[s] + 1000);
                t.maxEnd(flow, s, FIRST[s] + 60_000);
                t.maxWin(flow, s, 60_000);
                t.windowFlags(flow, s, 0x04 | 0x08);
            }
            TcpTracker.Result result = tracker.track(t, flow, p, side, 0);
            String next = STATES.get(t.state(flow));
            switch (to) {
                case "sIV" -> {
                    assertThat(result).isEqualTo(TcpTracker.Result.INVALID);
                    assertThat(tracker.anomaly()).isNotEqualTo(Anomaly.NONE);
                    assertThat(next).isEqualTo(from);
                }
                case "sIG" -> {
                    assertThat(result).isEqualTo(TcpTracker.Result.ACCEPT);
                    assertThat(tracker.followed()).isFalse();
                    assertThat(next).isEqualTo(from);
                }
                case "sSS" -> {
                    if (old == TcpTracker.SYN_SENT) {
                        assertThat(result).isEqualTo(TcpTracker.Result.ACCEPT);
                        assertThat(next).isEqualTo(to);
                    } else {
                        // In TIME_WAIT and CLOSE a new flow takes the place of the old.
                        assertThat(result).isEqualTo(TcpTracker.Result.REOPEN);
                    }
                }
                default -> {
                    assertThat(result).isEqualTo(TcpTracker.Result.ACCEPT);
                    assertThat(next).isEqualTo(to);
                }
            }
        }
    }

    /** Combinations of flags: kernel tcp_valid_flags. PSH, ECE and CWR go with everything. */
    @Test
    void combinationsOfFlags() {
        List<String> valid = List.of("S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU");
        for (int bits = 0; bits < 64; bits++) {
            String letters = "";
            for (int i = 0; i < 6; i++) {
                letters += (bits >> i & 1) != 0 && i != 3 ? "FSRPAU".substring(i, i + 1) : "";
            }
            for (int more : new int[] {0, 0x08, 0x40, 0x80, 0xc8}) {
                byte[] packet = packet(0, bits & ~8 | more, 1, 1, 1, new byte[0], new byte[0]);
                assertThat(TcpTracker.check(view(packet)))
                        .as(letters)
                        .isEqualTo(valid.contains(letters) ? Anomaly.NONE : Anomaly.TCP_BAD_FLAGS);
            }
        }
    }

    // ---- transcripts ----

    static Stream<Arguments> scenarios() throws IOException {
        try (InputStream in = TcpTrackerTest.class.getResourceAsStream("tcp-tracking.txt")) {
            String text =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            return Arrays.stream(text.split("\n=== "))
                    .skip(1)
                    .map(
                            s ->
                                    Arguments.of(
                                            s.substring(0, s.indexOf('\n')),
                                            s.substring(s.indexOf('\n') + 1)
                                                    .lines()
                                                    .filter(l -> !l.isBlank() && !l.startsWith("#"))
                                                    .toList()));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scenarios")
    void scenario(String title, List<String> lines) {
        Settings.Tcp d = Settings.Tcp.DEFAULTS;
        Settings.Tcp settings =
                new Settings.Tcp(
                        !lines.contains("set: loose off"),
                        lines.contains("set: liberal on"),
                        d.maxRetrans(),
                        d.checksum());
        List<String> seen = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        try (Host host = new Host(new TcpTracker(settings, Settings.Timeouts.DEFAULTS))) {
            for (String line : lines) {
                if (line.startsWith("set: ")) {
                    continue;
                }
                if (line.startsWith("wait ")) {
                    host.now += Long.parseLong(line.substring(5)) * SECOND;
                    continue;
                }
                String packet = line.substring(0, line.indexOf(" = ")).strip();
                String outcome = line.substring(line.indexOf(" = ") + 3).strip();
                expected.add(packet + " = " + outcome);
                seen.add(packet + " = " + host.play(packet, outcome));
            }
        }
        assertThat(seen).isEqualTo(expected);
    }

    /** What ConnectionTracker does around the tracker, for one flow. */
    private static final class Host implements AutoCloseable {
        final FlowTable t = new FlowTable(false, 16, 1, (table, flow, expired) -> {});
        final TcpTracker tracker;
        long now = 1_000 * SECOND;
        private long flow = FlowTable.NONE;
        private int swapped; // 1 where "<" is the flow's original direction

        Host(TcpTracker tracker) {
            this.tracker = tracker;
        }

        String play(String text, String outcome) {
            if (!text.startsWith("repeat ")) {
                return one(text, 0, 0, outcome);
            }
            // repeat N FIRST / SECOND: the numbers move on by what FIRST carries.
            String[] words = text.split(" ", 3);
            String[] pair = words[2].split(" / ");
            Matcher m = PACKET.matcher(pair[0]);
            assertThat(m.matches()).isTrue();
            int step = Integer.parseInt(m.group(4)) - Integer.parseInt(m.group(3));
            String last = "";
            for (int i = 0; i < Integer.parseInt(words[1]); i++) {
                one(pair[0], i * step, 0, outcome);
                last = one(pair[1], 0, i * step, outcome);
            }
            return last;
        }

        private static final Pattern PACKET =
                Pattern.compile(
                        "([<>]) ([FSRPAU]+) (\\d+):(\\d+)(?: ack (\\d+))? win (\\d+)(?: <(.*)>)?");

        private String one(String text, int seqMore, int ackMore, String outcome) {
            Matcher m = PACKET.matcher(text);
            assertThat(m.matches()).as(text).isTrue();
            int from = m.group(1).equals(">") ? 0 : 1;
            int seq = Integer.parseInt(m.group(3)) + seqMore;
            int length = Integer.parseInt(m.group(4)) - Integer.parseInt(m.group(3));
            int ack = m.group(5) == null ? 0 : Integer.parseInt(m.group(5)) + ackMore;
            PacketView p =
                    view(
                            packet(
                                    from,
                                    flags(m.group(2)),
                                    FIRST[from] + seq,
                                    m.group(5) == null ? 0 : FIRST[1 - from] + ack,
                                    Integer.parseInt(m.group(6)),
                                    options(from, m.group(7)),
                                    new byte[length]));
            boolean anew = false;
            boolean restarted = false;
            TcpTracker.Result result = TcpTracker.Result.REOPEN;
            if (flow != FlowTable.NONE) {
                result = tracker.track(t, flow, p, from ^ swapped, now);
            }
            if (result == TcpTracker.Result.REOPEN) {
                anew = flow != FlowTable.NONE;
                if (anew) {
                    t.remove(flow);
                }
                flow = prepare(t);
                swapped = from;
                if (!tracker.begin(t, flow, p, true)) {
                    flow = FlowTable.NONE;
                    return "none " + tracker.anomaly().label();
                }
                result = tracker.track(t, flow, p, 0, now);
                flow = t.insert();
            }
            StringBuilder out = new StringBuilder(TcpTracker.stateName(t.state(flow)));
            switch (result) {
                case INVALID -> out.append(" invalid ").append(tracker.anomaly().label());
                case ACCEPT_AND_REMOVE -> out.append(" removed");
                default -> {
                    restarted = result == TcpTracker.Result.RESTARTED;
                    if ((from ^ swapped) == 1) {
                        t.setFlag(flow, FlowTable.SEEN_REPLY);
                    }
                    boolean wasAssured = assured;
                    assured = t.flag(flow, FlowTable.ASSURED);
                    out.append(anew ? " anew" : "");
                    out.append(restarted ? " restarted" : "");
                    out.append(assured && !wasAssured ? " assured" : "");
                    out.append(tracker.followed() || restarted ? "" : " ignored");
                }
            }
            if (outcome.matches(".* \\d+s")) {
                out.append(" ").append((t.deadline(flow) - now) / SECOND).append("s");
            }
            return out.toString();
        }

        private boolean assured;

        @Override
        public void close() {
            t.close();
        }
    }

    // ---- packets ----

    private static long prepare(FlowTable t) {
        PacketView p = view(packet(0, 2, 0, 0, 1, new byte[0], new byte[0]));
        return t.prepare(
                PacketView.TCP,
                p.sourceHigh(),
                p.sourceLow(),
                p.sourcePort(),
                p.destinationHigh(),
                p.destinationLow(),
                p.destinationPort());
    }

    private static PacketView view(
            int side, String flags, int seq, int ack, int unused, int win, byte[] options) {
        return view(
                packet(
                        side,
                        flags(flags),
                        FIRST[side] + seq,
                        FIRST[1 - side] + ack,
                        win,
                        options,
                        new byte[0]));
    }

    private static PacketView view(byte[] packet) {
        PacketView view = new PacketView();
        Anomaly bad =
                view.wrap(
                        MemorySegment.ofArray(packet),
                        0,
                        packet.length,
                        packet.length,
                        LinkType.RAW);
        assertThat(bad).isEqualTo(Anomaly.NONE);
        return view;
    }

    private static int flags(String letters) {
        int flags = 0;
        for (char letter : letters.toCharArray()) {
            flags |= 1 << "FSRPAU".indexOf(letter);
        }
        return flags;
    }

    private static byte[] packet(
            int side, int flags, int seq, int ack, int win, byte[] options, byte[] payload) {
        byte[] tcp =
                PacketBytes.tcp(
                        side == 0 ? 41022 : 21,
                        side == 0 ? 21 : 41022,
                        flags,
                        seq,
                        ack,
                        PacketBytes.concat(options, payload));
        PacketBytes.put16(tcp, 14, win);
        tcp[12] = (byte) ((20 + options.length) / 4 << 4);
        return PacketBytes.ipv4(
                side == 0 ? CLIENT : SERVER, side == 0 ? SERVER : CLIENT, 6, 0, 0, tcp);
    }

    private static byte[] options(int from, String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (String option : text == null ? new String[0] : text.split(",")) {
            String[] words = option.split(" ");
            switch (words[0]) {
                case "mss" -> out.writeBytes(new byte[] {2, 4, 5, (byte) 0xb4});
                case "ws" -> out.writeBytes(new byte[] {1, 3, 3, Byte.parseByte(words[1])});
                case "ts" -> out.writeBytes(new byte[] {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8});
                case "sack" -> {
                    if (words.length == 1) {
                        out.writeBytes(new byte[] {1, 1, 4, 2});
                    } else {
                        String[] edges = words[1].split("-");
                        out.writeBytes(new byte[] {1, 1, 5, 10});
                        for (String edge : edges) {
                            int n = FIRST[1 - from] + Integer.parseInt(edge);
                            out.writeBytes(
                                    new byte[] {
                                        (byte) (n >>> 24),
                                        (byte) (n >>> 16),
                                        (byte) (n >>> 8),
                                        (byte) n
                                    });
                        }
                    }
                }
                default -> throw new IllegalArgumentException(option);
            }
        }
        return out.toByteArray();
    }
}
