package io.pinhole.validate.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What simulated hosts send is what a decoder takes for right. */
class FrameTest {
    @ParameterizedTest(name = "protocol {0}, {1}, {2} bytes")
    @CsvSource({
        "6, 198.51.100.7, 0",
        "6, 198.51.100.7, 1459",
        "6, 2001:db8::7, 33",
        "17, 198.51.100.7, 5",
        "17, 2001:db8::7, 1400",
        "1, 198.51.100.7, 56",
        "58, 2001:db8::7, 57"
    })
    void hasRightLengthsAndChecksums(int protocol, String source, int bytes) {
        IpAddress from = IpAddress.parse(source);
        IpAddress to = IpAddress.parse(from.isV4() ? "203.0.113.10" : "2001:db8:2::10");
        FlowKey flow = new FlowKey(protocol, from, 50_001, to, 21);
        for (boolean bad : new boolean[] {false, true}) {
            Frame frame = new Frame();
            frame.begin(from, to, protocol, 64);
            switch (protocol) {
                case 6 -> frame.tcp(flow, TcpEnd.SYN | TcpEnd.ACK, -3, 7, 100);
                case 17 -> frame.udp(flow);
                default -> frame.icmp(protocol == 1 ? 8 : 128, 0, 1);
            }
            frame.filler(bytes);
            frame.finish(bad);
            PacketView view = new PacketView();
            assertThat(
                            view.wrap(
                                    frame.segment(),
                                    0,
                                    frame.length(),
                                    frame.length(),
                                    LinkType.ETHERNET))
                    .isEqualTo(Anomaly.NONE);
            assertThat(view.transportAnomaly()).isEqualTo(Anomaly.NONE);
            assertThat(view.source()).isEqualTo(from);
            assertThat(view.destination()).isEqualTo(to);
            assertThat(Checksums.transport(view))
                    .isEqualTo(bad ? Checksums.Result.BAD : Checksums.Result.GOOD);
        }
    }
}
