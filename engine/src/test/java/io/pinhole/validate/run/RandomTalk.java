package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.validate.scenario.Step.Tweaks;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * What a few hosts say and send, at random: handshakes, FTP dialogues and what they announce, ICMP
 * errors about any of it, strays.
 */
final class RandomTalk {
    static final List<IpAddress> V4 =
            List.of(host("10.0.0.1"), host("10.1.2.3"), host("203.0.113.20"));
    static final List<IpAddress> V6 =
            List.of(host("2001:db8::1"), host("2001:db8:2::20"), host("2001:db9::1"));
    private static final int[] SERVER_PORTS = {21, 21, 21, 2121, 22, 53};
    private static final int[] DATA_PORTS = {1024, 1025, 40_000, 2121, 22, 65_535};
    private static final int[] CLIENT_PORTS = {20, 1023, 1025, 40_000, 65_535};
    private static final int[] FLAGS = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x03, 0x00};

    private interface Sent {
        @Nullable Judged run() throws StepFailure;
    }

    private final Lab lab;
    private final Random random;
    private final List<FlowKey> flows = new ArrayList<>();
    private final List<FlowKey> controls = new ArrayList<>();
    private final List<Sent> waiting = new ArrayList<>();
    private int announced = 1024;
    private @Nullable FlowKey promised;

    RandomTalk(Lab lab, Random random) {
        this.lab = lab;
        this.random = random;
    }

    private int pick(int... of) {
        return of[random.nextInt(of.length)];
    }

    private <T> T pick(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private static IpAddress host(String text) {
        return Objects.requireNonNull(IpAddress.parse(text));
    }

    /** Sends one packet; null where the step sends none. */
    @Nullable Judged step() throws StepFailure {
        if (!waiting.isEmpty()) {
            return waiting.removeFirst().run();
        }
        List<IpAddress> hosts = random.nextInt(3) > 0 ? V4 : V6;
        IpAddress a = pick(hosts);
        IpAddress b = pick(hosts);
        return switch (random.nextInt(10)) {
            case 0, 1 -> {
                FlowKey flow = FlowKey.tcp(a, pick(CLIENT_PORTS), b, pick(SERVER_PORTS));
                controls.add(flow);
                Judged first = handshake(flow);
                waiting.add(() -> dialogue(flow));
                yield first;
            }
            case 2, 3, 4 -> controls.isEmpty() ? null : dialogue(pick(controls));
            case 5, 6 -> data(a, b);
            case 7 -> flows.isEmpty() ? null : stray(pick(flows));
            case 8 -> flows.isEmpty() ? null : error(pick(flows), a);
            default -> other(a, b);
        };
    }

    private Judged tcp(FlowKey flow, int flags, String text) throws StepFailure {
        if (!flows.contains(flow)) {
            flows.add(flow);
            flows.add(flow.reversed());
        }
        return lab.tcp(lab.end(flow), flags, text.getBytes(StandardCharsets.US_ASCII), Tweaks.NONE);
    }

    private Judged handshake(FlowKey flow) throws StepFailure {
        lab.restart(lab.end(flow));
        waiting.add(() -> tcp(flow.reversed(), 0x12, ""));
        waiting.add(() -> tcp(flow, 0x10, ""));
        return tcp(flow, 0x02, "");
    }

    private void say(FlowKey flow, String line) {
        waiting.add(() -> tcp(flow, 0x18, line + "\r\n"));
        waiting.add(() -> tcp(flow.reversed(), 0x10, ""));
    }

    private @Nullable Judged dialogue(FlowKey control) throws StepFailure {
        FlowKey server = control.reversed();
        IpAddress named = random.nextInt(4) > 0 ? null : pick(control.source().isV4() ? V4 : V6);
        announced = pick(DATA_PORTS);
        boolean v4 = control.source().isV4();
        String split = "," + (announced >> 8) + "," + (announced & 255);
        if (random.nextBoolean()) {
            IpAddress to = named == null ? control.destination() : named;
            promised = FlowKey.tcp(control.source(), pick(CLIENT_PORTS), to, announced);
            if (v4) {
                say(control, "PASV");
                say(server, "227 ok (" + to.toString().replace('.', ',') + split + ")");
            } else {
                say(control, "EPSV");
                say(server, "229 ok (|||" + announced + "|)");
            }
        } else {
            IpAddress to = named == null ? control.source() : named;
            promised = FlowKey.tcp(control.destination(), pick(CLIENT_PORTS), to, announced);
            say(
                    control,
                    v4
                            ? "PORT " + to.toString().replace('.', ',') + split
                            : "EPRT |2|" + to + "|" + announced + "|");
            say(server, random.nextInt(5) == 0 ? "500 no" : "200 ok");
        }
        FlowKey data = promised;
        if (random.nextInt(3) > 0) {
            waiting.add(() -> tcp(data, 0x02, ""));
            waiting.add(() -> tcp(data.reversed(), 0x12, ""));
            waiting.add(() -> tcp(data, 0x10, ""));
        }
        if (random.nextInt(3) == 0) {
            waiting.add(() -> error(data, data.destination()));
        }
        return waiting.removeFirst().run();
    }

    private @Nullable Judged data(IpAddress a, IpAddress b) throws StepFailure {
        FlowKey flow = promised;
        if (flow == null || random.nextInt(4) == 0) {
            flow = FlowKey.tcp(a, pick(CLIENT_PORTS), b, announced);
        }
        return handshake(flow);
    }

    private Judged stray(FlowKey flow) throws StepFailure {
        return tcp(flow, pick(FLAGS), "");
    }

    private @Nullable Judged error(FlowKey about, IpAddress router) throws StepFailure {
        byte[] quoted = lab.lastOf(about);
        if (quoted == null) {
            return null;
        }
        boolean v4 = about.source().isV4();
        IpAddress from = v4 == router.isV4() ? router : pick(v4 ? V4 : V6);
        IpAddress to = random.nextInt(4) > 0 ? about.source() : about.destination();
        int type = v4 ? pick(3, 5, 11) : pick(1, 2, 3);
        return lab.icmp(from, to, type, 0, 0, quoted, Tweaks.NONE);
    }

    private @Nullable Judged other(IpAddress a, IpAddress b) throws StepFailure {
        byte[] nothing = {};
        boolean v4 = a.isV4();
        return switch (random.nextInt(5)) {
            case 0 -> {
                FlowKey flow = new FlowKey(17, a, pick(CLIENT_PORTS), b, 53);
                waiting.add(() -> lab.udp(flow.reversed(), nothing, 0, Tweaks.NONE));
                yield lab.udp(flow, nothing, 0, Tweaks.NONE);
            }
            case 1 -> {
                int asks = v4 ? pick(8, 13) : 128;
                int answers = v4 ? (asks == 8 ? 0 : 14) : 129;
                waiting.add(() -> lab.icmp(b, a, answers, 0, 1 << 16, nothing, Tweaks.NONE));
                yield lab.icmp(a, b, asks, 0, 1 << 16, nothing, Tweaks.NONE);
            }
            case 2 ->
                    lab.icmp(
                            a,
                            b,
                            v4 ? pick(0, 9, 14) : pick(129, 133, 135, 140),
                            0,
                            7,
                            nothing,
                            Tweaks.NONE);
            case 3 -> lab.other(FlowKeys.portless(47, a, b), new byte[8], 8, Tweaks.NONE);
            default ->
                    tcp(FlowKey.tcp(a, pick(CLIENT_PORTS), b, pick(SERVER_PORTS)), pick(FLAGS), "");
        };
    }
}
