package io.pinhole.rule.nft;

import io.pinhole.core.IpAddress;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import org.jspecify.annotations.Nullable;

/**
 * One token.
 *
 * @param text as written, strings without their quotes
 * @param number value of NUMBER, bits of MAC, milliseconds of TIME
 * @param address only for ADDRESS
 */
record Token(Kind kind, String text, long number, @Nullable IpAddress address, Span at) {
    enum Kind {
        WORD,
        STRING,
        NUMBER,
        ADDRESS,
        MAC,
        TIME,
        SYMBOL,
        /** End of line, or a semicolon. */
        SEPARATOR,
        END
    }

    boolean is(String symbolOrWord) {
        return (kind == Kind.SYMBOL || kind == Kind.WORD) && text.equals(symbolOrWord);
    }

    boolean endsStatement() {
        return kind == Kind.SEPARATOR || kind == Kind.END;
    }

    /** For "expected …, found …". */
    String found() {
        return switch (kind) {
            case END -> "end of file";
            case SEPARATOR -> text.equals(";") ? "';'" : "end of line";
            case STRING -> '"' + shortened() + '"';
            default -> "'" + shortened() + "'";
        };
    }

    private String shortened() {
        String clean = SourceText.printable(text);
        return clean.length() <= 60 ? clean : clean.substring(0, 60) + "…";
    }
}
