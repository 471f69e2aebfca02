package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import org.junit.jupiter.api.Test;

class HandshakesTest {
    private static final int SHARDS = 16;
    private static final RuleOrigin RULE = new RuleOrigin("r", "");

    /** A shard's ring is a sixteenth; serial numbers go on. */
    @Test
    void copiesFromAnotherRingHoweverManyCameBefore() {
        Handshakes from = new Handshakes(65_536, SHARDS);
        Handshakes to = new Handshakes(65_536, SHARDS);
        int serial = 0;
        for (int i = 0; i < 5_000; i++) {
            serial = from.begin(i, 7L * i, Verdict.ACCEPT, RULE);
        }
        from.client(serial, 1234, true);
        int copy = to.copy(from, serial);
        assertThat(to.position(copy)).isEqualTo(4_999);
        assertThat(to.sequence(copy, true)).isEqualTo(1234);
        assertThat(to.checksumUnknown(copy, true)).isTrue();
        assertThat(to.sawSyn(copy, false)).isFalse();
    }
}
