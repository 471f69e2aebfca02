package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;

/** Any bytes as a frame of any link type: no exception, and no read outside of the frame. */
class PacketDecoderFuzzTest {
    /** Takes what is read, so that no read is optimised away. */
    static volatile long sink;

    @FuzzTest(maxDuration = "60s")
    void decodes(byte[] data) {
        fuzzerTestOneInput(data);
    }

    /** First byte: link type; second: bytes that the capture cut off. */
    public static void fuzzerTestOneInput(byte[] data) {
        if (data.length < 2) {
            return;
        }
        LinkType link = LinkType.values()[(data[0] & 0xff) % LinkType.values().length];
        int cut = data[1] & 0xff;
        // The segment ends with the frame: whatever reads beyond it throws.
        MemorySegment frame = MemorySegment.ofArray(data).asSlice(2);
        int wire = (int) frame.byteSize() + cut;
        PacketView view = new PacketView();
        Anomaly bad = view.wrap(frame, 0, (int) frame.byteSize(), wire, link);
        if (bad != Anomaly.NONE || view.ipVersion() == 0) {
            return;
        }
        read(view);
        PacketView quoted = new PacketView();
        if (view.isIcmpError() && quoted.wrapQuoted(view) == Anomaly.NONE) {
            readQuoted(quoted);
        }
    }

    /** Of a quoted packet only this may be read: the quote may end behind the ports. */
    private static void readQuoted(PacketView v) {
        assertThat(v.source()).isNotNull();
        assertThat(v.destination()).isNotNull();
        assertThat(v.protocol()).isBetween(0, 255);
        if (v.hasPorts()) {
            assertThat(v.sourcePort()).isBetween(0, 65_535);
            assertThat(v.destinationPort()).isBetween(0, 65_535);
        }
    }

    private static void read(PacketView v) {
        assertThat(v.source()).isNotNull();
        assertThat(v.destination()).isNotNull();
        assertThat(v.ipCaptured()).isBetween(0, v.ipLength());
        long sum = v.sourceHigh() + v.sourceLow() + v.destinationHigh() + v.destinationLow();
        sum += v.hopLimit() + v.protocol();
        if (v.isFragment()) {
            sum += v.fragmentOffset() + v.fragmentId() + v.fragmentHeader();
            assertThat(v.fragmentOffset()).isBetween(0, 65_535);
        }
        if (v.transportAnomaly() != Anomaly.NONE || v.isFragment()) {
            return;
        }
        assertThat(v.transportCaptured()).isBetween(0, v.transportLength());
        if (v.hasPorts()) {
            sum += v.sourcePort() + v.destinationPort();
        }
        switch (v.protocol()) {
            case PacketView.TCP -> {
                sum += v.tcpFlags() + v.tcpSequence() + v.tcpAcknowledgement() + v.tcpWindow();
                sum += v.tcpUrgentPointer();
                assertThat(v.tcpHeaderLength()).isBetween(20, 60);
                assertThat(v.payloadCaptured()).isBetween(0, v.payloadLength());
                for (int i = 0; i < v.payloadCaptured(); i++) {
                    sum += v.u8(v.payloadStart() + i);
                }
            }
            case PacketView.ICMP, PacketView.ICMPV6 -> sum += v.icmpType() + v.icmpCode();
            default -> {}
        }
        assertThat(Checksums.transport(v)).isNotNull();
        sink = sum;
    }
}
