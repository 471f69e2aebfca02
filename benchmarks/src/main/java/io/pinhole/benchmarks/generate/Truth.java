package io.pinhole.benchmarks.generate;

import io.pinhole.core.TransferMode;
import java.io.IOException;
import java.io.Writer;
import org.jspecify.annotations.Nullable;

/**
 * What a capture holds, written as JSON lines while it is made: one {@code control} for each
 * control connection whose handshake it shows, one {@code data} for each announced data connection
 * it shows the beginning of. Flows are written as {@code pinhole analyze --json} writes them.
 */
final class Truth implements AutoCloseable {
    private final Writer out;
    private long controls;
    private long data;

    Truth(Writer out) {
        this.out = out;
    }

    void control(TcpConnection control) throws IOException {
        controls++;
        out.write(
                "{\"event\":\"control\",\"packet\":%d,\"flow\":%s}\n"
                        .formatted(control.firstPacket, flow(control)));
    }

    /**
     * @param command the transfer command, null if none was sent
     * @param complete true if all of it is in the capture, the server's word included
     */
    void data(
            TcpConnection data,
            TcpConnection control,
            TransferMode mode,
            @Nullable String command,
            boolean complete)
            throws IOException {
        this.data++;
        StringBuilder line = new StringBuilder(400);
        line.append("{\"event\":\"data\",\"packet\":").append(data.firstPacket);
        line.append(",\"flow\":").append(flow(data));
        line.append(",\"control\":").append(flow(control));
        line.append(",\"mode\":\"").append(mode.label()).append('"');
        if (command != null) {
            line.append(",\"command\":\"").append(command).append('"');
        }
        line.append(",\"bytes\":").append(data.octets);
        line.append(",\"complete\":").append(complete).append("}\n");
        out.append(line);
    }

    private static String flow(TcpConnection c) {
        return "{\"proto\":\"tcp\",\"src\":\""
                + c.hosts[0].address
                + "\",\"sport\":"
                + c.ports[0]
                + ",\"dst\":\""
                + c.hosts[1].address
                + "\",\"dport\":"
                + c.ports[1]
                + "}";
    }

    long controls() {
        return controls;
    }

    long dataConnections() {
        return data;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
