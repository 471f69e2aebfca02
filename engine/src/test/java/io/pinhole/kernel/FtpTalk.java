package io.pinhole.kernel;

/**
 * An FTP control connection with announcements in every form, and connections to what they name.
 */
final class FtpTalk implements Traffic.Talk {
    private final Traffic traffic;
    private final TcpTalk tcp;

    FtpTalk(Traffic traffic) {
        this.traffic = traffic;
        boolean v6 = traffic.v6();
        Side side = traffic.pick(Side.values());
        tcp =
                new TcpTalk(
                        traffic,
                        new TcpTalk.End(side, traffic.host(side, v6), traffic.clientPort()),
                        new TcpTalk.End(
                                side.other(),
                                traffic.host(side.other(), v6),
                                traffic.pick(21, 21, 21, 2121)));
        tcp.plan(() -> tcp.data(tcp.server, "220 ready\r\n"));
        tcp.plan(() -> tcp.ack(tcp.client));
    }

    @Override
    public void step() {
        if (!tcp.isIdle() || traffic.chance(15)) {
            tcp.step();
            return;
        }
        switch (traffic.random.nextInt(4)) {
            case 0 -> active();
            case 1, 2 -> passive();
            default -> chat();
        }
    }

    private void chat() {
        tcp.plan(
                () ->
                        tcp.data(
                                tcp.client,
                                traffic.pick(
                                        "NOOP\r\n",
                                        "LIST\r\n",
                                        "PASV\r\n",
                                        "EPSV\r\n",
                                        "USER x\r\n",
                                        "QUIT\r\n",
                                        "STOR a PORT b\r\n",
                                        "NOOP\n",
                                        "x")));
        tcp.plan(
                () ->
                        tcp.data(
                                tcp.server,
                                traffic.pick(
                                        "200 ok\r\n",
                                        "150 here\r\n",
                                        "227 Logout.\r\n",
                                        "213-x\r\n 227 (1,2,3,4,5,6)\r\n213 y\r\n",
                                        "226 done\n",
                                        "230-a\r\n")));
    }

    private int port() {
        return traffic.pick(50_001, 50_002, 1025, 21, 0, 65_535);
    }

    private void active() {
        TcpTalk.End c = tcp.client;
        int port = port();
        String host = traffic.chance(90) ? c.host : traffic.host(c.side, c.host.contains(":"));
        boolean v6 = host.contains(":");
        String line = v6 || traffic.chance(30) ? eprt(host, port) : port(host, port);
        tcp.plan(() -> say(c, line));
        if (traffic.chance(80)) {
            tcp.plan(() -> tcp.ack(tcp.server));
        }
        if (traffic.chance(70)) {
            tcp.plan(() -> tcp.data(tcp.server, traffic.pick("200 ok\r\n", "500 no\r\n")));
        }
        tcp.plan(
                () ->
                        traffic.begin(
                                new TcpTalk(
                                        traffic,
                                        new TcpTalk.End(
                                                c.side.other(),
                                                tcp.server.host,
                                                traffic.pick(20, 20, 33_333)),
                                        new TcpTalk.End(c.side, c.host, port == 0 ? 4464 : port))));
    }

    private void passive() {
        TcpTalk.End s = tcp.server;
        int port = port();
        String host = traffic.chance(90) ? s.host : traffic.host(s.side, s.host.contains(":"));
        boolean v6 = host.contains(":");
        if (traffic.chance(80)) {
            tcp.plan(
                    () ->
                            tcp.data(
                                    tcp.client,
                                    v6 ? "EPSV\r\n" : traffic.pick("PASV\r\n", "EPSV\r\n")));
        }
        String line = v6 || traffic.chance(30) ? reply229(port) : reply227(host, port);
        tcp.plan(() -> say(s, line));
        if (traffic.chance(80)) {
            tcp.plan(() -> tcp.ack(tcp.client));
        }
        tcp.plan(
                () ->
                        traffic.begin(
                                new TcpTalk(
                                        traffic,
                                        new TcpTalk.End(
                                                s.side.other(),
                                                traffic.chance(90)
                                                        ? tcp.client.host
                                                        : traffic.host(
                                                                s.side.other(),
                                                                s.host.contains(":")),
                                                traffic.clientPort()),
                                        new TcpTalk.End(s.side, s.host, port == 0 ? 4464 : port))));
    }

