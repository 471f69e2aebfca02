package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * Notices FTP on a port that nobody reads: a server there asks for a password ({@code 331}, which
 * no other protocol says), or the port is that of implicit FTPS (990) and TLS begins on it. A hint
 * for people, once for each server; no verdict depends on it.
 */
final class FtpElsewhere {
    private static final int MAX_SERVERS = 64;
    private static final int IMPLICIT_TLS = 990;
    private static final int SHORTEST = 6;
    private static final int LONGEST = 512;
    private static final int PASSWORD_PLEASE = 0x33_33_31_20; // "331 "
    private static final int PASSWORD_PLEASE_MORE = 0x33_33_31_2d; // "331-"
    private static final int TLS_HANDSHAKE = 0x16_03_01; // a record of TLS 1.x, without length
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final Sessions sessions;
    private final BitSet read = new BitSet();
    private final Set<String> servers = new HashSet<>();

    /**
     * @param ports that are read already
     */
    FtpElsewhere(Sessions sessions, Set<Integer> ports) {
        this.sessions = sessions;
        for (int port : ports) {
            read.set(port);
        }
    }

    /**
     * Whether a TCP packet that belongs to no session must be handed to {@link #packet}.
     *
     * @param start the first four bytes of its payload, 0 if there are fewer
     */
    static boolean mayConcern(int start) {
        return start >>> 8 == PASSWORD_PLEASE >>> 8 || start >>> 8 == TLS_HANDSHAKE;
    }

    /** Looks at a TCP packet that belongs to no session. */
    void packet(PacketView p, long position) {
        int length = p.payloadCaptured();
        if (length < SHORTEST) {
            return;
        }
        int start = p.data().get(U32, p.payloadStart());
        boolean asks = start == PASSWORD_PLEASE || start == PASSWORD_PLEASE_MORE;
        if (asks && p.payloadLength() <= LONGEST && endsLine(p) && !read.get(p.sourcePort())) {
            tell(Sessions.key(p).reversed(), position, false);
        } else if (p.destinationPort() == IMPLICIT_TLS
                && start >>> 8 == TLS_HANDSHAKE
                && !read.get(IMPLICIT_TLS)) {
            tell(Sessions.key(p), position, true);
        }
    }

    private static boolean endsLine(PacketView p) {
        MemorySegment data = p.data();
        long last = p.payloadStart() + p.payloadCaptured() - 1;
        return p.payloadCaptured() < p.payloadLength()
                || data.get(ValueLayout.JAVA_BYTE, last) == '\n';
    }

    private void tell(FlowKey flow, long position, boolean encrypted) {
        if (servers.size() < MAX_SERVERS
                && servers.add(FlowKey.endpoint(flow.destination(), flow.destinationPort()))) {
            sessions.elsewhere(flow, position, encrypted);
        }
    }
}
