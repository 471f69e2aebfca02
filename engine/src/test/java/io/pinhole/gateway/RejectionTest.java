package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import io.pinhole.rule.RejectWith;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RejectionTest {
    // 198.51.100.7:41022 > 203.0.113.10:23, seq 0x01020304, ack 0x0a0b0c0d, two bytes of data.
    private static final String IP4 = "4500002a00000000400600 00c6336407cb00710a".replace(" ", "");
    private static final String IP6 =
            "60000000 0016 06 40 20010db8000100000000000000000007 20010db8000200000000000000000010"
                    .replace(" ", "");
    private static final String TCP = "a03e0017010203040a0b0c0d50%s0000000000006869";

    private final Rejection rejection = new Rejection(MemorySegment.ofArray(new byte[1280]));
    private final PacketView packet = new PacketView();

    private PacketView view(boolean six, String flags) {
        byte[] bytes = HexFormat.of().parseHex((six ? IP6 : IP4) + TCP.formatted(flags) + "0000");
        int length = bytes.length - 2;
        MemorySegment memory = MemorySegment.ofArray(bytes);
        if (!six) {
            int sum = Checksums.fold(Checksums.sum(memory, 0, 20)) ^ 0xffff;
            bytes[10] = (byte) (sum >> 8);
            bytes[11] = (byte) sum;
        }
        assertThat(packet.wrap(memory, 0, length, length, LinkType.RAW)).isEqualTo(Anomaly.NONE);
        return packet;
    }

    private PacketView answer(int length) {
        PacketView answer = new PacketView();
        assertThat(answer.wrap(rejection.bytes(), 0, length, length, LinkType.RAW))
                .isEqualTo(Anomaly.NONE);
        assertThat(answer.transportAnomaly()).isEqualTo(Anomaly.NONE);
        assertThat(Checksums.transport(answer)).isEqualTo(Checksums.Result.GOOD);
        return answer;
    }

    @ParameterizedTest(name = "IPv6 {0}, flags {1}")
    @CsvSource({
        // flags of the packet | answer's flags, seq, ack
        "false, 10, 4, 0a0b0c0d, 00000000",
        "true,  18, 4, 0a0b0c0d, 00000000",
        "false, 02, 14, 00000000, 01020307", // SYN and two bytes
        "true,  02, 14, 00000000, 01020307",
    })
    void resetsAsTheKernelDoes(boolean six, String flags, String back, String seq, String ack) {
        int length =
                rejection.answer(view(six, flags), new RejectWith(RejectWith.Kind.TCP_RESET, 0));
        PacketView answer = answer(length);
        assertThat(answer.source()).isEqualTo(packet.destination());
        assertThat(answer.destination()).isEqualTo(packet.source());
        assertThat(answer.sourcePort()).isEqualTo(23);
        assertThat(answer.destinationPort()).isEqualTo(41022);
        assertThat(answer.tcpFlags()).isEqualTo(Integer.parseInt(back, 16));
        assertThat(answer.tcpSequence()).isEqualTo(Integer.parseUnsignedInt(seq, 16));
        assertThat(answer.tcpAcknowledgement()).isEqualTo(Integer.parseUnsignedInt(ack, 16));
    }

    @Test
    void resetsTheReceiverInTheSendersName() {
        PacketView answer = answer(rejection.reset(view(false, "18"), true));
        assertThat(answer.source()).isEqualTo(packet.source());
        assertThat(answer.destinationPort()).isEqualTo(23);
        assertThat(answer.tcpSequence()).isEqualTo(0x01020304);
    }

    @ParameterizedTest
    @CsvSource({
        "false, ICMPX, 1, 3, 3",
        "false, ICMPX, 3, 3, 13",
        "true,  ICMPX, 1, 1, 4",
        "true,  ICMPX, 3, 1, 1",
        "false, ICMP, 10, 3, 10",
        "true,  ICMPV6, 3, 1, 3",
    })
    void tellsUnreachable(boolean six, RejectWith.Kind kind, int code, int type, int icmpCode) {
        PacketView answer = answer(rejection.answer(view(six, "02"), new RejectWith(kind, code)));
        assertThat(answer.isIcmpError()).isTrue();
        assertThat(answer.u8(answer.transportStart())).isEqualTo(type);
        assertThat(answer.u8(answer.transportStart() + 1)).isEqualTo(icmpCode);
        PacketView quoted = new PacketView();
        assertThat(quoted.wrapQuoted(answer)).isEqualTo(Anomaly.NONE);
        assertThat(quoted.sourcePort()).isEqualTo(41022);
    }

    @Test
    void answersNoResetAndNoOtherFamily() {
        RejectWith reset = new RejectWith(RejectWith.Kind.TCP_RESET, 0);
        assertThat(rejection.answer(view(false, "04"), reset)).isZero();
        assertThat(rejection.answer(view(false, "02"), new RejectWith(RejectWith.Kind.ICMPV6, 1)))
                .isZero();
        assertThat(rejection.answer(view(true, "02"), new RejectWith(RejectWith.Kind.ICMP, 1)))
                .isZero();
    }
}
