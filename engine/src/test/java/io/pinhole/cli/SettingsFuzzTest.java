package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.cli.SettingType.Choice;
import io.pinhole.cli.SettingType.Flag;
import io.pinhole.cli.SettingType.Item;
import io.pinhole.cli.SettingType.ListOf;
import io.pinhole.cli.SettingType.Quantity;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Seeded settings and seeded nonsense; See {@link Seeds}. */
class SettingsFuzzTest {
    private static final long SEED = Seeds.seed();

    private static final String[] PIECES = {
        "\n",
        "  ",
        "\t",
        ":",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        "\"",
        "#",
        " #",
        "&a ",
        "*a",
        "!!str ",
        "!",
        "|",
        ">",
        "|\n",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "? ",
        "<<: ",
        "~",
        "\0",
        "\u001b[2J",
        "\ufeff",
        "\u0085",
        "\u2028",
        "\ufffe",
        "😀",
        "\\",
        "\\u",
        "\r",
        "null",
        "-1",
        "99999999999",
        "5d",
        "64k",
        "on",
        "0x10",
        "1e9",
        ".inf",
        "timeouts:",
        "helpers:",
        "helper:",
        "ftp-x:",
        "  strict: on\n",
        "=",
        "@",
        "`",
        "::1",
        "1-2"
    };

    @TempDir Path folder;

    @Test
    void whatConfigPrintsReadsToTheSameSettings() throws Exception {
        Random random = new Random(SEED);
        for (int i = 0; i < 300; i++) {
            List<String> sets = someSets(random);
            SettingsInForce first = SettingsLoader.load(folder.resolve("none.yaml"), false, sets);
            Path file = folder.resolve("f.yaml");
            Files.write(file, ConfigCommand.yaml(first));
            SettingsInForce second = SettingsLoader.load(file, true, List.of());

            assertThat(second.settings()).as("seed %d, %s", SEED, sets).isEqualTo(first.settings());
        }
    }

    @Test
    void nonsenseIsRefusedOrReadButNeverThrown() throws Exception {
        Random random = new Random(SEED);
        Path file = folder.resolve("f.yaml");
        int refused = 0;
        int read = 0;
        for (int i = 0; i < 6_000; i++) {
            List<String> sets = someSets(random);
            SettingsInForce inForce = SettingsLoader.load(folder.resolve("none.yaml"), false, sets);
            String yaml = String.join("\n", ConfigCommand.yaml(inForce));
            byte[] bytes = mutated(yaml, random, 1 + random.nextInt(i % 2 == 0 ? 3 : 30));
            Files.write(file, bytes);
            String set = new String(mutated(sets.getFirst(), random, 2), StandardCharsets.UTF_8);
            try {
                SettingsLoader.load(file, true, List.of(set));
                read++;
            } catch (SettingsException e) {
                refused++;
                assertThat(e.problems()).isNotEmpty();
                assertThat(e.problems())
                        .as("seed %d, round %d", SEED, i)
                        .allMatch(line -> line.chars().noneMatch(Character::isISOControl))
                        .allMatch(line -> line.startsWith(file + ":") || line.startsWith("--set "))
                        .allMatch(line -> line.length() < 500);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + SEED + ", round " + i + ":\n" + yaml, e);
            }
        }
        assertThat(List.of(refused, read)).as("seed " + SEED).allMatch(n -> n > 10);
    }

    private static byte[] mutated(String text, Random random, int times) {
        StringBuilder out = new StringBuilder(text);
        for (int i = 0; i < times; i++) {
            int at = random.nextInt(out.length() + 1);
            int end = Math.min(out.length(), at + random.nextInt(12));
            switch (random.nextInt(5)) {
                case 0 -> out.delete(at, end);
                case 1 -> out.insert(random.nextInt(out.length() + 1), out.substring(at, end));
                case 2 -> out.setLength(random.nextInt(8) == 0 ? at : out.length());
                default -> out.insert(at, PIECES[random.nextInt(PIECES.length)]);
            }
        }
        byte[] bytes = out.toString().getBytes(StandardCharsets.UTF_8);
        if (bytes.length > 0 && random.nextInt(20) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    private static List<String> someSets(Random random) {
        List<String> sets = new ArrayList<>();
        for (int i = random.nextInt(8); i >= 0; i--) {
            Setting setting = SettingsTable.ALL.get(random.nextInt(SettingsTable.ALL.size()));
            String value = someValue(setting.type(), random);
            sets.add(setting.key() + "=" + value);
            if (setting.section().equals("helper")) {
                String[] names = {"ftp", "on", "null", "ftp.x", "_a/b", "a-1", ".5", "true"};
                String name = names[random.nextInt(names.length)];
                sets.add("helpers." + name + "." + setting.name() + "=" + value);
            }
        }
        return sets;
    }

    private static String someValue(SettingType type, Random random) {
        return switch (type) {
            case Quantity q -> {
                // Small, large and round numbers, so that every unit is written.
                int unit = new int[] {1, 60, 3_600, 86_400, 1 << 10, 1 << 20}[random.nextInt(6)];
                int value = random.nextInt(1, 100) * unit;
                yield "" + Math.clamp(value, q.min(), q.max());
            }
            case Flag _ -> random.nextBoolean() ? "yes" : "false";
            case Choice c -> c.words().get(random.nextInt(c.words().size())).text();
            case ListOf list -> {
                List<String> items = new ArrayList<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    items.add(someItem(list.item(), random));
                }
                yield String.join(",", items);
            }
        };
    }

    private static String someItem(Item item, Random random) {
        if (item == Item.PORTS) {
            int first = random.nextInt(1, 65_536);
            return random.nextBoolean() ? "" + first : first + "-" + random.nextInt(first, 65_536);
        }
        String[] addresses = {"::", "::1", "2001:db8::", "fe80::1:2", "192.0.2.7", "0.0.0.0"};
        return addresses[random.nextInt(addresses.length)];
    }
}
