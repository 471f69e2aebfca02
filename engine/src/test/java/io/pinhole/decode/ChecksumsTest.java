package io.pinhole.decode;

import static io.pinhole.decode.PacketBytes.hex;
import static io.pinhole.decode.PacketBytes.put16;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums.Result;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChecksumsTest {
    @Test
    void sumsAnyPieceOfMemory() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[random.nextInt(100)];
            random.nextBytes(bytes);
            if (random.nextInt(4) == 0) {
                java.util.Arrays.fill(bytes, (byte) 0xff);
            }
            int from = random.nextInt(bytes.length + 1);
            int length = random.nextInt(bytes.length - from + 1);
            int fast = Checksums.fold(Checksums.sum(MemorySegment.ofArray(bytes), from, length));
            int slow = PacketBytes.slowSum(bytes, from, from + length, 0);
            assertThat(fast).as("seed %d, round %d", seed, i).isEqualTo(slow);
        }
    }

    // Packets made by Scapy.
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    TCP | GOOD | 4500002c1234000040060253c6336407cb00710aa03e001501020304000000006002faf092960000020405b4
                    TCP, odd length and options | GOOD | 48000034123400004006f43fc6336407cb00710a070b04000000000000000000a03e001500000001000000005002200089480000
                    TCP, payload | GOOD | 45000034123440004006c24ac6336407cb00710aa03e0015010203040a0b0c0d501801f6f53300005553455220616c6963650d0a
                    TCP, one bit off | BAD | 45000034123440004006c24ac6336407cb00710aa03e0015010203040a0b0c0d501801f6f53300005553455220616c6963650d00
                    UDP, odd length | GOOD | 450000210001000040111486c6336407cb00710a14e90035000d34887175657279
                    UDP, one bit off | BAD | 450000210001000040111486c6336407cb00710a14e90035000d34887175657270
                    UDP, padded behind its length | GOOD | 450000220001000040110000c6336407cb00710a14e90035000d34887175657279ff
                    ICMP | GOOD | 450000240001000040011493c6336407cb00710a080065f2007700016162636465666768
                    ICMP, one bit off | BAD | 450000240001000040011493c6336407cb00710a080065f2007700016162636465666760
                    ICMP error | GOOD | 450000380009000040011480cb007101c6336407030158a50000000045000034123440004006c24ac6336407cb00710aa03e001501020304
                    TCP over IPv6 | GOOD | 600000000014064020010db800000000000000000000000720010db8000200000000000000000020a03e001500000007000000005002200093ed0000
                    UDP over IPv6 | GOOD | 60000000000d114020010db800000000000000000000000720010db800020000000000000000002014e90035000d3f337175657279
                    ICMPv6 | GOOD | 60000000000b3a4020010db800000000000000000000000720010db800020000000000000000002080005f4500770000616263
                    ICMPv6, one bit off | BAD | 60000000000b3a4020010db800000000000000000000000720010db800020000000000000000002080005f4500770000616260
                    ICMPv6 error | GOOD | 6000000000383a4020010db800010000000000000000000120010db800000000000000000000000702003ac800000500600000000014064020010db800000000000000000000000720010db8000200000000000000000020a03e001500000007
                    behind hop-by-hop | GOOD | 600000000022004020010db800000000000000000000000720010db80002000000000000000000200600050200000100a03e0015000000070000000850182000e3270000504153560d0a
                    behind all extensions | GOOD | 600000000042004020010db800000000000000000000000720010db80002000000000000000000203c000104000000002b000104000000002c000000000000003c000000000000010600010400000000a03e0015000000070000000850182000e3270000504153560d0a
                    route done | GOOD | 6000000000322b4020010db800000000000000000000000720010db8000200000000000000000020060200000000000020010db8000900000000000000000001a03e0015000000070000000850182000e3270000504153560d0a
                    route pending: another pseudo-header | UNKNOWN | 6000000000322b4020010db800000000000000000000000720010db8000200000000000000000020060200010000000020010db8000900000000000000000001a03e0015000000070000000850182000e33f0000504153560d0a
                    fragment | UNKNOWN | 4500002c1234200040060000c6336407cb00710aa03e001501020304000000006002faf092960000020405b4
                    SCTP | UNKNOWN | 4500002c1234000040840000c6336407cb00710aa03e001501020304000000006002faf092960000020405b4
                    """)
    void judgesMessages(String name, Result expected, String packet) {
        assertThat(judge(hex(packet))).isEqualTo(expected);
    }

    /** Any single bit that flips, outside the fields that say what is to be summed, is noticed. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    TCP | 45000034123440004006c24ac6336407cb00710aa03e0015010203040a0b0c0d501801f6f53300005553455220616c6963650d0a
                    UDP | 450000210001000040111486c6336407cb00710a14e90035000d34887175657279
                    ICMP | 450000240001000040011493c6336407cb00710a080065f2007700016162636465666768
                    ICMPv6 | 60000000000b3a4020010db800000000000000000000000720010db800020000000000000000002080005f4500770000616263
                    """)
    void noticesFlippedBits(String name, String packet) {
        byte[] bytes = hex(packet);
        PacketView view = new PacketView();
        view.wrap(MemorySegment.ofArray(bytes), 0, bytes.length, bytes.length, LinkType.RAW);
        int transport = (int) view.transportStart();
        int field = transport + (view.protocol() == 6 ? 16 : view.protocol() == 17 ? 6 : 2);
        for (int bit = transport * 8; bit < bytes.length * 8; bit++) {
            byte[] flipped = bytes.clone();
            flipped[bit / 8] ^= (byte) (0x80 >>> bit % 8);
            boolean udpLength =
                    view.protocol() == 17 && (bit / 8 == field - 2 || bit / 8 == field - 1);
            if (!udpLength) {
                assertThat(judge(flipped)).as("bit %d", bit).isEqualTo(Result.BAD);
            }
        }
    }

    @ParameterizedTest(name = "length counted: {0}")
    @CsvSource({"true", "false"})
    void recognisesWhatTheCardWasToFill(boolean withLength) {
        byte[] bytes =
                hex(
                        "45000034123440004006c24ac6336407cb00710aa03e0015010203040a0b0c0d501801f6f53300005553455220616c6963650d0a");
        int addresses = PacketBytes.slowSum(bytes, 12, 20, 6);
        put16(
                bytes,
                36,
                PacketBytes.slowSum(new byte[0], 0, 0, fold(addresses + (withLength ? 32 : 0))));
        assertThat(judge(bytes)).isEqualTo(Result.PARTIAL);
        bytes[37]++;
        assertThat(judge(bytes)).isEqualTo(Result.BAD);
    }

    @Test
    void udpWithoutChecksum() {
        byte[] bytes = hex("450000210001000040111486c6336407cb00710a14e90035000d34887175657279");
        put16(bytes, 26, 0);
        assertThat(judge(bytes)).isEqualTo(Result.PARTIAL);
    }

    @Test
    void whatWasNotCapturedIsUnknown() {
        byte[] bytes =
                hex(
                        "45000034123440004006c24ac6336407cb00710aa03e0015010203040a0b0c0d501801f6f53300005553455220616c6963650d0a");
        PacketView view = new PacketView();
        MemorySegment data = MemorySegment.ofArray(bytes);
        for (int captured = 20; captured < bytes.length; captured++) {
            assertThat(view.wrap(data, 0, captured, bytes.length, LinkType.RAW))
                    .isEqualTo(Anomaly.NONE);
            assertThat(Checksums.transport(view)).isEqualTo(Result.UNKNOWN);
        }
    }

    private static int fold(int sum) {
        return (sum & 0xffff) + (sum >>> 16);
    }

    private static Result judge(byte[] bytes) {
        PacketView view = new PacketView();
        assertThat(
                        view.wrap(
                                MemorySegment.ofArray(bytes),
                                0,
                                bytes.length,
                                bytes.length,
                                LinkType.RAW))
                .isEqualTo(Anomaly.NONE);
        return Checksums.transport(view);
    }
}
