package io.pinhole.rule;

/** Kinds of named objects. Each kind has its own name space in a table. */
public enum ObjectKind {
    COUNTER("counter"),
    QUOTA("quota"),
    LIMIT("limit"),
    HELPER("ct helper"),
    TIMEOUT("ct timeout"),
    EXPECTATION("ct expectation");

    private final String label;

    ObjectKind(String label) {
        this.label = label;
    }

    /** As nft writes it. */
    public String label() {
        return label;
    }
}
