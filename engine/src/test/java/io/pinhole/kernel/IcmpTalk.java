package io.pinhole.kernel;

import java.util.Arrays;

/** Echo and its kin, errors about what was sent before, and neighbour discovery. */
final class IcmpTalk implements Traffic.Talk {
    private final Traffic traffic;
    private final Side side;
    private final boolean v6;
    private final String here;
    private final String there;
    private final int id;

    IcmpTalk(Traffic traffic) {
        this.traffic = traffic;
        side = traffic.pick(Side.values());
        v6 = traffic.v6();
        here = traffic.host(side, v6);
        there = traffic.host(side.other(), v6);
        id = traffic.pick(1, 2, 0x1234, 0xffff);
    }

    @Override
    public void step() {
        if (traffic.chance(50)) {
            query();
        } else {
            error();
        }
    }

    private void query() {
        boolean request = traffic.chance(60);
        int type =
                v6
                        ? traffic.pick(
                                128, 129, 128, 129, 139, 140, 130, 135, 136, 134, 137, 143, 200)
                        : traffic.pick(8, 0, 8, 0, 8, 0, 13, 14, 15, 16, 17, 18, 9, 10, 42);
        if (traffic.chance(60)) {
            type = v6 ? (request ? 128 : 129) : request ? 8 : 0;
        }
        String from = request ? here : there;
        String to = request ? there : here;
        int code = traffic.chance(90) ? 0 : traffic.random.nextInt(3);
        send(
                request ? side : side.other(),
                traffic.icmp(from, to, type, code, id << 16 | 1, traffic.noise(8)),
                "icmp %s > %s type %d code %d id %d".formatted(from, to, type, code, id));
    }

    private void send(Side from, Datagram d, String text) {
        traffic.send(from, d, text);
    }

    private void error() {
        if (traffic.quotable.isEmpty()) {
            query();
            return;
        }
        Sent about = traffic.quotable.get(traffic.random.nextInt(traffic.quotable.size()));
        byte[] quoted = about.ip().clone();
        boolean six = quoted[0] >> 4 == 6;
        String from = traffic.host(traffic.pick(Side.values()), six);
        String source = address(quoted, six ? 8 : 12, six);
        String to = traffic.chance(90) ? source : traffic.host(Side.LEFT, six);
        int header = six ? 40 : (quoted[0] & 0xf) * 4;
        int keep =
                traffic.pick(header + 8, header + 20, quoted.length, header + 4, header - 1, 600);
        quoted = Arrays.copyOf(quoted, Math.min(quoted.length, keep));
        boolean changed = traffic.chance(10);
        if (changed) {
            quoted[traffic.random.nextInt(quoted.length)] ^=
                    (byte) (1 << traffic.random.nextInt(8));
        }
        int type =
                six ? traffic.pick(1, 2, 3, 4, 1, 137, 5, 100) : traffic.pick(3, 3, 11, 12, 4, 5);
        int code = traffic.random.nextInt(5);
        boolean toLeft = to.startsWith("198.") || to.startsWith("2001:db8:1:");
        send(
                toLeft ? Side.RIGHT : Side.LEFT,
                traffic.icmp(from, to, type, code, 0, quoted),
                "icmp error %s > %s type %d code %d about (%s), %d bytes%s"
                        .formatted(
                                from,
                                to,
                                type,
                                code,
                                about.text(),
                                quoted.length,
                                changed ? ", changed" : ""));
    }

    private static String address(byte[] packet, int at, boolean six) {
        try {
            return java.net.InetAddress.getByAddress(
                            Arrays.copyOfRange(packet, at, at + (six ? 16 : 4)))
                    .getHostAddress();
        } catch (java.net.UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }
}
