package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.pinhole.core.Settings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SettingsLoaderTest {
    @TempDir Path folder;

    @ParameterizedTest(name = "{0} -> {1} = {2}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # file                                       | key                           | value
                    timeouts: {syn-sent: 90}                     | timeouts.syn-sent             | 90s
                    timeouts: {syn-sent: 90s}                    | timeouts.syn-sent             | 90s
                    timeouts: {syn-sent: 2h}                     | timeouts.syn-sent             | 2h
                    timeouts: {syn-sent: 365D}                   | timeouts.syn-sent             | 365d
                    timeouts: {syn-sent: "10m"}                  | timeouts.syn-sent             | 10m
                    timeouts: {syn-sent: 010}                    | timeouts.syn-sent             | 10s
                    timeouts:\\n  udp: 5\\n  icmp: 7             | timeouts.icmp                 | 7s
                    limits: {fragment-bytes: 1048576}            | limits.fragment-bytes         | 1m
                    limits: {fragment-bytes: 65537}              | limits.fragment-bytes         | 65537
                    limits: {reassembly-bytes: 8K}               | limits.reassembly-bytes       | 8k
                    limits: {flows: 2000000}                     | limits.flows                  | 2000000
                    tcp: {loose: off}                            | tcp.loose                     | off
                    tcp: {loose: No}                             | tcp.loose                     | off
                    tcp: {loose: FALSE}                          | tcp.loose                     | off
                    tcp: {liberal: true}                         | tcp.liberal                   | on
                    tcp: {liberal: yes}                          | tcp.liberal                   | on
                    tcp: {liberal: on}                           | tcp.liberal                   | on
                    tcp: {max-retrans: 0}                        | tcp.max-retrans               | 0
                    helper: {third-party: allow}                 | helper.third-party            | allow
                    helper: {passive-address: refuse}            | helper.passive-address        | refuse
                    helper: {active-source-port: 20}             | helper.active-source-port     | 20
                    helper: {lifetime: 1m}                       | helper.lifetime               | 1m
                    helper: {denied-ports: [3306, 6000-6063]}    | helper.denied-ports           | [3306, 6000-6063]
                    helper: {denied-ports: 3306}                 | helper.denied-ports           | [3306]
                    helper: {denied-ports: []}                   | helper.denied-ports           | []
                    helper:\\n  denied-ports:\\n  - 22\\n  - 25  | helper.denied-ports           | [22, 25]
                    helper: {third-party-peers: [192.0.2.1]}     | helper.third-party-peers      | [192.0.2.1]
                    helper: {third-party-peers: ["::1"]}         | helper.third-party-peers      | ['::1']
                    helper: {third-party-peers: [::ffff:1.2.3.4, 9.9.9.9]} | helper.third-party-peers | FAILS
                    helper: {third-party-peers: ["::ffff:1.2.3.4"]} | helper.third-party-peers   | [1.2.3.4]
                    helpers: {ftp-x: {strict: on}}               | helpers.ftp-x.strict          | on
                    helpers: {ftp-x: {strict: on}}               | helper.strict                 | off
                    helpers: {ftp-x: {strict: on}}               | helpers.ftp-y.strict          | off
                    helper: {strict: on}\\nhelpers: {ftp-x: {auth: refuse}} | helpers.ftp-x.strict | on
                    helpers: {ftp.x/1: {strict: on}}             | helpers.ftp.x/1.strict        | on
                    helpers: {null: {strict: on}}                | helpers.null.strict           | on
                    timeouts:\\n#  udp: 5                        | timeouts.udp                  | 30s
                    ---\\ntimeouts: {udp: 9}\\n...               | timeouts.udp                  | 9s
                    %YAML 1.2\\n---\\ntimeouts: {udp: 9}         | timeouts.udp                  | 9s
                    timeouts: {udp: 9}\\r\\n                     | timeouts.udp                  | 9s
                    \\ufefftimeouts: {udp: 9}                    | timeouts.udp                  | 9s
                    # all of it in a comment\\n                  | timeouts.udp                  | 30s
                    {}                                           | timeouts.udp                  | 30s
                    ~                                            | timeouts.udp                  | 30s
                    """)
    void readsFile(String yaml, String key, String value) throws Exception {
        String text = unescaped(yaml);
        if (value.equals("FAILS")) {
            assertThatThrownBy(() -> load(text)).isInstanceOf(SettingsException.class);
        } else {
            assertThat(written(load(text), key)).isEqualTo(value);
        }
    }

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    # file                               | FILE:LINE:COLUMN: problem
                    timeouts: {syn-sent: 0}              | 1:22: timeouts.syn-sent: '0' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: 366d}           | 1:22: timeouts.syn-sent: '366d' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: 9999999999d}    | 1:22: timeouts.syn-sent: '9999999999d' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: 99999999999999999999} | 1:22: timeouts.syn-sent: '99999999999999999999' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: -5}             | 1:22: timeouts.syn-sent: '-5' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: 1.5}            | 1:22: timeouts.syn-sent: '1.5' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    timeouts: {syn-sent: 5k}             | 1:22: timeouts.syn-sent: '5k' is not a duration from 1s to 365d (30, 30s, 10m, 2h, 5d)
                    limits: {flows: 4m}                  | 1:17: limits.flows: '4m' is not a whole number from 1 to 67108864
                    limits: {flows: on}                  | 1:17: limits.flows: 'on' is not a whole number from 1 to 67108864
                    limits: {line-bytes: 511}            | 1:22: limits.line-bytes: '511' is not a size in bytes from 512 to 64k (65536, 64k, 4m, 1g)
                    limits: {line-bytes: 65s}            | 1:22: limits.line-bytes: '65s' is not a size in bytes from 512 to 64k (65536, 64k, 4m, 1g)
                    limits: {flows: [1]}                 | 1:17: limits.flows: a list is not a whole number from 1 to 67108864
                    limits: {flows: null}                | 1:17: limits.flows: no value; it takes a whole number from 1 to 67108864
                    limits: {flows: {a: 1}}              | 1:17: limits.flows: a mapping is not a whole number from 1 to 67108864
                    limits: {flows: }                    | 1:16: limits.flows: no value; it takes a whole number from 1 to 67108864
                    tcp: {loose: 1}                      | 1:14: tcp.loose: '1' is not on or off (true, false, yes, no)
                    helper: {third-party: Allow}         | 1:23: helper.third-party: 'Allow' is not refuse or allow
                    helper: {active-source-port: 21}     | 1:30: helper.active-source-port: '21' is not any or 20
                    helper: {denied-ports: [1, 0]}       | 1:28: helper.denied-ports: '0' is not a port or a range of ports from 1 to 65535 (3306, 6000-6063)
                    helper: {denied-ports: [9-8]}        | 1:25: helper.denied-ports: '9-8' is not a port or a range of ports from 1 to 65535 (3306, 6000-6063)
                    helper: {denied-ports: [1-65536]}    | 1:25: helper.denied-ports: '1-65536' is not a port or a range of ports from 1 to 65535 (3306, 6000-6063)
                    helper: {denied-ports: [[1]]}        | 1:25: helper.denied-ports: a list is not a port or a range of ports from 1 to 65535 (3306, 6000-6063)
                    helper: {third-party-peers: [localhost]} | 1:30: helper.third-party-peers: 'localhost' is not an IPv4 or IPv6 address
                    helper: {third-party-peers: [10.0.0.0/8]} | 1:30: helper.third-party-peers: '10.0.0.0/8' is not an IPv4 or IPv6 address
                    timeouts:\\n  syn_sent: 5            | 2:3: unknown key 'timeouts.syn_sent'; did you mean 'timeouts.syn-sent'?
                    Timeouts: {udp: 5}                   | 1:1: unknown key 'Timeouts'; did you mean 'timeouts'?
                    limits: {udp: 5}                     | 1:10: unknown key 'limits.udp'; did you mean 'timeouts.udp'?
                    flows: 5                             | 1:1: unknown key 'flows'; did you mean 'limits.flows'?
                    tcp: {zzzzzz: 5}                     | 1:7: unknown key 'tcp.zzzzzz'; known are loose, liberal, max-retrans, checksum
                    wurst: 5                             | 1:1: unknown key 'wurst'; known are timeouts, limits, tcp, helper, helpers
                    limits.flows: 5                      | 1:1: the key 'limits.flows' is for --set; in a file write 'flows:' indented below its section
                    helpers: {ftp: {strikt: on}}         | 1:17: unknown key 'helpers.ftp.strikt'; did you mean 'helpers.ftp.strict'?
                    helpers: {strict: on}                | 1:19: 'helpers.strict' must hold KEY: VALUE lines
                    helpers: {a b: {strict: on}}         | 1:11: 'a b' cannot be the name of a ct helper object (letters, digits, '_', '-', '.', '/')
                    timeouts: 5                          | 1:11: 'timeouts' must hold KEY: VALUE lines
                    timeouts: [udp]                      | 1:11: 'timeouts' must hold KEY: VALUE lines
                    - timeouts                           | 1:1: the file must hold KEY: VALUE lines
                    hello                                | 1:1: the file must hold KEY: VALUE lines
                    tcp: {loose: on, loose: on}          | 1:18: 'tcp.loose' a second time, first in line 1
                    tcp: {}\\ntcp: {}                    | 2:1: 'tcp' a second time, first in line 1
                    helpers: {a: {}, a: {}}              | 1:18: 'helpers.a' a second time, first in line 1
                    tcp: {}\\n---\\ntcp: {}              | 3:1: a second document; one file holds one
                    tcp: &a {}\\nhelper: *a              | 2:9: an alias (*); write the value itself
                    tcp: {&k loose: on, *k : off}        | 1:23: not YAML for settings: a key must be a plain word
                    <<: {tcp: {}}                        | 1:1: unknown key '<<'; known are timeouts, limits, tcp, helper, helpers
                    limits: {flows: !!int 5}             | 1:17: a tag (!); write the value alone
                    tcp: !map {}                         | 1:6: a tag (!); write the value alone
                    tcp:\\n\\tloose: on                  | 2:1: not YAML: found character '\\t(TAB)' that cannot start any token. (Do not use \\t(TAB) for indentation)
                    tcp: {loose: on                      | 1:16: not YAML: expected ',' or '}', but got <stream end>
                    tcp: loose: on                       | 1:11: not YAML: mapping values are not allowed here
                    tcp: '                               | 1:7: not YAML: found unexpected end of stream
                    ? [a]\\n: b                          | 1:4: not YAML for settings: a key must be a plain word
                    %YAML 3.0\\n---\\ntcp: {}            | 1:1: not YAML for settings: it says it is not YAML 1.2
                    a: \\u0000                           | 1:4: the character U+0000, which YAML does not allow
                    tcp: {}\\n"\\u001b[2J": 1            | 2:2: the character U+001B, which YAML does not allow
                    "\\x1b[2J": 1                        | 1:1: unknown key '\\u001b[2J'; known are timeouts, limits, tcp, helper, helpers
                    a: {b: {c: {d: {e: {f: {g: {h: {}}}}}}}} | 1:32: nested more than 8 deep
                    """)
    void saysWhatIsWrongInFile(String yaml, String problem) {
        assertThat(problems(unescaped(yaml))).containsExactly("f.yaml:" + problem);
    }

    @Test
    void listsAllProblemsInOrder() {
        String yaml =
                """
                timeouts:
                  udp: x
                  upd: 5
                  udp: 5
                limits: {flows: -1, flows: 2}
                helpers:
                  a: {strict: 2, denied-ports: [a, 1, b]}
                """;
        assertThat(problems(yaml, "tcp.loose=2", "nonsense"))
                .extracting(line -> line.replaceAll(": .*", ""))
                .containsExactly(
                        "f.yaml:2:8",
                        "f.yaml:3:3",
                        "f.yaml:4:3",
                        "f.yaml:5:17",
                        "f.yaml:5:21",
                        "f.yaml:7:15",
                        "f.yaml:7:33",
                        "f.yaml:7:39",
                        "--set tcp.loose=2",
                        "--set nonsense");
    }

    @ParameterizedTest(name = "--set {0} -> {1}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    limits.flows               | limits.flows: has no '='; write KEY=VALUE
                    limits.flows=              | limits.flows=: '' is not a whole number from 1 to 67108864
                    limits.flows=1=2           | limits.flows=1=2: '1=2' is not a whole number from 1 to 67108864
                    =5                         | =5: unknown key ''; known are timeouts, limits, tcp, helper, helpers
                    limits=5                   | limits=5: unknown key 'limits'; known are flows, controls, expectations, expectations-per-parent, expectations-per-client, reassembly-bytes, line-bytes, pipeline, fragment-bytes, fragment-datagrams
                    limits.flow=5              | limits.flow=5: unknown key 'limits.flow'; did you mean 'limits.flows'?
                    helpers=on                 | helpers=on: unknown key 'helpers'; known are third-party, third-party-peers, privileged-ports, passive-address, auth, require-login, denied-ports, active-source-port, strict, lifetime
                    helpers.strict=on          | helpers.strict=on: unknown key 'helpers.strict'; did you mean 'helper.strict'?
                    helpers.a.strikt=on        | helpers.a.strikt=on: unknown key 'helpers.a.strikt'; did you mean 'helpers.a.strict'?
                    helpers..strict=on         | helpers..strict=on: '' cannot be the name of a ct helper object (letters, digits, '_', '-', '.', '/')
                    helpers.ü.strict=on        | helpers.ü.strict=on: 'ü' cannot be the name of a ct helper object (letters, digits, '_', '-', '.', '/')
                    helper.denied-ports=1,,2   | helper.denied-ports=1,,2: '' is not a port or a range of ports from 1 to 65535 (3306, 6000-6063)
                    """)
    void saysWhatIsWrongWithOption(String set, String problem) {
        assertThat(problems("", set)).containsExactly("--set " + problem);
    }

    @ParameterizedTest(name = "--set {0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    limits.flows=5                              | limits.flows             | 5
                    ` limits.flows = 5 `                        | limits.flows             | 5
                    helper.denied-ports=                        | helper.denied-ports      | []
                    helper.denied-ports=[]                      | helper.denied-ports      | []
                    helper.denied-ports=3306,6000-6063          | helper.denied-ports      | [3306, 6000-6063]
                    helper.denied-ports=[3306, 6000-6063]       | helper.denied-ports      | [3306, 6000-6063]
                    helper.third-party-peers=2001:db8::,::1     | helper.third-party-peers | ['2001:db8::', '::1']
                    helpers.ftp.x.lifetime=0                    | helpers.ftp.x.lifetime   | 0
                    """)
    void readsOption(String set, String key, String value) throws Exception {
        assertThat(written(load("", set), key)).isEqualTo(value);
    }

    @Test
    void optionsWinOverTheFileAndTheLastOverTheFirst() throws Exception {
        String yaml = "limits: {flows: 5, controls: 6}\nhelper: {strict: on, auth: refuse}\n";
        SettingsInForce inForce =
                load(
                        yaml,
                        "limits.flows=7",
                        "limits.flows=8",
                        "helpers.a.strict=off",
                        "helper.auth=allow");
        Settings settings = inForce.settings();

        assertThat(settings.limits().flows()).isEqualTo(8);
        assertThat(settings.limits().controls()).isEqualTo(6);
        assertThat(settings.limits().pipeline()).isEqualTo(64);
        assertThat(settings.helper().strict()).isTrue();
        assertThat(settings.helper("a").strict()).isFalse();
        assertThat(settings.helper("a").auth()).isEqualTo(Settings.Auth.ALLOW);
        assertThat(settings.helper("b")).isEqualTo(settings.helper());
        assertThat(inForce.origins())
                .containsEntry("limits.flows", "--set")
                .containsEntry("limits.controls", "f.yaml:1")
                .containsEntry("helper.strict", "f.yaml:2")
                .containsEntry("helpers.a.strict", "--set")
                .doesNotContainKey("limits.pipeline");
    }

    @Test
    void aHelperObjectFollowsWhatHelperBecomesLater() throws Exception {
        Settings settings = load("helpers: {a: {auth: refuse}}", "helper.strict=on").settings();

        assertThat(settings.helper("a").strict()).isTrue();
        assertThat(settings.helpers()).containsOnlyKeys("a");
    }

    @Test
    void aMissingFileIsAnErrorOnlyIfNamed() throws Exception {
        Path missing = folder.resolve("none.yaml");

        assertThat(SettingsLoader.load(missing, false, List.of()).settings())
                .isEqualTo(Settings.DEFAULTS);
        assertThat(problemsOf(missing)).containsExactly(missing + ": no such file");
        assertThat(problemsOf(Path.of(""))).containsExactly("'': no such file");
        assertThat(problemsOf(folder)).containsExactly(folder + ": is a directory");
    }

    @Test
    void aFileWithoutPermissionIsAnErrorEvenIfNotNamed() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret.yaml"), "");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
        assumeFalse(Files.isReadable(secret), "root reads everything");

        assertThatThrownBy(() -> SettingsLoader.load(secret, false, List.of()))
                .isInstanceOf(SettingsException.class)
                .hasMessage(secret + ": permission denied");
    }

    @Test
    void namesThePlaceThatIsNotUtf8() throws IOException {
        Path latin = folder.resolve("latin.yaml");
        Files.write(latin, "tcp: {}\n# Zürich\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(problemsOf(latin)).containsExactly(latin + ":2:4: not UTF-8");

        Path cut = folder.resolve("cut.yaml");
        Files.write(cut, new byte[] {'#', (byte) 0xe2, (byte) 0x82});
        assertThat(problemsOf(cut)).containsExactly(cut + ":1:2: not UTF-8");

        Path wide = folder.resolve("wide.yaml");
        Files.write(wide, "tcp: {}\n".getBytes(StandardCharsets.UTF_16));
        assertThat(problemsOf(wide)).containsExactly(wide + ":1:1: not UTF-8");
    }

    @Test
    void readsNoMoreThanOneMebibyte() throws Exception {
        Path file = folder.resolve("big.yaml");
        String line = "# " + "x".repeat(1021) + "\n";
        Files.writeString(file, line.repeat(1024));
        assertThat(SettingsLoader.load(file, true, List.of()).settings())
                .isEqualTo(Settings.DEFAULTS);

        Files.writeString(file, line.repeat(1024) + "\n");
        assertThat(problemsOf(file))
                .containsExactly(file + ": larger than 1 MiB, so these are no settings");
        assertThat(problemsOf(Path.of("/dev/zero")))
                .containsExactly("/dev/zero: larger than 1 MiB, so these are no settings");
    }

    /** Files of nearly 1 MiB that cost a careless reader memory, stack or minutes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "[",
                "{",
                "- ",
                "? ",
                "a: ",
                "{a: ",
                "'",
                "\"",
                "!",
                "&a ",
                "*a ",
                "|\n ",
                "a:\n",
                ":",
                "#",
                "a",
                "\n",
                "a\n",
                "a: [1,\n",
                "- - ",
                "%a\n",
                "---\n",
                "a: {}\n",
                "[],",
                ": ",
                "\\",
                "\"\\u0041",
                "!!a ",
                "--- |\n"
            })
    void survivesRepetition(String unit) {
        String yaml = unit.repeat(1_000_000 / unit.length());
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> {
                    try {
                        load(yaml);
                    } catch (SettingsException e) {
                        assertThat(e.problems()).allMatch(line -> line.length() < 500);
                        assertThat(e.shown()).hasSizeLessThanOrEqualTo(21);
                    }
                });
    }

    @Test
    void refusesAnAliasBomb() {
        String yaml =
                "a: &a [x, x, x, x, x, x, x, x, x]\n"
                        + "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                        + "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n";
        assertThat(problems(yaml))
                .containsExactly("f.yaml:2:8: an alias (*); write the value itself");
    }

    @Test
    void readsNoMoreThanFiftyThousandValues() {
        assertThat(problems("- a\n".repeat(49_999)))
                .containsExactly("f.yaml:1:1: the file must hold KEY: VALUE lines");
        assertThat(problems("- a\n".repeat(50_000)))
                .containsExactly("f.yaml:50000:3: more than 50000 values");
    }

    @Test
    void showsAtMostTwentyProblems() throws IOException {
        String yaml = "zz: 1\nyy: 1\n" + "tcp: {}\n".repeat(30);
        Path file = Files.writeString(folder.resolve("f.yaml"), yaml);
        assertThatThrownBy(() -> SettingsLoader.load(file, true, List.of()))
                .isInstanceOfSatisfying(
                        SettingsException.class,
                        e -> {
                            assertThat(e.problems()).hasSize(31);
                            assertThat(e.shown()).hasSize(21).last().isEqualTo("and 11 more");
                        });
    }

    // Below: what the tests share.

    private SettingsInForce load(String yaml, String... sets) throws Exception {
        Path file = Files.writeString(folder.resolve("f.yaml"), yaml);
        try {
            SettingsInForce found = SettingsLoader.load(file, true, List.of(sets));
            return new SettingsInForce(
                    found.settings(),
                    found.origins().entrySet().stream()
                            .collect(
                                    Collectors.toMap(
                                            e -> e.getKey(),
                                            e -> e.getValue().replace(folder + "/", ""))));
        } catch (SettingsException e) {
            throw new SettingsException(
                    e.problems().stream().map(line -> line.replace(folder + "/", "")).toList());
        }
    }

    private List<String> problems(String yaml, String... sets) {
        try {
            load(yaml, sets);
            return List.of();
        } catch (SettingsException e) {
            return e.problems();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static List<String> problemsOf(Path file) {
        try {
            SettingsLoader.load(file, true, List.of());
            return List.of();
        } catch (SettingsException e) {
            return e.problems();
        }
    }

    /** The value of {@code key} as {@code pinhole config} writes it. */
    private static String written(SettingsInForce inForce, String key) {
        Setting setting = SettingsKeys.lookUp(key);
        assertThat(setting).isNotNull();
        Record holder =
                key.equals(setting.key())
                        ? (Record) Setting.get(inForce.settings(), setting.section())
                        : inForce.settings()
                                .helper(key.substring("helpers.".length(), key.lastIndexOf('.')));
        return setting.type().write(setting.in(holder));
    }

    private static String unescaped(String text) {
        return text.replace("\\n", "\n")
                .replace("\\r", "\r")
                .replace("\\t", "\t")
                .replace("\\ufeff", "\ufeff")
                .replace("\\u0000", "\0")
                .replace("\\u001b", "\u001b");
    }
}
