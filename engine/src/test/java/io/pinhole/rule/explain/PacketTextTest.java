package io.pinhole.rule.explain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.Seeds;
import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Packets as people write them. */
class PacketTextTest {
    private static PacketSpec parse(String text) throws PacketTextException {
        return PacketText.parse(text, CtState.NEW, null, Direction.ORIGINAL, 0);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # written                                             | read as
                    tcp 198.51.100.7:40000 > 203.0.113.10:21 syn          | tcp 198.51.100.7:40000 > 203.0.113.10:21 syn
                    tcp 198.51.100.7:40000>203.0.113.10:ftp               | tcp 198.51.100.7:40000 > 203.0.113.10:21 syn
                    TCP 1.2.3.4:1 > 5.6.7.8:2 S.                          | tcp 1.2.3.4:1 > 5.6.7.8:2 syn,ack
                    tcp 1.2.3.4:1 > 5.6.7.8:2 [P.] len 20                 | tcp 1.2.3.4:1 > 5.6.7.8:2 psh,ack len 20
                    tcp 1.2.3.4:1 > 5.6.7.8:2 flags none                  | tcp 1.2.3.4:1 > 5.6.7.8:2 none
                    udp [2001:db8::1]:53 > [2001:DB8::2]:9 in eth0 out e1 | udp [2001:db8::1]:53 > [2001:db8::2]:9 in eth0 out e1
                    icmp 1.2.3.4 > 5.6.7.8                                | icmp 1.2.3.4 > 5.6.7.8 echo-request
                    icmp 1.2.3.4 > 5.6.7.8 type 3 code 1 mark 0x10 ttl 1  | icmp 1.2.3.4 > 5.6.7.8 destination-unreachable code 1 ttl 1 mark 0x10
                    icmp 2001:db8::1 > 2001:db8::2 echo-reply             | icmpv6 2001:db8::1 > 2001:db8::2 echo-reply
                    47 1.2.3.4 > 5.6.7.8                                  | gre 1.2.3.4 > 5.6.7.8
                    """)
    void reads(String written, String read) throws Exception {
        PacketSpec spec = parse(written);
        assertThat(spec.text()).isEqualTo(read);
        // What is printed can be read again, and is a packet.
        assertThat(parse(spec.text())).isEqualTo(spec);
        assertThat(spec.facts().packet.protocol()).isEqualTo(spec.protocol());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # written                            | column | message
                    tpc 1.2.3.4:1 > 5.6.7.8:2            | 1  | expected a protocol: tcp, udp, icmp, icmpv6, sctp, gre or a number
                    tcp 1.2.3.4 > 5.6.7.8:2              | 5  | expected a port behind the address, as in 1.2.3.4:21
                    tcp 1.2.3.456:1 > 5.6.7.8:2          | 5  | '1.2.3.456' is no IP address
                    tcp 1.2.3.4:1 5.6.7.8:2              | 15 | expected '>' between source and destination
                    tcp 1.2.3.4:1 > 5.6.7.8:70000        | 17 | '70000' is no port: 0 to 65535 or a name such as ftp
                    tcp 1.2.3.4:1 > [2001:db8::1]:2      | 17 | one address is IPv4, the other IPv6
                    tcp 1.2.3.4:1 >                      | 16 | expected an address, found the end
                    udp 1.2.3.4:1 > 5.6.7.8:2 syn        | 27 | expected len, ttl, mark, in or out
                    icmp 1.2.3.4:1 > 5.6.7.8             | 6  | this protocol has no ports
                    tcp 1.2.3.4:1 > 5.6.7.8:2 len 70000  | 31 | expected a length from 0 to 65000
                    udp 1.2.3.4:1 > 5.6.7.8:2 in         | 29 | expected the name of an interface, found the end
                    tcp [::1:1 > 5.6.7.8:2               | 5  | expected ']' behind the IPv6 address
                    """)
    void saysWhereItIsWrong(String written, int column, String message) {
        assertThatThrownBy(() -> parse(written))
                .isInstanceOfSatisfying(
                        PacketTextException.class,
                        e -> {
                            assertThat(e).hasMessage(message);
                            assertThat(e.column()).isEqualTo(column);
                            assertThat(e.format()[2]).startsWith(" ".repeat(column - 1) + "^");
                        });
    }

    @Test
    void anyTextIsAPacketOrAnError() {
        Random random = new Random(Seeds.seed());
        String[] words = {
            "tcp",
            "udp",
            "icmp",
            "icmpv6",
            "47",
            "1.2.3.4",
            "1.2.3.4:5",
            "[::1]:5",
            "::1",
            ">",
            "syn",
            "len",
            "0x",
            "0xffffffffff",
            "-1",
            "in",
            "mark",
            "99999999999999999999",
            "[",
            "]",
            "[S.]",
            "ttl",
            "255",
            "\u202e",
            "a:b:c",
            ":",
            "flags",
            "code",
            "type",
            "0",
            "60",
            "sctp"
        };
        int read = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            if (i % 3 == 0) {
                text.append("tcp 1.2.3.4:5 > 5.6.7.8:9 ");
            }
            for (int n = random.nextInt(8); n > 0; n--) {
                text.append(words[random.nextInt(words.length)]).append(' ');
            }
            try {
                PacketSpec spec = parse(text.toString());
                read++;
                assertThat(
                                Walker.walk(spec, Hook.FORWARD, (h, f, t, x) -> Verdict.ACCEPT)
                                        .verdict())
                        .isEqualTo(Verdict.ACCEPT);
            } catch (PacketTextException e) {
                assertThat(e.column()).isBetween(1, text.length() + 1);
            }
        }
        assertThat(read).isGreaterThan(500);
    }
}
