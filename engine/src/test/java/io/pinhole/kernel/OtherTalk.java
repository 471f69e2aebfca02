package io.pinhole.kernel;

import static io.pinhole.decode.PacketBytes.put16;

/** Protocols without ports, and those whose ports conntrack reads or does not read. */
final class OtherTalk implements Traffic.Talk {
    private final Traffic traffic;
    private final Side side;
    private final String here;
    private final String there;
    private final int protocol;
    private final int port;
    private final int serverPort;

    OtherTalk(Traffic traffic) {
        this.traffic = traffic;
        side = traffic.pick(Side.values());
        boolean v6 = traffic.v6();
        here = traffic.host(side, v6);
        there = traffic.host(side.other(), v6);
        protocol =
                traffic.pick(Datagram.GRE, Datagram.DCCP, 50, v6 ? 50 : 51, 2, 4, 99, 253, 89, 115);
        port = traffic.clientPort();
        serverPort = traffic.serverPort();
    }

    @Override
    public void step() {
        boolean request = traffic.chance(60);
        byte[] body = new byte[traffic.pick(0, 3, 4, 8, 16, 24, 40)];
        if (body.length >= 16 && protocol == Datagram.DCCP) {
            put16(body, 0, request ? port : serverPort);
            put16(body, 2, request ? serverPort : port);
            body[4] = 4;
            body[8] = (byte) (traffic.random.nextInt(10) << 1);
        }
        if (protocol == 51 && body.length >= 12) {
            body[0] = (byte) 253;
            body[1] = (byte) (body.length / 4 - 2);
        }
        if (protocol == Datagram.GRE && body.length >= 4 && traffic.chance(50)) {
            body[0] = 0x30;
            body[1] = (byte) (0x80 | traffic.pick(1, 1, 1, 0, 2));
            put16(body, 2, traffic.pick(0x880b, 0x880b, 0x0800));
            if (body.length >= 8) {
                put16(body, 6, traffic.pick(0, 1, 2, 0x1234));
            }
        }
        String from = request ? here : there;
        String to = request ? there : here;
        traffic.send(
                request ? side : side.other(),
                new Datagram(from, to, protocol, body),
                "protocol %d %s > %s len %d %s"
                        .formatted(
                                protocol,
                                from,
                                to,
                                body.length,
                                java.util.HexFormat.of().formatHex(body)));
    }
}
