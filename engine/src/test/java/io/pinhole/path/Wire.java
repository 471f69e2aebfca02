package io.pinhole.path;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * TCP hosts that keep sequence numbers, so that a test reads like a conversation. What they send
 * goes to a sink, as IP packets.
 */
final class Wire {
    /** How what is said becomes segments. */
    enum Cut {
        WHOLE,
        BYTES,
        /** Two segments for each line, the second starting at its middle. */
        INSIDE_LINES,
        /** Random pieces, some twice, out of order. */
        SHUFFLED
    }

    private final Consumer<byte[]> sink;
    private Cut cut = Cut.WHOLE;
    private Random random = new Random(1);
    private int nextIsn = 0x7fff_fff0; // so that sequence numbers wrap soon

    Wire(Consumer<byte[]> sink) {
        this.sink = sink;
    }

    Wire cut(Cut how, long seed) {
        cut = how;
        random = new Random(seed);
        return this;
    }

    /** A conversation before its first packet. */
    Tcp tcp(String client, int clientPort, String server, int serverPort) {
        return new Tcp(client, clientPort, server, serverPort);
    }

    /** A conversation after its handshake. */
    Tcp connect(String client, int clientPort, String server, int serverPort) {
        return tcp(client, clientPort, server, serverPort).handshake();
    }

    /** One TCP connection and its two ends. */
    final class Tcp {
        final End client;
        final End server;

        private Tcp(String client, int clientPort, String server, int serverPort) {
            this.client = new End(client, clientPort);
            this.server = new End(server, serverPort);
            this.client.peer = this.server;
            this.server.peer = this.client;
        }

        Tcp handshake() {
            client.syn();
            server.synAck();
            client.acknowledge();
            return this;
        }

        /** The client says a line; CRLF is added. */
        Tcp c(String line) {
            client.say(line + "\r\n");
            return this;
        }

        /** The server says a line; CRLF is added. */
        Tcp s(String line) {
            server.say(line + "\r\n");
            return this;
        }

        /** FIN from the server, then from the client. */
        Tcp close() {
            server.fin();
            client.acknowledge();
            client.fin();
            server.acknowledge();
            return this;
        }
    }

    /** One end of a connection. */
    final class End {
        final String host;
        final int port;

        /** Sequence number of the next byte to send. */
        int next;

        private End peer;

        private End(String host, int port) {
            this.host = host;
            this.port = port;
            nextIsn += 0x1234_5678;
            next = nextIsn;
        }

        /** A packet from here that says what the next one would. */
        Packets packet(String flags) {
            return Packets.tcp(host, port, peer.host, peer.port)
                    .flags(flags)
                    .seq(next)
                    .ack(flags.contains("A") ? peer.next : 0);
        }

        void syn() {
            sink.accept(packet("S").options(2, 4, 5, 0xb4, 4, 2, 3, 3, 7).ip());
            next++;
        }

        void synAck() {
            sink.accept(packet("SA").options(2, 4, 5, 0xb4, 4, 2, 3, 3, 7).ip());
            next++;
        }

        void acknowledge() {
            sink.accept(packet("A").ip());
        }

        void fin() {
            sink.accept(packet("FA").ip());
            next++;
        }

        void reset() {
            sink.accept(packet("RA").ip());
        }

        /** Sends text, cut as the wire says; then the peer acknowledges all of it. */
        void say(String text) {
            sayUnacknowledged(text);
            peer.acknowledge();
        }

        void sayUnacknowledged(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
            List<byte[]> segments = new ArrayList<>();
            for (int from = 0, to; from < bytes.length; from = to) {
                to = pieceEnd(bytes, from);
                segments.add(packet("PA").payload(Arrays.copyOfRange(bytes, from, to)).ip());
                next += to - from;
            }
            if (cut == Cut.SHUFFLED) {
                for (int n = segments.size() / 3; n > 0; n--) {
                    segments.add(segments.get(random.nextInt(segments.size())));
                }
                Collections.shuffle(segments, random);
            }
            segments.forEach(sink);
        }

        private int pieceEnd(byte[] bytes, int from) {
            return switch (cut) {
                case WHOLE -> bytes.length;
                case BYTES -> from + 1;
                case SHUFFLED -> Math.min(bytes.length, from + 1 + random.nextInt(12));
                case INSIDE_LINES -> {
                    int end = from;
                    while (end < bytes.length && bytes[end] != '\n') {
                        end++;
                    }
                    end = Math.min(end + 1, bytes.length);
                    boolean lineStart = from == 0 || bytes[from - 1] == '\n';
                    yield lineStart && end - from > 1 ? from + (end - from) / 2 : end;
                }
            };
        }
    }
}
