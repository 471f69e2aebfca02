package io.pinhole.validate.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** docs/check.md lists what is looked for, with the severity it has. */
class CheckDocsTest {
    @ParameterizedTest
    @EnumSource
    void isInTheTable(Problem problem) throws Exception {
        String page = Files.readString(Path.of("../docs/check.md"));
        assertThat(page)
                .contains("| `" + problem.label() + "` | " + problem.severity().label() + " | ");
    }
}
