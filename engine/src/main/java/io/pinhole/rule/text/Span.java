package io.pinhole.rule.text;

import io.pinhole.rule.SourcePos;

/** A piece of text on one line. */
public record Span(SourceText source, int offset, int line, int column, int width) {
    public SourcePos pos() {
        return new SourcePos(source.name, line, column);
    }

    public Fault fault(String message) {
        return new Fault(this, message);
    }
}
