package io.pinhole.kernel;

import java.util.ArrayList;
import java.util.List;

/** A TCP connection that starts well or badly and then does things right and wrong. */
class TcpTalk implements Traffic.Talk {
    /** One end of the connection. */
    static final class End {
        final Side side;
        final String host;
        final int port;
        int next; // sequence number of the next byte
        int scale = -1;
        int window;
        boolean sack;

        End(Side side, String host, int port) {
            this.side = side;
            this.host = host;
            this.port = port;
        }
    }

    private record Segment(
            End from, String flags, int seq, int ack, int window, byte[] options, byte[] payload) {}

    final Traffic traffic;
    final End client;
    final End server;
    private boolean bothOpen;
    private final List<Segment> sent = new ArrayList<>();
    private final List<Runnable> script = new ArrayList<>();

    TcpTalk(Traffic traffic) {
        this(traffic, traffic.v6(), traffic.pick(Side.values()));
    }

    private TcpTalk(Traffic traffic, boolean v6, Side side) {
        this(
                traffic,
                new End(side, traffic.host(side, v6), traffic.clientPort()),
                new End(side.other(), traffic.host(side.other(), v6), traffic.serverPort()));
    }

    TcpTalk(Traffic traffic, End client, End server) {
        this.traffic = traffic;
        this.client = client;
        this.server = server;
        fresh();
        if (traffic.chance(75)) {
            handshake();
        } else {
            oddStart();
        }
    }

    /** Numbers and options of a new connection. */
    private void fresh() {
        for (End end : List.of(client, server)) {
            end.next = traffic.pick(traffic.random.nextInt(), 0xffff_fff0, 0, 1);
            end.scale = traffic.chance(70) ? traffic.random.nextInt(15) : -1;
            end.window = traffic.pick(64_240, 65_535, 1000, 100, 1, 29_200);
            end.sack = traffic.chance(70);
        }
    }

    void handshake() {
        script.add(() -> syn(client));
        script.add(() -> synAck(server));
        script.add(() -> ack(client));
    }

    private void oddStart() {
        switch (traffic.random.nextInt(5)) {
            case 0 -> { // simultaneous open
                script.add(() -> syn(client));
                script.add(
                        () -> {
                            server.next++;
                            send(server, "S", server.next - 1, 0, options(server, false), "");
                        });
                script.add(() -> synAck(server));
                script.add(() -> ack(client));
            }
            case 1 -> { // mid-stream
                script.add(() -> ack(client));
                script.add(() -> data(client, "hello"));
            }
            case 2 -> { // answered late
                script.add(() -> syn(client));
                script.add(() -> again(client));
                script.add(() -> synAck(server));
                script.add(() -> again(server));
                script.add(() -> ack(client));
            }
            case 3 -> { // refused
                script.add(() -> syn(client));
                script.add(() -> send(server, "RA", 0, client.next, none(), ""));
            }
            default -> script.add(this::anything);
        }
    }

    @Override
    public void step() {
        if (!script.isEmpty() && traffic.chance(92)) {
            script.removeFirst().run();
            return;
        }
        anything();
    }

    /** To be sent after what is planned already. */
    void plan(Runnable what) {
        script.add(what);
    }

    boolean isIdle() {
        return script.isEmpty();
    }

    private End either() {
        return traffic.pick(client, server);
    }

    private End peer(End of) {
        return of == client ? server : client;
    }

    void anything() {
        End end = either();
        End peer = peer(end);
        int some = 1 + traffic.random.nextInt(1000);
        int big = traffic.pick(70_000, 1 << 20, 1 << 30, 3000, -70_000, -3000, some, -some, 1, -1);
        switch (traffic.random.nextInt(26)) {
            case 0, 1, 2 -> data(end, "x".repeat(some));
            case 3, 4, 5 -> ack(end);
            case 6 -> send(end, "A", end.next - 1, peer.next, none(), ""); // keep-alive
            case 7 -> againAny();
            case 8 -> send(end, "PA", end.next + big, peer.next, none(), "odd");
            case 9 -> send(end, "A", end.next, peer.next + big, none(), "");
            case 10 -> {
                int seq = end.next;
                end.next++;
                send(end, "FA", seq, peer.next, none(), "");
            }
            case 11 -> send(end, "FA", end.next + big, peer.next, none(), "");
            case 12 -> send(end, traffic.pick("R", "RA"), end.next, peer.next, none(), "");
            case 13 ->
                    send(
                            end,
                            traffic.pick("R", "RA"),
                            traffic.pick(end.next + big, 0, end.next - 1, end.next + 1),
                            traffic.pick(peer.next, 0, peer.next + big),
                            none(),
                            "");
            case 14 -> syn(end);
            case 15 -> send(end, "S", traffic.random.nextInt(), 0, options(end, false), "");
            case 16 -> synAck(end);
            case 17 ->
                    send(
                            end,
                            "SA",
                            traffic.random.nextInt(),
                            traffic.pick(peer.next, peer.next + big),
                            options(end, true),
                            "");
            case 18 ->
                    send(
                            end,
                            traffic.pick(
                                    "", "F", "SF", "SR", "FSRPAU", "U", "P", "AU", "FAU", "SU",
                                    "AEC", "SEC", "SAE", "FR", "RU"),
                            end.next,
                            peer.next,
                            none(),
                            "");
            case 19 -> {
                end.window = traffic.pick(0, 0, 1, 100, 65_535, 5000);
                ack(end);
            }
            case 20 -> send(end, "A", end.next, peer.next, sackBlock(peer), "");
            case 21 -> close(end);
            case 22 -> { // reuse of the 4-tuple
                close(end);
                plan(
                        () -> {
                            fresh();
                            syn(client);
                        });
                plan(() -> synAck(server));
                plan(() -> ack(client));
            }
            case 23 -> {
                fresh();
                handshake();
            }
            case 24 -> data(end, "x".repeat(1 + traffic.random.nextInt(8000)));
            default -> {
                data(end, "y".repeat(some));
                plan(() -> ack(peer));
            }
        }
    }

