package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.path.JournalEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotTest {
    private static final long NOW = 1_700_000_000_000L;
    private static final JournalEntry.TakeOver ONE =
            new JournalEntry.TakeOver(
                    FlowKey.tcp(
                            IpAddress.parse("198.51.100.7"),
                            41022,
                            IpAddress.parse("203.0.113.10"),
                            21),
                    false,
                    "",
                    "");

    @TempDir private Path folder;

    @Test
    void survivesARestartButNotALongOne() throws Exception {
        Path file = folder.resolve("flows");
        assertThat(Snapshot.read(file, NOW)).isEmpty();
        Snapshot.write(file, List.of(ONE, ONE), NOW);
        assertThat(Snapshot.read(file, NOW + 60_000)).containsExactly(ONE, ONE);
        assertThat(Snapshot.read(file, NOW + 20 * 60_000)).as("too old").isEmpty();
        assertThat(Snapshot.read(file, NOW - 1)).as("from the future").isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "something else",
                "pinhole-snapshot 1 x",
                "pinhole-snapshot 1 1700000000000\noffload 6 1.2.3.4 1 2.3.4.5 1",
                "pinhole-snapshot 1 1700000000000\nrubbish"
            })
    void namesTheLineOfWhatIsNone(String text) throws Exception {
        Path file = Files.writeString(folder.resolve("bad"), text);
        assertThatThrownBy(() -> Snapshot.read(file, NOW))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("bad:");
    }
}
