package io.pinhole.validate.run;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A line does not hold; ends the test. */
final class StepFailure extends Exception {
    private static final long serialVersionUID = 1L;

    final transient @Nullable Judged packet;
    final transient List<String> walk;
    final transient List<String> details;

    StepFailure(String message) {
        this(message, null, List.of());
    }

    StepFailure(String message, @Nullable Judged packet) {
        this(message, packet, List.of());
    }

    StepFailure(String message, @Nullable Judged packet, List<String> details) {
        this(message, packet, List.of(), details);
    }

    /**
     * @param walk of the packet, where it is known already
     */
    StepFailure(String message, @Nullable Judged packet, List<String> walk, List<String> details) {
        super(message, null, false, false);
        this.packet = packet;
        this.walk = List.copyOf(walk);
        this.details = List.copyOf(details);
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
