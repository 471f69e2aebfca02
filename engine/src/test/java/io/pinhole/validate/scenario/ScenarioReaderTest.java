package io.pinhole.validate.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.rule.RuleError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScenarioReaderTest {
    private static final String HEAD =
            """
            rules ftp-gateway.nft
            host client 198.51.100.7
            host server 203.0.113.10
            host client6 2001:db8:1::7
            test "a"
              connect client -> server:21
            """;

    private static List<RuleError> errors(String text) {
        return switch (read(text, ScenarioFiles.NONE)) {
            case ReadScenario.Loaded loaded -> List.of();
            case ReadScenario.Refused(List<RuleError> errors) -> errors;
        };
    }

    private static Bytes utf8(String text) {
        return Bytes.of(text.getBytes(StandardCharsets.UTF_8));
    }

    private static ReadScenario read(String text, ScenarioFiles files) {
        return ScenarioReader.read("t.scenario", text.getBytes(StandardCharsets.UTF_8), files);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # a line in a test                        | column | what is wrong
                    conect client -> server:21                | 1 | unknown step 'conect'; did you mean connect?
                    hello there                               | 1 | unknown step 'hello'; a step is
                    connect clint -> server:21                | 9 | no host is called 'clint'; did you mean client?
                    connect client -> server                  | 19 | expected a port, as in server:21
                    connect client server:21                  | 16 | expected '->', found 'server:21'
                    connect client6 -> server:21              | 20 | client6 is IPv6 and server is IPv4
                    client -> server:22 syn                   | 24 | expected a verdict: accept, drop or reject, found the end
                    client -> server:22 syn acept             | 25 | expected a verdict
                    client -> server:22 sym drop              | 21 | did you mean syn?
                    client -> server:70000 syn drop           | 18 | expected a port from 0 to 65535
                    client -> server syn drop                 | 11 | expected a port
                    client -> server:22 icmp echo-request drop | 11 | icmp has no ports
                    client -> server icmp ping drop           | 23 | expected an ICMP type
                    client -> server icmpv6 echo-request drop | 18 | icmpv6 is for IPv6
                    client -> server:22 udp seq=1 drop        | 25 | this protocol has no seq
                    client -> server:22 syn foo=1 drop        | 25 | unknown 'foo='
                    any -> server:22 syn drop                 | 1 | 'any' is for never and always
                    client -> server:22 syn drop by ftp       | 33 | expected a rule such as
                    client -> server:22 syn drop new by policy more | 44 | expected the end of the line
                    client -> server:22 syn fragments=12 drop | 35 | a multiple of 8
                    C PORT 1,2,3                              | 3 | expected ':' and what is said, or fin, or rst
                    C split at 99: PORT                       | 12 | ascending offsets inside what is said, from 1 to 5
                    C split 3: PORT                           | 9 | expected 'at'
                    C: PORT \\q                               | 9 | unknown escape
                    C: a\\x1                                  | 5 | expected two hexadecimal digits
                    expect pinhole server -> client           | 26 | expected a port
                    expect no pinhole used                    | 19 | about those that wait now
                    expect alert bunce                        | 14 | did you mean bounce?
                    expect nothing                            | 8 | expected pinhole
                    session client -> server passiv get "x"   | 26 | expected active, passive, eprt
                    session client6 -> 2001:db8::1 active get "x" | 32 | over IPv6: eprt
                    session client -> server passive get      | 37 | expected the name of the file in quotes
                    session client -> server passive get "x" 2 TB | 44 | expected the end of the line
                    session client -> server passive get "x" 900 GB | 42 | too much
                    after soon                                | 7 | expected a time
                    after 30                                  | 7 | expected a time
                    on second                                 | 4 | no connection is called 'second'
                    capture a.pcap                            | 15 | expected 'expect'
                    frame ethernet 0g accept                  | 16 | expected an even number of hexadecimal digits
                    set helper.third-party=allow              | 1 | set stands before the first step of its test
                    include "x"                               | 1 | include stands before the first test
                    test "a"                                  | 6 | there is a test of this name already
                    test b                                    | 6 | expected the name of the test in quotes
                    never client -> any:22 sctp               | 24 | expected the end of the line
                    """)
    void pointsAtTheMistake(String line, int column, String message) {
        List<RuleError> errors = errors(HEAD + line + "\n");
        assertThat(errors).isNotEmpty();
        RuleError first = errors.getFirst();
        assertThat(first.message()).contains(message);
        assertThat(first.line()).isEqualTo(7);
        assertThat(first.column()).as(first.format()).isEqualTo(column);
        assertThat(first.format().lines()).hasSize(3);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # before the first test       | what is wrong
                    host a b                      | expected an IP address
                    host test 192.0.2.1           | 'test' means something else
                    host 1a 192.0.2.1             | a host's name begins with a letter
                    hosts a 192.0.2.1             | did you mean host?
                    client -> server:21 syn drop  | expected rules, define, host
                    define x                      | expected '= VALUE'
                    interface eth0 192.0.2.0/33   | expected a prefix length from 0 to 32
                    local nobody                  | no host is called 'nobody'
                    set x                         | expected KEY=VALUE
                    ftp-port 0                    | expected a port from 1 to 65535
                    compat bsd                    | expected 'linux'
                    include "other"               | includes are not available here
                    test ""                       | the name of the test must not be empty
                    test "nothing in it"          | the test has no steps
                    """)
    void pointsAtMistakesOutsideTests(String line, String message) {
        assertThat(errors(line + "\n").getFirst().message()).contains(message);
    }

    @Test
    void reportsEveryMistakeOfAFile() {
        List<RuleError> errors = errors(HEAD + "bad\nC: fine\nworse\n");
        assertThat(errors).extracting(RuleError::line).containsExactly(7, 9);
    }

    @Test
    void boundsWhatItReads() {
        assertThat(errors("x".repeat(70_000)).getFirst().message()).contains("longer than 65536");
        assertThat(errors("bad\n".repeat(1000))).hasSize(50);
        byte[] bytes = {'t', (byte) 0xff, '\n'};
        assertThat(ScenarioReader.read("t", bytes, ScenarioFiles.NONE))
                .isInstanceOf(ReadScenario.Refused.class);
    }

    @Test
    void refusesFilesThatIncludeThemselves() {
        ScenarioFiles loop =
                (from, name) -> new ScenarioFiles.Content(name, utf8("include \"b\"\n"));
        assertThat(read("include \"b\"\n", loop)).isInstanceOf(ReadScenario.Refused.class);
        ScenarioFiles growing =
                (from, name) ->
                        new ScenarioFiles.Content(
                                name, utf8(("include \"" + name + "x\"\n").repeat(3)));
        assertThat(read("include \"b\"\n", growing)).isInstanceOf(ReadScenario.Refused.class);
    }

    @Test
    void includesHostsAndRules() throws IOException {
        ScenarioFiles files =
                (from, name) ->
                        new ScenarioFiles.Content(
                                "dir/" + name, utf8("rules a.nft\nhost client 192.0.2.1\n"));
        ReadScenario read =
                read("include common\ntest \"t\"\n client -> 192.0.2.2:1 syn drop", files);
        assertThat(read).isInstanceOf(ReadScenario.Loaded.class);
    }
}
