package io.pinhole.validate.scenario;

import io.pinhole.core.TransferMode;
import io.pinhole.decode.LinkType;
import io.pinhole.rule.SourcePos;
import org.jspecify.annotations.Nullable;

/** One line of a test. */
public sealed interface Step {
    SourcePos at();

    /** Who speaks on a connection: {@code C} began it, {@code S} was called. */
    enum Side {
        C,
        S
    }

    /** What a session transfers. */
    enum Transfer {
        GET,
        PUT,
        LIST
    }

    /**
     * {@code connect A[:PORT] -> B:PORT [as NAME]}: a TCP handshake; the lines that follow speak on
     * this connection.
     *
     * @param expected of its first packet; if that is not ACCEPT nothing follows
     */
    record Connect(
            Endpoint from, Endpoint to, @Nullable String name, Expected expected, SourcePos at)
            implements Step {}

    /** {@code on NAME}: the lines that follow speak on that connection. */
    record On(String name, SourcePos at) implements Step {}

    /**
     * {@code C: TEXT} or {@code S: TEXT}; the other side acknowledges.
     *
     * @param again the text takes the place of what this side sent last: a retransmission
     * @param badChecksum its segments carry a wrong checksum
     * @param shuffled its segments arrive last first
     * @param unacknowledged the other side does not acknowledge it
     */
    record Say(
            Side side,
            Bytes bytes,
            Segments segments,
            boolean again,
            boolean badChecksum,
            boolean shuffled,
            boolean unacknowledged,
            Expected expected,
            SourcePos at)
            implements Step {}

    /** {@code C fin}, {@code S fin}, {@code C rst}, {@code S rst}. */
    record End(Side side, boolean reset, Expected expected, SourcePos at) implements Step {}

    /** {@code close}: FIN from the server, FIN from the client, both acknowledged. */
    record Close(SourcePos at) implements Step {}

    /** A packet line. */
    record Packet(
            Endpoint from,
            Endpoint to,
            PacketBody body,
            Tweaks tweaks,
            Expected expected,
            SourcePos at)
            implements Step {}

    /**
     * {@code frame LINK HEX [wire N] VERDICT}: a recorded frame, byte for byte.
     *
     * @param wireLength bytes on the wire, at least those given
     */
    record Frame(LinkType link, Bytes bytes, int wireLength, Expected expected, SourcePos at)
            implements Step {}

    /**
     * How a packet is sent.
     *
     * @param ttl TTL or hop limit; 64 if not written
     * @param fragmentBytes 0 for whole; else bytes of payload in a fragment, a multiple of 8
     */
    record Tweaks(
            int ttl,
            int fragmentBytes,
            boolean badChecksum,
            @Nullable String inputInterface,
            @Nullable String outputInterface) {
        public static final Tweaks NONE = new Tweaks(64, 0, false, null, null);
    }

    /**
     * {@code session A -> B[:PORT] MODE get|put|list ["FILE"] [SIZE]}: from the handshake over
     * login and transfer to QUIT and the last FIN.
     *
     * @param blocked the rules are expected to stop it
     * @param by which rule, where the line says so
     */
    record Session(
            Endpoint client,
            Endpoint server,
            TransferMode mode,
            Transfer transfer,
            String file,
            long bytes,
            boolean byteByByte,
            boolean blocked,
            Expected.@Nullable By by,
            SourcePos at)
            implements Step {}

    /**
     * {@code transfer A[:PORT] -> B:PORT SIZE}: a data connection from handshake to the last FIN.
     *
     * @param upload the bytes go from A to B; otherwise from B to A
     * @param expected of its first packet
     */
    record DataConnection(
            Endpoint from, Endpoint to, long bytes, boolean upload, Expected expected, SourcePos at)
            implements Step {}

    /** {@code after 30s}. */
    record After(long nanos, SourcePos at) implements Step {}

    /** {@code capture FILE}: its packets, the first of them now. */
    record Capture(String file, SourcePos at) implements Step {}

    record Expect(Expectation what, SourcePos at) implements Step {}

    record Prove(Claim claim) implements Step {
        @Override
        public SourcePos at() {
            return claim.at();
        }
    }
}
