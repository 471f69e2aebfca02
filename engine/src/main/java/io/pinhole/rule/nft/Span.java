package io.pinhole.rule.nft;

import io.pinhole.rule.SourcePos;

/** A piece of text on one line. */
record Span(SourceText source, int offset, int line, int column, int width) {
    SourcePos pos() {
        return new SourcePos(source.name, line, column);
    }

    Fault fault(String message) {
        return new Fault(this, message);
    }
}
