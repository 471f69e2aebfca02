package io.pinhole.rule.nft;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.read.RuleReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Rule files made to hurt: a clear error, soon, whatever the language. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class HostileRulesTest {
    private static String refused(String text) {
        return refused(text.getBytes(StandardCharsets.UTF_8), IncludeResolver.NONE);
    }

    private static String refused(byte[] text, IncludeResolver includes) {
        ReadResult result =
                RuleReader.read(
                        List.of(new RuleReader.Source("t", text)),
                        new RuleReader.Context(Map.of(), includes, IpSets.NONE));
        assertThat(result).isInstanceOf(ReadResult.Refused.class);
        String message = ((ReadResult.Refused) result).format();
        assertThat(message.length()).isLessThan(40_000);
        assertThat(message.lines()).allMatch(line -> line.length() < 400);
        return message;
    }

    @Test
    void deepNesting() {
        assertThat(refused("define a = " + "{".repeat(100_000))).contains("nested deeper than 32");
        assertThat(refused("table t { chain c { tcp dport " + "(".repeat(100_000)))
                .contains("nested deeper than 32");
        assertThat(refused("{".repeat(10))).contains("not JSON");
        assertThat(refused("{\"nftables\":" + "[".repeat(100_000))).contains("expected an object");
        assertThat(refused("{\"nftables\":[{\"table\":" + "[".repeat(100_000)))
                .contains("not JSON");
        assertThat(refused("table t { chain c { meta mark set " + "~".repeat(50)))
                .contains("unexpected character '~'");
    }

    @Test
    void operatorsWithoutEnd() {
        String many = "more than 128 values joined by operators";
        String chain = "table t { chain c { type filter hook forward priority 0; ";
        for (String operator : List.of("|", "^", "&", "<<")) {
            String row = (operator + " 1 ").repeat(100_000);
            assertThat(refused(chain + "meta mark set 1 " + row)).contains(many);
            assertThat(refused(chain + "meta mark " + row + " == 1")).contains(many);
            assertThat(refused(chain + "ct mark set ct mark " + row)).contains(many);
        }
        for (String define : List.of("$a%d | 1", "1 | $a%d", "$a%d << 0", "$a%d | $a%d")) {
            StringBuilder text = new StringBuilder("define a0 = 1\n");
            for (int i = 1; i < 20_000; i++) {
                text.append("define a").append(i).append(" = ");
                text.append(define.replace("%d", "" + (i - 1))).append('\n');
            }
            assertThat(refused(text + chain + "tcp dport $a19999; }; }")).contains(many);
        }
        String json =
                "{\"nftables\":[{\"table\":{\"family\":\"ip\",\"name\":\"t\"}},"
                        + "{\"chain\":{\"family\":\"ip\",\"table\":\"t\",\"name\":\"c\"}},"
                        + "{\"rule\":{\"family\":\"ip\",\"table\":\"t\",\"chain\":\"c\",\"expr\":["
                        + "{\"mangle\":{\"key\":{\"meta\":{\"key\":\"mark\"}},\"value\":{\"|\":[1"
                        + ",1".repeat(100_000)
                        + "]}}}]}}]}";
        assertThat(refused(json)).contains(many);
    }

    @Test
    void definesThatGrow() {
        StringBuilder text = new StringBuilder("define a0 = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }\n");
        for (int i = 1; i < 12; i++) {
            text.append("define a").append(i).append(" = { ");
            text.append(("$a" + (i - 1) + ", ").repeat(10)).append("1 }\n");
        }
        text.append("table t { set s { type inet_service; elements = $a11; }; }\n");
        assertThat(refused(text.toString())).contains("more than 4000000 elements");
    }

    @Test
    void includesThatLoop() {
        IncludeResolver self =
                (from, pattern) ->
                        List.of(
                                new IncludeResolver.Included(
                                        pattern,
                                        ("include \"" + pattern + "\"\n")
                                                .getBytes(StandardCharsets.UTF_8)));
        assertThat(refused("include \"a\"\n".getBytes(StandardCharsets.UTF_8), self))
                .contains("circle");
        IncludeResolver ever =
                (from, pattern) ->
                        List.of(
                                new IncludeResolver.Included(
                                        pattern + "x",
                                        ("include \"" + pattern + "x\"\n")
                                                .getBytes(StandardCharsets.UTF_8)));
        assertThat(refused("include \"a\"\n".getBytes(StandardCharsets.UTF_8), ever))
                .contains("includes nest deeper than 16");
    }

    @Test
    void longLines() {
        byte[] line = new byte[100 << 20];
        Arrays.fill(line, (byte) 'a');
        assertThat(refused(line, IncludeResolver.NONE)).contains("longer than 64 MiB");
        assertThat(refused("a".repeat(8 << 20))).contains("word is longer than 1024");
        assertThat(refused("table t { chain c { " + "tcp dport 1 ".repeat(1 << 18) + "x"))
                .contains("unknown match");
        assertThat(refused("*filter\n" + "-A X ".repeat(1 << 18))).contains("no chain 'X'");
        assertThat(refused("*filter\n-A " + "y".repeat(1 << 20))).contains("longer than 4096");
    }

    @Test
    void emptyWords() {
        for (String word :
                List.of("\"\"", "\"\" -A INPUT", "\"*filter\"", "*\"\"", ":\"\" - [0:0]")) {
            assertThat(refused("*filter\n" + word + "\nCOMMIT\n")).contains("t:2:");
        }
    }

    @Test
    void quotesAndBraces() {
        assertThat(refused("table t { chain c { log prefix \"abc\n} }"))
                .contains("no closing quote");
        assertThat(refused("}\n}\n}\n")).contains("expected a command");
        assertThat(refused("table t {")).contains("end of file");
        assertThat(refused("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment \"x\n"))
                .contains("no closing quote");
    }

    @Test
    void bytesThatAreNoText() {
        byte[] bad = {'t', 'a', 'b', 'l', 'e', ' ', (byte) 0xff, (byte) 0xfe};
        assertThat(refused(bad, IncludeResolver.NONE)).contains("t:1:7").contains("not UTF-8");
        byte[] json = {'{', '"', (byte) 0xc3, 0x28};
        assertThat(refused(json, IncludeResolver.NONE)).contains("not UTF-8");
        byte[] iptables = {'*', 'r', 'a', 'w', '\n', (byte) 0xff};
        assertThat(refused(iptables, IncludeResolver.NONE)).contains("not UTF-8");
        assertThat(refused("table t\0 { }")).contains("U+0000");
        assertThat(refused("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j A\0B\nCOMMIT\n"))
                .contains("NUL");
        assertThat(refused("table t { chain c { \u001b[2J } }")).doesNotContain("\u001b");
    }

    @Test
    void hugeNumbers() {
        String nines = "9".repeat(5000);
        assertThat(refused("table t { chain c { tcp dport " + nines + " accept; }; }"))
                .contains("number");
        assertThat(refused("table t { chain c { tcp dport 99999999999999999999 accept; }; }"))
                .contains("number is too large");
        assertThat(
                        refused(
                                "table t { chain c { limit rate 9223372036854775807 mbytes/second;"
                                        + " }; }"))
                .contains("at most");
        assertThat(
                        refused(
                                "{\"nftables\":[{\"chain\":{\"family\":\"ip\",\"table\":\"t\","
                                        + "\"prio\":"
                                        + nines
                                        + "}}]}"))
                .contains("not JSON");
        assertThat(refused("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark " + nines))
                .contains("longer than 4096");
        assertThat(
                        refused(
                                "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark "
                                        + nines.substring(0, 100)))
                .contains("expected a number");
    }

    @Test
    void tooManyErrorsAreCutOff() {
        assertThat(refused("bogus\n".repeat(100_000)).lines().count()).isLessThan(160);
        assertThat(refused("*filter\n" + "-A X\n".repeat(100_000)).lines().count()).isLessThan(160);
    }

    @Test
    void jumpsThatMultiply() {
        StringBuilder text = new StringBuilder("table t {\n");
        text.append("chain c { type filter hook forward priority 0; jump d0; }\n");
        for (int i = 0; i < 14; i++) {
            text.append("chain d").append(i).append(" {\n");
            text.append(("jump d" + (i + 1) + "\n").repeat(10)).append("}\n");
        }
        text.append("chain d14 { }\n}\n");
        assertThat(refused(text.toString())).contains("may visit more than");
    }
}
