package io.pinhole.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.channels.Channels;
import org.junit.jupiter.api.Test;

class WindowTest {
    private static Window over(byte[] bytes) {
        return Window.streamed(Channels.newChannel(new ByteArrayInputStream(bytes)));
    }

    @Test
    void memoryFollowsTheBytesThatArriveAndNotTheLengthClaimed() {
        try (Window window = over(new byte[300_000])) {
            assertThat(window.has(128 << 20)).isFalse();
            assertThat(window.available()).isEqualTo(300_000);
            assertThat(window.segment().byteSize()).isLessThanOrEqualTo(2 * 300_000);
        }
    }

    @Test
    void bufferIsReusedForAnyLengthOfInput() {
        byte[] bytes = new byte[3_000_000];
        bytes[2_999_999] = 7;
        try (Window window = over(bytes)) {
            long capacity = window.segment().byteSize();
            for (int i = 0; i < 2999; i++) {
                assertThat(window.has(1000)).isTrue();
                window.advance(1000);
            }
            assertThat(window.offset()).isEqualTo(2_999_000);
            assertThat(window.skip(999)).isTrue();
            assertThat(window.has(1)).isTrue();
            assertThat(window.segment().get(Window.I8, window.at())).isEqualTo((byte) 7);
            assertThat(window.segment().byteSize()).isEqualTo(capacity);
            assertThat(window.skip(2)).isFalse();
            assertThat(window.offset()).isEqualTo(3_000_000);
        }
    }
}
