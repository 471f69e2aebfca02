package io.pinhole.ftp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.pinhole.core.FlowKey;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostPortTest {
    private static String show(HostPort read) {
        return switch (read) {
            case HostPort.Found(var host, var port, var odd) ->
                    (host == null ? "*:" + port : FlowKey.endpoint(host, port))
                            + (odd ? " odd" : "");
            case HostPort.Malformed malformed -> "malformed";
        };
    }

    private static void check(Function<String, HostPort> reader, String text, String outcome) {
        String input = new String(Transcript.unescape(text), StandardCharsets.ISO_8859_1);
        assertThat(show(reader.apply(input))).isEqualTo(outcome.replaceAll("\\s*#.*", ""));
    }

    @ParameterizedTest(name = "PORT {0} -> {1}")
    @CsvSource(
            delimiter = '!',
            quoteCharacter = '`',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
10,0,0,1,4,31!10.0.0.1:1055
255,255,255,255,255,255!255.255.255.255:65535
\\s10,0,0,1,4,31!10.0.0.1:1055 odd # two blanks after PORT
10,0,0,1,4,31\\s!10.0.0.1:1055 odd # trailing blank
\\t10,0,0,1,4,31!10.0.0.1:1055 odd # tab
10, 0, 0, 1, 4, 31!10.0.0.1:1055 odd # ProFTPD's sscanf reads it
10 ,0,0,1,4,31!10.0.0.1:1055 odd
010,0,0,1,4,031!10.0.0.1:1055 odd # decimal, not octal
10,0,0,1,4,31\\r!10.0.0.1:1055 odd # CR twice
10,0,0,1,0,0!malformed # port 0
10,0,0,256,4,31!malformed # octet over 255
10,0,0,1,256,1!malformed # would wrap to port 1
10,0,0,1,0,65557!malformed # would wrap to port 21
10,0,0,1,300,300!malformed
10,0,0,1,4!malformed # five numbers
10,0,0,1,4,31,7!malformed # seven
10,0,0,1,,31!malformed # empty
10,0,0,1,4,31,!malformed
,10,0,0,1,4,31!malformed
10.0.0.1,4,31!malformed
+10,0,0,1,4,31!malformed # atoi would take the sign
10,0,0,1,4,+5!malformed
10,0,0,1,4,-5!malformed
10,0,0,1,4,0x1f!malformed
0010,0,0,1,4,31!malformed # four digits
10,0,0,1,4,00000000000000000031!malformed # twenty
10,0,0,1,4,99999999999999999999!malformed
10,0,0,1,4,31 EXTRA!malformed
10,0,0,1,4,31\\rPASV!malformed # a CR is no line end
10,0,0,1,4,31x!malformed
(10,0,0,1,4,31)!malformed
1 0,0,0,1,4,31!malformed
``!malformed
\\s!malformed
""")
    void port(String argument, String outcome) {
        check(HostPort::port, argument, outcome);
    }

    @ParameterizedTest(name = "227{0} -> {1}")
    @CsvSource(
            delimiter = '!',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
 Entering Passive Mode (203,0,113,20,195,83).!203.0.113.20:50003
 Entering Passive Mode. 203,0,113,20,195,80!203.0.113.20:50000 # no parentheses
 =203,0,113,20,195,80!203.0.113.20:50000 # publicfile
 Entering Passive Mode (203, 0, 113, 20, 196, 225)!203.0.113.20:50401 odd
 Entering Passive Mode 2 (203,0,113,20,195,80)!203.0.113.20:50000 odd # a digit before
 Passive 1,2 mode (203,0,113,20,195,80)!203.0.113.20:50000 odd
 [node7] ok (203,0,113,20,195,80!203.0.113.20:50000 odd # unclosed
 (0,0,0,0,163,121)!0.0.0.0:41849
 (203,0,113,20,195,80) 12 seconds!203.0.113.20:50000
 (203,0,113,20,195,80), hurry!203.0.113.20:50000
 Logout.!malformed
 Entering Passive Mode!malformed
 (203,0,113,20,256,1)!malformed # would wrap
 (203,0,113,256,195,80)!malformed
 (203,0,113,20,195)!malformed
 (203,0,113,20,195,80,1)!malformed # which six?
 5, 203,0,113,20,195,80!malformed # which six?
 (2000,0,113,20,195,80) (203,0,113,20,195,80)!malformed # the first run decides
 (203,0,113,20,0,0)!malformed # port 0
 (203,0,113,20,195,+80)!malformed
 (203.0.113.20,195,80)!malformed
 (203,0,113,20,1 95,80)!malformed
""")
    void reply227(String text, String outcome) {
        check(HostPort::reply227, text, outcome);
    }

    @ParameterizedTest(name = "EPRT {0} -> {1}")
    @CsvSource(
            delimiter = ';',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
|1|198.51.100.10|45923|;198.51.100.10:45923
|2|2001:db8:1::10|45923|;[2001:db8:1::10]:45923
!1!198.51.100.10!45923!;198.51.100.10:45923
/2/2001:DB8:1:0:0:0:0:10/45923/;[2001:db8:1::10]:45923
~1~198.51.100.10~1~;198.51.100.10:1
a1a198.51.100.10a5000a;198.51.100.10:5000
|2|::ffff:198.51.100.10|45923|;198.51.100.10:45923 # compared as IPv4
|1|198.51.100.10|045923|;malformed # six digits
|1|198.51.100.10|05923|;198.51.100.10:5923 odd
\\s|1|198.51.100.10|45923|;198.51.100.10:45923 odd
|1|198.51.100.10|45923|\\s;198.51.100.10:45923 odd
|1|198.51.100.10|99999|;malformed
|1|198.51.100.10|70000|;malformed # would wrap to 4464
|1|198.51.100.10|0|;malformed
|1|198.51.100.10||;malformed
|1|198.51.100.10|+5|;malformed
|1|198.51.100.10|45923;malformed # unterminated
|1|198.51.100.10|45923|x;malformed
|1|198.51.100.10|45923||;malformed
|1|a|p;malformed
|1|198.51.100.010|45923|;malformed # octal elsewhere
|1|198.51.100.256|45923|;malformed
|1|2001:db8:1::10|45923|;malformed # the family lies
|2|198.51.100.10|45923|;malformed
|1|::ffff:198.51.100.10|45923|;malformed
|3|198.51.100.10|45923|;malformed
||198.51.100.10|45923|;malformed
|11|198.51.100.10|45923|;malformed
|2|fe80::1%eth0|45923|;malformed # zone
11198.51.100.101459231;malformed # a digit as delimiter
|1!198.51.100.10|45923|;malformed # mixed
|1|198.51.100.10 |45923|;malformed
.1.198.51.100.10.45923.;malformed # the delimiter is in the address
:2:2001:db8:1::10:45923:;malformed
|;malformed
||||;malformed
""")
    void eprt(String argument, String outcome) {
        check(HostPort::eprt, argument, outcome);
    }

    @ParameterizedTest(name = "229{0} -> {1}")
    @CsvSource(
            delimiter = ';',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
 Entering Extended Passive Mode (|||6446|);*:6446
 Entering Extended Passive Mode (|||6446|).;*:6446
 Modo pasivo extendido (|||6446|);*:6446
 (!!!4000!);*:4000
 (###4000#) mehr;*:4000
 Entering (extended) passive mode (|||6446|);*:6446 odd # text in parentheses
 (one) (two) (|||6446|);*:6446 odd
 Entering Extended Passive Mode (|||6446);*:6446 odd # FluentFTP#1793
 Entering Extended Passive Mode (|||6446|;*:6446 odd
 Entering Extended Passive Mode |||6446|;*:6446 odd
 (|1|203.0.113.20|6446|);203.0.113.20:6446
 (|2|2001:db8:2::20|6446|);[2001:db8:2::20]:6446
 (||203.0.113.20|6446|);203.0.113.20:6446
 (|1||6446|);*:6446
 (|||06446|);*:6446 odd
 (|||70000|);malformed # would wrap to 4464
 (|||0|);malformed
 (|||99999999999999999999|);malformed
 (||||);malformed
 (|||+5|);malformed
 (|||6446!);malformed
 (||6446|);malformed
 (1116446);malformed
 (|1|2001:db8:2::20|6446|);malformed # the family lies
 (|3|203.0.113.20|6446|);malformed
 (|x||6446|);malformed
 |||6446;malformed # neither closed nor in parentheses
 6446;malformed
 (;malformed
 (|;malformed
""")
    void reply229(String text, String outcome) {
        check(HostPort::reply229, text, outcome);
    }

    @ParameterizedTest(name = "LPRT {0} -> {1}")
    @CsvSource(
            delimiter = '!',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
4,4,198,51,100,10,2,200,10!198.51.100.10:51210
6,16,32,1,13,184,0,1,0,0,0,0,0,0,0,0,0,16,2,200,10![2001:db8:1::10]:51210
6,16,0,0,0,0,0,0,0,0,0,0,255,255,198,51,100,10,2,200,10!198.51.100.10:51210
\\s4,4,198,51,100,10,2,200,10!198.51.100.10:51210 odd
4,4,198,51,100,10,2,200,10\\s!198.51.100.10:51210 odd
4,4,198,51,100,10,2,0,0!malformed
4,4,198,51,100,10,2,200!malformed
4,4,198,51,100,10,3,0,200,10!malformed # port of three bytes
4,16,198,51,100,10,2,200,10!malformed
6,4,198,51,100,10,2,200,10!malformed
5,4,198,51,100,10,2,200,10!malformed
4,4,198,51,100,256,2,200,10!malformed
4,4,198,51,100,10,2,200,10,1!malformed
4,4!malformed
""")
    void lprt(String argument, String outcome) {
        check(HostPort::lprt, argument, outcome);
    }

    @ParameterizedTest(name = "228{0} -> {1}")
    @CsvSource(
            delimiter = '!',
            ignoreLeadingAndTrailingWhitespace = false,
            textBlock =
"""
 Entering Long Passive Mode (4,4,203,0,113,20,2,195,80)!203.0.113.20:50000
 Entering Long Passive Mode (6,16,32,1,13,184,0,2,0,0,0,0,0,0,0,0,0,32,2,195,80)![2001:db8:2::20]:50000
 Mode 2 (4,4,203,0,113,20,2,195,80)!203.0.113.20:50000 odd
 (203,0,113,20,195,80)!malformed
 nothing!malformed
""")
    void reply228(String text, String outcome) {
        check(HostPort::reply228, text, outcome);
    }

    /** Lines are bounded, but 10^5 of them may come: every grammar must be linear. */
    @Test
    void isLinearInTheWorstTextsKnown() {
        String[] worst = {
            "1,", "(", "(a", "(|", "|||", "4,4,", "6,16,", "1 , ", "999999,", "((|||1"
        };
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> {
                    for (String part : worst) {
                        String text = part.repeat(1_000_000 / part.length());
                        HostPort.port(text);
                        HostPort.reply227(text);
                        HostPort.eprt(text);
                        HostPort.reply229(text);
                        HostPort.lprt(text);
                        HostPort.reply228(text);
                    }
                });
    }

    /** Whatever is found is in range, and what is written in the exact form is found again. */
    @Test
    void findsWhatWasWritten() {
        long seed = 20261123;
        Random random = new Random(seed);
        for (int i = 0; i < 10_000; i++) {
            byte[] b = new byte[6];
            random.nextBytes(b);
            int port = (b[4] & 0xff) << 8 | b[5] & 0xff;
            String numbers =
                    String.format(
                            "%d,%d,%d,%d,%d,%d",
                            b[0] & 0xff,
                            b[1] & 0xff,
                            b[2] & 0xff,
                            b[3] & 0xff,
                            b[4] & 0xff,
                            b[5] & 0xff);
            String host = numbers.split(",\\d+,\\d+$")[0].replace(',', '.');
            String outcome = port == 0 ? "malformed" : host + ":" + port;
            assertThat(show(HostPort.port(numbers))).as("seed %d", seed).isEqualTo(outcome);
            assertThat(show(HostPort.reply227(" Passive (" + numbers + ")"))).isEqualTo(outcome);
            assertThat(show(HostPort.eprt("|1|" + host + "|" + port + "|"))).isEqualTo(outcome);
            assertThat(
                            show(
                                    HostPort.lprt(
                                            "4,4,"
                                                    + host.replace('.', ',')
                                                    + ",2,"
                                                    + (port >> 8)
                                                    + ","
                                                    + (port & 255))))
                    .isEqualTo(outcome);
        }
    }
}