    /** Mostly one line in one segment; sometimes cut, or behind or before something else. */
    private void say(TcpTalk.End end, String line) {
        switch (traffic.random.nextInt(12)) {
            case 0 -> {
                int at = traffic.random.nextInt(line.length());
                tcp.data(end, line.substring(0, Math.max(1, at)));
                tcp.data(end, line.substring(Math.max(1, at)));
            }
            case 1 -> tcp.data(end, "NOOP\r\n" + line);
            case 2 -> tcp.data(end, line + "NOOP\r\n");
            case 3 -> tcp.data(end, line.substring(0, traffic.random.nextInt(line.length()) + 1));
            default -> tcp.data(end, line);
        }
    }

    private String numbers(String host, int port) {
        return host.replace('.', ',') + "," + (port >> 8) + "," + (port & 255);
    }

    private String port(String host, int port) {
        String n = numbers(host, port);
        return switch (traffic.random.nextInt(16)) {
            case 0 -> "port " + n + "\r\n";
            case 1 -> "PORT  " + n + "\r\n";
            case 2 -> "PORT\t" + n + "\r\n";
            case 3 -> "PORT " + n + " \r\n";
            case 4 -> "PORT " + n + "\n";
            case 5 -> "PORT " + n.replaceFirst(",", ", ") + "\r\n";
            case 6 -> "PORT " + host.replace('.', ',') + ",300,300\r\n";
            case 7 -> "PORT " + n + ",1\r\n";
            case 8 -> "PORT " + host.replace('.', ',') + "\r\n";
            case 9 -> "PORT x " + n + "\r\n";
            default -> "PORT " + n + "\r\n";
        };
    }

    private String eprt(String host, int port) {
        String af = host.contains(":") ? "2" : "1";
        return switch (traffic.random.nextInt(14)) {
            case 0 -> "eprt |" + af + "|" + host + "|" + port + "|\r\n";
            case 1 -> "EPRT !" + af + "!" + host + "!" + port + "!\r\n";
            case 2 -> "EPRT |" + (af.equals("1") ? "2" : "1") + "|" + host + "|" + port + "|\r\n";
            case 3 -> "EPRT |" + af + "|" + host + "|" + (port + 65_536) + "|\r\n";
            case 4 -> "EPRT |" + af + "|" + host + "|" + port + "\r\n";
            case 5 -> "EPRT  |" + af + "|" + host + "|" + port + "|\r\n";
            case 6 -> "EPRT |" + af + "|" + host + "|99999|\r\n";
            case 7 -> "EPRT |" + af + "|" + host + "||\r\n";
            default -> "EPRT |" + af + "|" + host + "|" + port + "|\r\n";
        };
    }

    private String reply227(String host, int port) {
        String n = numbers(host, port);
        return switch (traffic.random.nextInt(16)) {
            case 0 -> "227 Entering Passive Mode " + n + "\r\n";
            case 1 -> "227 Entering Passive Mode (" + n.replace(",", ", ") + ")\r\n";
            case 2 -> "227 In mode 2 (" + n + ")\r\n";
            case 3 -> "227 =" + n + "\r\n";
            case 4 -> "227-Entering\r\n227 Passive (" + n + ")\r\n";
            case 5 -> "227 Entering Passive Mode (" + n + ").\n";
            case 6 -> "227 Passive (" + host.replace('.', ',') + ",256,1)\r\n";
            case 7 -> "227 (" + n;
            case 8 -> "227 Passive (" + n + ",7)\r\n";
            default -> "227 Entering Passive Mode (" + n + ").\r\n";
        };
    }

    private String reply229(int port) {
        return switch (traffic.random.nextInt(14)) {
            case 0 -> "229 Entering (extended) Mode (|||" + port + "|)\r\n";
            case 1 -> "229 ok (!!!" + port + "!)\r\n";
            case 2 -> "229 ok |||" + port + "|\r\n";
            case 3 -> "229 ok (|1|203.0.113.10|" + port + "|)\r\n";
            case 4 -> "229 ok (|||" + (port + 65_536) + "|)\r\n";
            case 5 -> "229 ok (||" + port + "|)\r\n";
            case 6 -> "229 ok (|||" + port + ")\r\n";
            default -> "229 Entering Extended Passive Mode (|||" + port + "|)\r\n";
        };
    }
}
