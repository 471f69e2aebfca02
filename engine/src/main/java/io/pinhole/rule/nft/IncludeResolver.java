package io.pinhole.rule.nft;

import java.io.IOException;
import java.util.List;

/** Brings the files that {@code include} names. */
public interface IncludeResolver {
    /** Refuses every include. */
    IncludeResolver NONE =
            (from, pattern) -> {
                throw new IOException("includes are not available here");
            };

    /**
     * The files that {@code include "PATTERN"} in {@code fromFile} names, in the order in which
     * they are read (nft sorts the matches of a glob). Empty where a pattern with {@code *}, {@code
     * ?} or {@code [} matches nothing.
     *
     * @param fromFile name of the including file, as this resolver or the caller gave it
     * @throws IOException if a file cannot be read; its message is shown under the include
     */
    List<Included> resolve(String fromFile, String pattern) throws IOException;

    /** One file. */
    final class Included {
        private final String name;
        private final byte[] utf8;

        /**
         * @param name for messages, and to notice loops: one name for one file
         * @param utf8 its bytes, not copied
         */
        public Included(String name, byte[] utf8) {
            this.name = name;
            this.utf8 = utf8;
        }

        String name() {
            return name;
        }

        byte[] utf8() {
            return utf8;
        }
    }
}
