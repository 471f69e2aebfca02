package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.ftp.Announcement;
import io.pinhole.ftp.ControlDialogue;
import io.pinhole.ftp.DialogueListener;
import io.pinhole.ftp.Side;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Any bytes as a dialogue. Under the default policy nothing opens but an unprivileged port of the
 * client or of the server, and however the bytes are cut, the same is told.
 */
class ControlDialogueFuzzTest {
    private static final IpAddress CLIENT = address("198.51.100.10");
    private static final IpAddress SERVER = address("203.0.113.20");

    private static IpAddress address(String text) {
        return Objects.requireNonNull(IpAddress.parse(text));
    }

    @FuzzTest(maxDuration = "60s")
    void reads(byte[] data) {
        fuzzerTestOneInput(data);
    }

    /** {@code ^}: from here on the other side speaks; {@code ~}: a gap on this side. */
    public static void fuzzerTestOneInput(byte[] data) {
        List<String> whole = play(data, Integer.MAX_VALUE);
        assertThat(play(data, 1)).isEqualTo(whole);
    }

    private static List<String> play(byte[] data, int most) {
        Recorder recorder = new Recorder();
        Settings.Limits d = Settings.Limits.DEFAULTS;
        Settings.Limits small =
                new Settings.Limits(
                        d.flows(),
                        d.controls(),
                        d.expectations(),
                        d.expectationsPerParent(),
                        d.expectationsPerClient(),
                        d.reassemblyBytes(),
                        512,
                        8,
                        d.fragmentBytes(),
                        d.fragmentDatagrams());
        ControlDialogue dialogue =
                new ControlDialogue(CLIENT, SERVER, HelperPolicy.DEFAULTS, small, recorder);
        Side side = Side.CLIENT;
        int from = 0;
        MemorySegment bytes = MemorySegment.ofArray(data);
        for (int i = 0; i <= data.length; i++) {
            if (i < data.length && data[i] != '^' && data[i] != '~') {
                continue;
            }
            for (int at = from; at < i; ) {
                int n = Math.min(most, i - at);
                dialogue.feed(side, bytes, at, n, from);
                at += n;
            }
            from = i + 1;
            if (i < data.length) {
                if (data[i] == '^') {
                    side = side.other();
                } else {
                    dialogue.gap(side, Anomaly.STREAM_GAP, i);
                }
            }
        }
        recorder.told.add(dialogue.user() + " " + dialogue.commands() + dialogue.isOpaque());
        return recorder.told;
    }

    private static final class Recorder implements DialogueListener {
        final List<String> told = new ArrayList<>();

        @Override
        public void announced(Announcement a) {
            told.add("announced " + a.text());
        }

        @Override
        public void open(Announcement a) {
            assertThat(a.port()).isBetween(1024, 65_535);
            assertThat(a.target()).isEqualTo(a.mode().serverConnects() ? CLIENT : SERVER);
            told.add("open " + a.text());
        }

        @Override
        public void refused(Announcement a, Anomaly why, String detail) {
            told.add("refused " + a.text() + why);
            assertThat(detail.length()).isLessThan(400);
        }

        @Override
        public void transfer(Announcement a, String command, String file, long position) {
            told.add("transfer " + command + file);
        }

        @Override
        public void transferEnded(Announcement a, int code, long position) {
            told.add("ended " + code);
        }

        @Override
        public void anomaly(Anomaly kind, long position, String detail) {
            told.add("anomaly " + kind);
        }

        @Override
        public void closing(long position) {
            told.add("closing");
        }

        @Override
        public void encrypted(long position) {
            told.add("encrypted");
        }

        @Override
        public void cleartext(long position) {
            told.add("cleartext");
        }
    }
}
