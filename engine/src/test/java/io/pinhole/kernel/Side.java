package io.pinhole.kernel;

/** The two sides of the gateway; named as its interfaces are. */
enum Side {
    LEFT,
    RIGHT;

    Side other() {
        return this == LEFT ? RIGHT : LEFT;
    }

    /** The gateway's interface to this side. */
    String device() {
        return this == LEFT ? "left" : "right";
    }
}
