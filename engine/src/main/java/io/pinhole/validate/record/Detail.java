package io.pinhole.validate.record;

/** How closely a scenario follows its capture. */
public enum Detail {
    /** Dialogues and transfers as lines; what only acknowledges is left out. */
    DIALOGUE("dialogues and transfers"),
    /** Every packet as a line with its numbers. */
    PACKETS("every packet"),
    /** Every frame byte for byte, at its time. */
    FRAMES("every frame, byte for byte");

    private final String text;

    Detail(String text) {
        this.text = text;
    }

    /** In words. */
    public String text() {
        return text;
    }
}
