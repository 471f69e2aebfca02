package io.pinhole.capture.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages of nfnetlink_conntrack as bytes. */
class ConntrackTest {
    private final MemorySegment memory = Arena.ofAuto().allocate(1024, 8);
    private final Netlink message = new Netlink(memory);

    private static FlowKey key(String source, int sport, String destination, int dport) {
        return FlowKey.tcp(IpAddress.parse(source), sport, IpAddress.parse(destination), dport);
    }

    private void entry(FlowKey original, FlowKey reply) {
        message.begin(0x102, 0, 1, 2, 0);
        Conntrack.write(message, 1, original);
        Conntrack.write(message, 2, reply);
        message.be32(3, ConntrackEntry.ASSURED | ConntrackEntry.SEEN_REPLY);
        long info = message.open(4);
        long tcp = message.open(1);
        message.u8(1, 3).close(tcp).close(info);
        message.be32(8, 0x1000_0000);
        long counters = message.open(9);
        message.bytes(1, new byte[] {0, 0, 0, 0, 0, 0, 0, 7});
        message.bytes(2, new byte[] {0, 0, 0, 1, 0, 0, 0, 0}).close(counters);
        message.end();
    }

    @ParameterizedTest
    @CsvSource({
        "198.51.100.7, 41022, 203.0.113.10, 21",
        "2001:db8:1::7, 41022, 2001:db8:2::10, 21",
    })
    void readsWhatItWrites(String source, int sport, String destination, int dport) {
        FlowKey key = key(source, sport, destination, dport);
        entry(key, key.reversed());
        int length = Netlink.messageLength(memory, 0, message.length());
        ConntrackEntry entry = Conntrack.read(memory, Netlink.BODY, length);
        assertThat(entry)
                .isEqualTo(
                        new ConntrackEntry(
                                key,
                                key.reversed(),
                                ConntrackEntry.ASSURED | ConntrackEntry.SEEN_REPLY,
                                3,
                                0x1000_0000,
                                7,
                                1L << 32,
                                -1,
                                -1));
        assertThat(entry.isEstablishedTcp()).isTrue();
        assertThat(entry.forwarded()).isEqualTo(key);
    }

    @Test
    void theForwardHookLiesBehindDnatAndBeforeSnat() {
        // To a public address, masqueraded: the server sees the gateway, packets in the forward
        // hook go from the client to the server.
        entry(
                key("198.51.100.7", 41022, "192.0.2.1", 21),
                key("203.0.113.10", 2121, "203.0.113.1", 50000));
        ConntrackEntry entry = Conntrack.read(memory, Netlink.BODY, message.length());
        assertThat(entry.forwarded()).isEqualTo(key("198.51.100.7", 41022, "203.0.113.10", 2121));
    }

    @Test
    void survivesAnyBytes() {
        Random random = new Random(Seeds.seed());
        FlowKey key = key("198.51.100.7", 41022, "203.0.113.10", 21);
        for (int i = 0; i < 20_000; i++) {
            message.clear();
            entry(key, key.reversed());
            int length = (int) message.length();
            for (int n = random.nextInt(8); n >= 0; n--) {
                memory.set(Netlink.I8, random.nextInt(length), (byte) random.nextInt());
            }
            int end = random.nextInt(Netlink.BODY, length + 1);
            MemorySegment cut = memory.asSlice(0, end);
            Conntrack.read(cut, Netlink.BODY, end); // reading past the end would throw
            Netlink.messageLength(cut, 0, end);
        }
    }
}
