package io.pinhole.benchmarks;

import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;

/** Rule sets to measure with, by name. */
final class Rules {
    private Rules() {}

    /**
     * @param name {@code accept-all}, {@code office} (beside this class), or a bundled set
     */
    static RuleProgram load(String name) {
        if (name.equals("accept-all")) {
            return new AcceptAll();
        }
        String file = name + ".nft";
        String folder = name.equals("office") ? "" : "/io/pinhole/rules/";
        byte[] text;
        try (InputStream in = Rules.class.getResourceAsStream(folder + file)) {
            if (in == null) {
                throw new IllegalArgumentException("no rule set " + name);
            }
            text = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return switch (NftReader.read(file, text, Map.of(), (from, pattern) -> List.of())) {
            case ReadResult.Loaded loaded -> loaded.rules().compile();
            case ReadResult.Refused refused -> throw new IllegalStateException(refused.format());
        };
    }
}
