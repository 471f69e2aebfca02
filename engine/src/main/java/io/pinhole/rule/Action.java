package io.pinhole.rule;

/** A verdict as a rule or a verdict map states it. */
public sealed interface Action {
    record Accept() implements Action {}

    record Drop() implements Action {}

    record Return() implements Action {}

    record Continue() implements Action {}

    record Jump(String chain, SourcePos at) implements Action {}

    record Goto(String chain, SourcePos at) implements Action {}

    /** As nft writes it. */
    default String text() {
        return switch (this) {
            case Accept() -> "accept";
            case Drop() -> "drop";
            case Return() -> "return";
            case Continue() -> "continue";
            case Jump(String chain, SourcePos at) -> "jump " + chain;
            case Goto(String chain, SourcePos at) -> "goto " + chain;
        };
    }

    /** True if nothing after it in the same rule can run. */
    default boolean isTerminal() {
        return !(this instanceof Continue);
    }
}
