package io.pinhole.rule.nft;

import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Span;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@code nft -f} reads. Never throws for what a file holds: every fault becomes an error
 * with its place, and time and memory are bounded by the limits below.
 */
public final class NftReader {
    /** Errors reported in one run. */
    public static final int MAX_ERRORS = Errors.MAX;

    /** Characters of one file, and of all files together. */
    public static final int MAX_TEXT = 64 << 20;

    /** Files included from files included … (nft's own limit). */
    public static final int MAX_INCLUDE_DEPTH = 16;

    /** Files in all. */
    public static final int MAX_FILES = 1000;

    private NftReader() {}

    /**
     * Reads a rule set.
     *
     * @param name for messages and origins; may hold directories
     * @param defines {@code -D NAME=VALUE}: each replaces the definition of that name, or gives a
     *     name that the text uses and does not define; any other is an error
     */
    public static ReadResult read(
            String name, String text, Map<String, String> defines, IncludeResolver includes) {
        if (text.length() > MAX_TEXT) {
            return refused(name, "rule file is longer than " + (MAX_TEXT >> 20) + " MiB");
        }
        return new FileParser(name, text, defines, includes).read();
    }

    /** The same from bytes, which must be UTF-8. */
    public static ReadResult read(
            String name, byte[] utf8, Map<String, String> defines, IncludeResolver includes) {
        if (utf8.length > MAX_TEXT) {
            return refused(name, "rule file is longer than " + (MAX_TEXT >> 20) + " MiB");
        }
        Decoded decoded = decode(utf8);
        if (decoded.badAt() >= 0) {
            SourceText source = new SourceText(name, decoded.text());
            return new ReadResult.Refused(
                    List.of(source.error(decoded.end(source), "not UTF-8 text")));
        }
        return read(name, decoded.text(), defines, includes);
    }

    /** Bytes as text; null if they are not UTF-8. */
    public static @Nullable String text(byte[] utf8) {
        Decoded decoded = decode(utf8);
        return decoded.badAt() >= 0 ? null : decoded.text();
    }

    private static ReadResult refused(String name, String why) {
        return new ReadResult.Refused(List.of(new RuleError(name, 0, 0, why, "")));
    }

    /**
     * Bytes as text.
     *
     * @param badAt offset of the first byte that is not UTF-8, or -1; the text ends before it
     */
    record Decoded(String text, int badAt) {
        /** Where the text ends. */
        Span end(SourceText source) {
            int line = 1;
            int start = 0;
            for (int i = 0; i < text.length(); i++) {
                if (text.charAt(i) == '\n') {
                    line++;
                    start = i + 1;
                }
            }
            return new Span(source, text.length(), line, text.length() - start + 1, 1);
        }
    }

    static Decoded decode(byte[] utf8) {
        CharsetDecoder decoder =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(utf8);
        CharBuffer out = CharBuffer.allocate(utf8.length);
        CoderResult result = decoder.decode(in, out, true);
        out.flip();
        return new Decoded(out.toString(), result.isError() ? in.position() : -1);
    }

    /** The rule set without the directories of its file's name. */
    static RuleSet named(String name, List<io.pinhole.rule.Table> tables) {
        return new RuleSet(name.substring(name.lastIndexOf('/') + 1), tables);
    }
}
