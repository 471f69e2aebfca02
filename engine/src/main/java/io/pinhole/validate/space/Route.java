package io.pinhole.validate.space;

import io.pinhole.core.Hook;
import java.util.List;

/** The hooks that a packet meets, one after the other. */
public enum Route {
    FORWARD(Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING),
    INPUT(Hook.PREROUTING, Hook.INPUT),
    OUTPUT(Hook.OUTPUT, Hook.POSTROUTING);

    private final List<Hook> hooks;

    Route(Hook... hooks) {
        this.hooks = List.of(hooks);
    }

    public List<Hook> hooks() {
        return hooks;
    }

    /** The hook that has the route's name. */
    public Hook main() {
        return switch (this) {
            case FORWARD -> Hook.FORWARD;
            case INPUT -> Hook.INPUT;
            case OUTPUT -> Hook.OUTPUT;
        };
    }
}
