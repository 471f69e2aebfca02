package io.pinhole.validate.scenario;

import java.io.IOException;

/** Brings the files that scenarios name. */
public interface ScenarioFiles {
    /** Refuses every file. */
    ScenarioFiles NONE =
            (from, name) -> {
                throw new IOException("includes are not available here");
            };

    /** A file's name, as messages show it, and its bytes. */
    record Content(String name, Bytes utf8) {}

    /**
     * The file that {@code include "NAME"} in {@code fromFile} names; relative names start at the
     * folder of that file.
     *
     * @throws IOException its message is shown under the include
     */
    Content include(String fromFile, String name) throws IOException;
}