    /** FIN from one end, then from the other, sometimes without the last word. */
    void close(End first) {
        End second = peer(first);
        plan(() -> fin(first));
        plan(() -> ack(second));
        plan(() -> fin(second));
        if (traffic.chance(80)) {
            plan(() -> ack(first));
        }
    }

    void fin(End end) {
        end.next++;
        send(end, "FA", end.next - 1, peer(end).next, none(), "");
    }

    void syn(End end) {
        end.next++;
        send(end, "S", end.next - 1, 0, options(end, false), "");
    }

    void synAck(End end) {
        end.next++;
        send(end, "SA", end.next - 1, peer(end).next, options(end, true), "");
    }

    void ack(End end) {
        send(end, "A", end.next, peer(end).next, traffic.chance(20) ? timestamps() : none(), "");
    }

    void data(End end, String text) {
        int seq = end.next;
        end.next += text.length();
        send(end, "PA", seq, peer(end).next, none(), text);
    }

    private void again(End end) {
        for (Segment s : sent.reversed()) {
            if (s.from == end) {
                emit(s, "again ");
                return;
            }
        }
    }

    private void againAny() {
        if (!sent.isEmpty()) {
            emit(sent.get(traffic.random.nextInt(sent.size())), "again ");
        }
    }

    private static byte[] none() {
        return new byte[0];
    }

    private static byte[] timestamps() {
        return new byte[] {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};
    }

    private byte[] options(End end, boolean answer) {
        if (end.scale < 0 && !end.sack) {
            return none();
        }
        byte[] out = {2, 4, 5, (byte) 0xb4, 1, 1, 1, 1, 1, 1, 1, 1};
        if (end.sack) {
            out[4] = 4;
            out[5] = 2;
        }
        if (end.scale >= 0) {
            out[8] = 3;
            out[9] = 3;
            out[10] = (byte) end.scale;
        }
        return out;
    }

    private byte[] sackBlock(End of) {
        byte[] out = new byte[12];
        out[0] = 1;
        out[1] = 1;
        out[2] = 5;
        out[3] = 10;
        Traffic.put32(out, 4, of.next + 10);
        Traffic.put32(out, 8, of.next + traffic.pick(20, 1000, -5, 100_000));
        return out;
    }

    private void send(End end, String flags, int seq, int ack, byte[] options, String text) {
        bothOpen |= end == server && flags.contains("S");
        // Of an RST without ACK during a simultaneous open: see docs/semantics.md.
        boolean aside = bothOpen && flags.equals("R");
        Segment s =
                new Segment(
                        end,
                        flags,
                        seq,
                        flags.contains("A") || aside || traffic.chance(20)
                                ? (aside ? ack | 1 : ack)
                                : 0,
                        end.window,
                        options,
                        Traffic.ascii(text));
        sent.add(s);
        emit(s, "");
    }

    private void emit(Segment s, String prefix) {
        End to = peer(s.from);
        traffic.send(
                s.from.side,
                traffic.tcp(
                        s.from.host,
                        s.from.port,
                        to.host,
                        to.port,
                        s.flags,
                        s.seq,
                        s.ack,
                        s.window,
                        s.options,
                        s.payload),
                "%stcp %s:%d > %s:%d %s seq %d ack %d win %d options %s len %d %s"
                        .formatted(
                                prefix,
                                s.from.host,
                                s.from.port,
                                to.host,
                                to.port,
                                s.flags,
                                Integer.toUnsignedLong(s.seq),
                                Integer.toUnsignedLong(s.ack),
                                s.window,
                                java.util.HexFormat.of().formatHex(s.options),
                                s.payload.length,
                                s.payload.length == 0
                                        ? ""
                                        : printable(
                                                new String(
                                                        s.payload,
                                                        java.nio.charset.StandardCharsets
                                                                .ISO_8859_1))));
    }

    private static String printable(String text) {
        String one = text.replace("\r", "\\r").replace("\n", "\\n");
        return '"' + (one.length() > 80 ? one.substring(0, 80) + "..." : one) + '"';
    }
}
