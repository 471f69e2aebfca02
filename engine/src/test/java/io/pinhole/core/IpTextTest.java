package io.pinhole.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpTextTest {
    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # text                                    | canonical form
                    0.0.0.0                                   | 0.0.0.0
                    203.0.113.10                              | 203.0.113.10
                    255.255.255.255                           | 255.255.255.255
                    ::                                        | ::
                    ::1                                       | ::1
                    1::                                       | 1::
                    2001:db8::1                               | 2001:db8::1
                    2001:0db8::0001                           | 2001:db8::1             # RFC 5952 4.1
                    2001:db8:0:0:0:0:2:1                      | 2001:db8::2:1           # 4.2.1
                    2001:db8:0:1:1:1:1:1                      | 2001:db8:0:1:1:1:1:1    # 4.2.2
                    2001:db8::1:1:1:1:1                       | 2001:db8:0:1:1:1:1:1    # 4.2.2
                    2001:0:0:1:0:0:0:1                        | 2001:0:0:1::1           # 4.2.3 longest
                    2001:db8:0:0:1:0:0:1                      | 2001:db8::1:0:0:1       # 4.2.3 first
                    2001:DB8::AbC                             | 2001:db8::abc           # 4.3
                    0:0:1:2:3:4:5:6                           | ::1:2:3:4:5:6
                    1:2:3:4:5:6:0:0                           | 1:2:3:4:5:6::
                    1:2:3:4:5:6:7::                           | 1:2:3:4:5:6:7:0
                    ::2:3:4:5:6:7:8                           | 0:2:3:4:5:6:7:8
                    ::ffff:192.0.2.1                          | ::ffff:192.0.2.1        # section 5
                    ::FFFF:c000:0201                          | ::ffff:192.0.2.1
                    0:0:0:0:0:ffff:192.0.2.1                  | ::ffff:192.0.2.1
                    64:ff9b::192.0.2.33                       | 64:ff9b::c000:221
                    1:2:3:4:5:6:1.2.3.4                       | 1:2:3:4:5:6:102:304
                    ::1.2.3.4                                 | ::102:304
                    0000:0000:0000:0000:0000:ffff:255.255.255.255 | ::ffff:255.255.255.255
                    """)
    void readsAndWrites(String text, String canonical) {
        String expected = canonical.replaceAll("\\s+#.*", "");
        IpAddress address = IpAddress.parse(text);
        assertThat(address).isNotNull();
        assertThat(address).hasToString(expected);
        assertThat(IpAddress.parse(expected)).isEqualTo(address);
        assertThat(address.isV4()).isEqualTo(text.indexOf(':') < 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "1.2.3",
                "1.2.3.4.",
                ".1.2.3.4",
                "1.2.3.4.5",
                "1..2.3",
                "1.2.3.256",
                "01.2.3.4",
                "1.2.3.00",
                "1.2.3.0004",
                "+1.2.3.4",
                "1.2.3.4 ",
                " 1.2.3.4",
                "1.2.3.-4",
                "0x1.2.3.4",
                "1.2.3.4/24",
                "1,2,3,4",
                "99999999999.1.1.1",
                ":",
                ":::",
                "1:::2",
                "::1::",
                "1::2::3",
                ":1",
                "1:",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8::",
                "::1:2:3:4:5:6:7:8",
                "1:2:3:4::5:6:7:8",
                "12345::",
                "g::",
                "::g",
                "fe80::1%eth0",
                "[::1]",
                "::1 ",
                " ::1",
                "::1.2.3",
                "::1.2.3.256",
                "::1.2.3.4:5",
                "1.2.3.4::",
                "::01.2.3.4",
                "1:2:3:4:5:6:7:1.2.3.4",
                "::-1",
                "::ffff:1.2.3.4.5",
                "0:0:0:0:0:0:0:0:",
                "1\u0662.2.3.4",
                "::\uff11",
                "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
            })
    void refuses(String text) {
        assertThat(IpAddress.parse(text)).isNull();
    }

    /** The platform's parser is another reading of the same RFC. */
    @Test
    void agreesWithThePlatformOnRandomAddresses() throws Exception {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            long high = sparse(random);
            long low = sparse(random);
            IpAddress address =
                    random.nextBoolean() ? IpAddress.v6(high, low) : IpAddress.v4((int) low);
            String text = address.toString();
            assertThat(IpAddress.parse(text)).as("seed %d, %s", seed, text).isEqualTo(address);
            byte[] platform = InetAddress.getByName(text).getAddress();
            assertThat(platform).as("seed %d, %s", seed, text).isEqualTo(bytes(address));
        }
    }

    /** Mangled text is refused or read, never thrown at. */
    @Test
    void neverThrows() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        String alphabet = "0123456789abcdefABCDEF::::....%[]/ g\u00e9";
        for (int i = 0; i < 100_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(48); n > 0; n--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            IpAddress address = IpAddress.parse(text);
            if (address != null) {
                assertThat(IpAddress.parse(address.toString()))
                        .as("seed %d, %s", seed, text)
                        .isEqualTo(address);
            }
        }
    }

    private static long sparse(Random random) {
        long bits = random.nextLong();
        for (int group = 0; group < 4; group++) {
            if (random.nextInt(3) > 0) {
                bits &= ~(0xffffL << 16 * group);
            }
        }
        return random.nextInt(8) == 0 ? bits & 0xffff_ffffL | 0xffff_0000_0000L : bits;
    }

    private static byte[] bytes(IpAddress a) {
        boolean four = a.isV4() || (a.high() == 0 && a.low() >>> 32 == 0xffff);
        byte[] bytes = new byte[four ? 4 : 16];
        for (int i = 0; i < bytes.length; i++) {
            int fromEnd = bytes.length - 1 - i;
            bytes[i] = (byte) ((fromEnd < 8 ? a.low() : a.high()) >>> 8 * (fromEnd & 7));
        }
        return bytes;
    }
}
