package io.pinhole.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.cli.SettingType.Quantity;
import io.pinhole.core.Settings;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The table against the records it stands for and the page that describes it. */
class SettingsTableTest {
    private static final List<Setting> SETTINGS = SettingsTable.ALL;

    private static final Path PAGE = Path.of("..", "docs", "settings.md");

    @TempDir Path folder;

    @Test
    void everyComponentHasOneRow() {
        List<String> components = new ArrayList<>();
        for (RecordComponent section : Settings.class.getRecordComponents()) {
            if (section.getName().equals("helpers")) continue;
            for (RecordComponent component : section.getType().getRecordComponents()) {
                components.add(section.getName() + "." + component.getName());
            }
        }
        assertThat(SETTINGS)
                .extracting(setting -> setting.section() + "." + setting.component())
                .containsExactlyElementsOf(components);
    }

    @ParameterizedTest
    @FieldSource("SETTINGS")
    void theDefaultIsAllowedAndReadAsWritten(Setting setting) {
        Object value = setting.in(section(Settings.DEFAULTS, setting));
        assertThat(setting.type().read(setting.type().write(value))).isEqualTo(value);
    }

    @ParameterizedTest
    @FieldSource("SETTINGS")
    void setChangesThisKeyAndNoOther(Setting setting) throws Exception {
        String other = otherThanDefault(setting);
        Path none = folder.resolve("none.yaml");
        String yaml = setting.section() + ":\n  " + setting.name() + ": " + other + "\n";
        Path file = Files.writeString(folder.resolve("f.yaml"), yaml);
        Settings bySet =
                SettingsLoader.load(none, false, List.of(setting.key() + "=" + other)).settings();
        Settings byFile = SettingsLoader.load(file, true, List.of()).settings();

        assertThat(byFile).isEqualTo(bySet);
        for (Setting s : SETTINGS) {
            Object expected =
                    s == setting ? setting.type().read(other) : s.in(section(Settings.DEFAULTS, s));
            assertThat(s.in(section(bySet, s))).as(s.key()).isEqualTo(expected);
        }
        assertThat(bySet.helpers()).isEmpty();
    }

    @ParameterizedTest
    @FieldSource("SETTINGS")
    void everyHelperKeyCanBeSetForOneObject(Setting setting) throws Exception {
        if (!setting.section().equals("helper")) return;
        String other = otherThanDefault(setting);
        String set = "helpers.ftp-x." + setting.name() + "=" + other;
        Settings settings =
                SettingsLoader.load(folder.resolve("none.yaml"), false, List.of(set)).settings();

        assertThat(settings.helper()).isEqualTo(Settings.DEFAULTS.helper());
        assertThat(setting.in(settings.helper("ftp-x"))).isEqualTo(setting.type().read(other));
        assertThat(setting.with(settings.helper("ftp-x"), setting.in(settings.helper())))
                .isEqualTo(settings.helper());
    }

    @ParameterizedTest
    @FieldSource("SETTINGS")
    void aRangeIncludesItsEndsAndNothingBeyond(Setting setting) {
        if (!(setting.type() instanceof Quantity range)) return;
        assertThat(range.read("" + range.min())).isEqualTo(range.min());
        assertThat(range.read("" + range.max())).isEqualTo(range.max());
        assertThat(range.read("" + (range.min() - 1L))).isNull();
        assertThat(range.read("" + (range.max() + 1L))).isNull();
        assertThat(range.read("" + Long.MAX_VALUE)).isNull();
    }

    @Test
    void thePageListsWhatTheTableHolds() throws Exception {
        String page = Files.readString(PAGE);
        for (String section : SettingsTable.SECTIONS) {
            assertThat(page).as("docs/settings.md, section " + section).contains(table(section));
        }
        long rows = page.lines().filter(line -> line.startsWith("| `")).count();
        assertThat(rows).as("rows of docs/settings.md").isEqualTo(SETTINGS.size());
    }

    /** The examples of the page are read as they stand there. */
    @Test
    void theFilesOnThePageAreAllowed() throws Exception {
        String[] parts = Files.readString(PAGE).split("```yaml\n");
        assertThat(parts).hasSizeGreaterThan(1);
        for (String part : Arrays.asList(parts).subList(1, parts.length)) {
            String yaml = part.substring(0, part.indexOf("```"));
            Path file = Files.writeString(folder.resolve("page.yaml"), yaml);
            assertThat(SettingsLoader.load(file, true, List.of()).settings())
                    .isNotEqualTo(Settings.DEFAULTS);
        }
    }

    private static String table(String section) {
        return SETTINGS.stream()
                .filter(setting -> setting.section().equals(section))
                .map(
                        setting ->
                                "| `"
                                        + setting.name()
                                        + "` | "
                                        + setting.type()
                                                .write(
                                                        setting.in(
                                                                section(
                                                                        Settings.DEFAULTS,
                                                                        setting)))
                                        + " | "
                                        + setting.type().what().replaceAll(" \\([^)]*\\)", "")
                                        + " | "
                                        + setting.about()
                                        + " |\n")
                .collect(
                        Collectors.joining(
                                "",
                                "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n",
                                ""));
    }

    private static Record section(Settings settings, Setting setting) {
        return (Record) Setting.get(settings, setting.section());
    }

    /** A value every reader takes, found without knowing the key. */
    static String otherThanDefault(Setting setting) {
        Object value = setting.in(section(Settings.DEFAULTS, setting));
        return switch (setting.type()) {
            case Quantity range -> range.write((Integer) value == range.max() ? 1 : range.max());
            case SettingType.Flag flag -> flag.write(!(Boolean) value);
            case SettingType.Choice choice ->
                    choice.words().stream()
                            .filter(word -> word.value() != value)
                            .findFirst()
                            .orElseThrow()
                            .text();
            case SettingType.ListOf list ->
                    list.item() == SettingType.Item.ADDRESS
                            ? "[192.0.2.1, 198.51.100.2]"
                            : "[22, 6000-6063]";
        };
    }
}
