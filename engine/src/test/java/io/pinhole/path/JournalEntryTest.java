package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JournalEntryTest {
    private static final FlowKey KEY =
            FlowKey.tcp(
                    IpAddress.parse("2001:db8:1::7"), 41022, IpAddress.parse("2001:db8:2::10"), 21);

    static Stream<JournalEntry> entries() {
        return Stream.of(
                new JournalEntry.Begin("pinhole 1", "my rules.nft"),
                new JournalEntry.Reload("rules.nft", "table ip t {\n}\n"),
                new JournalEntry.TakeOver(KEY, true, "eth0", ""),
                new JournalEntry.TakeOver(KEY, false, "", "eth1"),
                new JournalEntry.Offload(KEY),
                new JournalEntry.Recall(KEY),
                new JournalEntry.Remove(KEY.reversed()),
                new JournalEntry.ClosePinhole(KEY.source(), KEY.destination(), 50000),
                new JournalEntry.OutOfWindow(),
                new JournalEntry.Gap(17));
    }

    @ParameterizedTest
    @MethodSource("entries")
    void readsWhatItWrites(JournalEntry entry) {
        assertThat(JournalEntry.parse(entry.text())).isEqualTo(entry);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "offload",
                "offload 6 1.2.3.4 1 2.3.4.5",
                "offload 6 1.2.3.4 1 2.3.4.5 65536",
                "offload 256 1.2.3.4 1 2.3.4.5 1",
                "offload 6 1.2.3.4 1 ::1 1",
                "offload 6 1.2.3.4 -1 2.3.4.5 1",
                "offload 6 1.2.3.4 1 2.3.4.5 1 more",
                "take-over 6 1.2.3.4 1 2.3.4.5 1 seen",
                "gap 1e9",
                "gap 99999999999999999999999",
                "close-pinhole 1.2.3.4 2.3.4.5 x",
                "launch missiles"
            })
    void takesNothingElse(String text) {
        assertThat(JournalEntry.parse(text)).isNull();
    }
}
