package io.pinhole.kernel;

/** UDP and UDP-Lite, requests and replies. */
final class UdpTalk implements Traffic.Talk {
    private final Traffic traffic;
    private final int protocol;
    private final Side side;
    private final String here;
    private final String there;
    private final int port;
    private final int serverPort;

    UdpTalk(Traffic traffic) {
        this.traffic = traffic;
        protocol = traffic.chance(85) ? Datagram.UDP : Datagram.UDPLITE;
        side = traffic.pick(Side.values());
        boolean v6 = traffic.v6();
        here = traffic.host(side, v6);
        there = traffic.host(side.other(), v6);
        port = traffic.clientPort();
        serverPort = traffic.serverPort();
    }

    @Override
    public void step() {
        boolean request = traffic.chance(60);
        String from = request ? here : there;
        String to = request ? there : here;
        int sport = request ? port : serverPort;
        int dport = request ? serverPort : port;
        byte[] payload = traffic.noise(traffic.random.nextInt(200));
        Datagram d = traffic.udp(protocol, from, sport, to, dport, payload);
        traffic.send(
                request ? side : side.other(),
                d,
                "%s %s:%d > %s:%d len %d"
                        .formatted(
                                protocol == Datagram.UDP ? "udp" : "udplite",
                                from,
                                sport,
                                to,
                                dport,
                                payload.length));
    }
}
