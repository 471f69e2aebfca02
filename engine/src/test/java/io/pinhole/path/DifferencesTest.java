package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each deliberate difference from Linux as a pair: with {@code --compat=linux} what the kernel
 * (6.18, observed) does, without it what Pinhole does. The dialogues are in {@code
 * differences.txt}.
 */
class DifferencesTest {
    private static final Pattern PAIR = Pattern.compile("\\s+=> (\\w+) / (\\w+)$");
    private static final List<String> LOGIN =
            List.of(
                    "client:41022 > server:21 open",
                    "S: 220 ready",
                    "C: USER lab",
                    "S: 331 password",
                    "C: PASS x",
                    "S: 230 in");

    static Stream<Arguments> rows() throws IOException {
        try (InputStream in = DifferencesTest.class.getResourceAsStream("differences.txt")) {
            String text =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            return Arrays.stream(text.split("\n=== "))
                    .skip(1)
                    .map(r -> Arguments.of(r.lines().findFirst().orElse(""), r.lines().toList()));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void asLinuxDoes(String title, List<String> lines) {
        check(title, lines, true);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rows")
    void asPinholeDoes(String title, List<String> lines) {
        check(title, lines, false);
    }

    private static void check(String title, List<String> lines, boolean linux) {
        List<String> script = new ArrayList<>(LOGIN);
        for (String line : lines.subList(1, lines.size())) {
            Matcher pair = PAIR.matcher(line);
            script.add(
                    pair.find()
                            ? line.substring(0, pair.start()) + " => " + pair.group(linux ? 1 : 2)
                            : line);
        }
        AttackScript dialogue = AttackScript.of(title, script);
        List<String> expected = new ArrayList<>();
        List<String> actual = new ArrayList<>();
        try (Rig rig = new Rig(new GatewayRules(21), Settings.DEFAULTS, 42, linux)) {
            for (AttackScript.Frame frame : dialogue.frames()) {
                rig.frame(frame);
                String text = dialogue.line(frame.line()).replaceFirst(" => .*", "");
                expected.add(frame.verdict() + "  " + text);
                actual.add(rig.last().split(" ")[0] + "  " + text);
            }
        }
        assertThat(actual).isEqualTo(expected);
    }

    /** An expectation is used up by its first packet, whatever a rule makes of it. */
    @Test
    void aRuleThatDropsTheFirstPacket() {
        for (boolean linux : new boolean[] {true, false}) {
            boolean[] closed = {true};
            GatewayRules rules =
                    new GatewayRules(21).block(f -> closed[0] && GatewayRules.to(f, 50_000));
            try (Rig rig = new Rig(rules, Settings.DEFAULTS, 42, linux)) {
                rig.login(Rig.CLIENT, 41_022, Rig.SERVER).c("PASV").s("227 (203,0,113,10,195,80)");
                Packets syn = Packets.tcp(Rig.CLIENT, 41_023, Rig.SERVER, 50_000).flags("S");
                assertThat(rig.judge(syn)).isEqualTo("drop related blocked");
                closed[0] = false;
                assertThat(rig.judge(syn))
                        .isEqualTo(linux ? "drop new policy" : "accept related pinhole");
            }
        }
    }
}
