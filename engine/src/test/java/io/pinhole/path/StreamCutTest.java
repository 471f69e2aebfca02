package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every dialogue and every attack as packets: whole, byte by byte, cut inside each line, and in
 * random pieces, some twice, out of order. What is told of pinholes, alerts and sessions is the
 * same.
 */
class StreamCutTest {
    private static final Path ATTACKS = Path.of("../pcap-samples/attacks");
    private static final int ROUNDS = 3;

    /** Limits that nothing here meets: large tables would take most of the time. */
    private static final Settings SMALL = small();

    private static Settings small() {
        Settings d = Settings.DEFAULTS;
        Settings.Limits l = d.limits();
        return new Settings(
                d.timeouts(),
                new Settings.Limits(
                        1_024,
                        64,
                        64,
                        l.expectationsPerParent(),
                        l.expectationsPerClient(),
                        l.reassemblyBytes(),
                        l.lineBytes(),
                        l.pipeline(),
                        l.fragmentBytes(),
                        l.fragmentDatagrams()),
                d.tcp(),
                d.helper(),
                d.helpers());
    }

    /** Longer lines would be more pieces out of order than are held. */
    private static final int LONGEST_SHUFFLED = 1_500;

    static List<AttackScript> scripts() throws IOException {
        List<AttackScript> all = new ArrayList<>();
        for (String file : List.of("legitimate", "odd-forms", "attacks", "pairing", "tls")) {
            all.addAll(dialogues(file));
        }
        try (Stream<Path> files = Files.list(ATTACKS)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".txt")).sorted().toList()) {
                AttackScript attack = AttackScript.read(file);
                // The rules of this test are the default ones.
                if (attack.headers("rules").isEmpty() && attack.headers("set").isEmpty()) {
                    all.add(attack);
                }
            }
        }
        return all;
    }

    /** The dialogues of {@code resources/io/pinhole/ftp} that need no settings and no gaps. */
    private static List<AttackScript> dialogues(String file) throws IOException {
        List<AttackScript> all = new ArrayList<>();
        try (InputStream in =
                StreamCutTest.class.getResourceAsStream("/io/pinhole/ftp/" + file + ".txt")) {
            String text =
                    new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
            for (String part : text.split("(^|\n)=== ")) {
                List<String> lines = part.lines().skip(1).toList();
                if (lines.stream().anyMatch(l -> l.startsWith("gap:") || l.startsWith("set:"))) {
                    continue;
                }
                List<String> script = new ArrayList<>();
                script.add("client:41022 > server:21 open");
                lines.stream()
                        .filter(l -> l.matches("[CS][:~].*"))
                        .map(l -> l.replaceAll("\\\\\\{(\\d+) _\\}", "\\\\{$1  }"))
                        .forEach(script::add);
                if (script.size() > 1) {
                    all.add(
                            AttackScript.of(
                                    file + ": " + part.lines().findFirst().orElse(""), script));
                }
            }
        }
        return all;
    }

    private static List<String> told(AttackScript script, AttackScript.Cut cut, long seed) {
        try (Rig rig = new Rig(new GatewayRules(21), SMALL)) {
            for (AttackScript.Frame frame : script.frames(cut, seed)) {
                rig.frame(frame);
            }
            return rig.finish();
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scripts")
    void theCutDoesNotMatter(AttackScript script) {
        List<String> whole = told(script, AttackScript.Cut.AS_WRITTEN, 1);
        assertThat(whole).anyMatch(line -> line.startsWith("control"));
        for (AttackScript.Cut cut :
                List.of(
                        AttackScript.Cut.WHOLE,
                        AttackScript.Cut.INSIDE_LINES,
                        AttackScript.Cut.BYTES)) {
            assertThat(told(script, cut, 1)).as(cut.name()).isEqualTo(whole);
        }
        if (script.longest() > LONGEST_SHUFFLED) {
            return;
        }
        for (int round = 0; round < ROUNDS; round++) {
            long seed = Seeds.seed() + round;
            assertThat(told(script, AttackScript.Cut.SHUFFLED, seed))
                    .as("seed %d", seed)
                    .isEqualTo(whole);
        }
    }
}
