package io.pinhole.rule.read;

import io.pinhole.rule.RuleError;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.iptables.IpSets;
import io.pinhole.rule.iptables.IptablesReader;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftJsonReader;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads a rule file of any of the languages. */
public final class RuleReader {
    private RuleReader() {}

    /** One file. */
    public static final class Source {
        private final String name;
        private final byte[] bytes;

        /**
         * @param name for messages; may hold directories
         * @param bytes not copied
         */
        public Source(String name, byte[] bytes) {
            this.name = name;
            this.bytes = bytes;
        }
    }

    /**
     * What the rules refer to beyond their own file.
     *
     * @param defines {@code -D NAME=VALUE}, for nft text
     * @param includes for nft text
     * @param ipsets for iptables
     */
    public record Context(Map<String, String> defines, IncludeResolver includes, IpSets ipsets) {
        public Context {
            defines = Map.copyOf(defines);
        }
    }

    /** Reads files that are in force together, such as those of iptables and ip6tables. */
    public static ReadResult read(List<Source> files, Context context) {
        List<RuleError> errors = new ArrayList<>(context.ipsets().errors());
        List<RuleSet> sets = new ArrayList<>();
        for (Source file : files) {
            switch (read(file, context)) {
                case ReadResult.Loaded(RuleSet rules) -> sets.add(rules);
                case ReadResult.Refused refused -> errors.addAll(refused.errors());
            }
        }
        if (errors.isEmpty() && sets.size() > 1) {
            errors.addAll(RuleSet.conflicts(sets));
        }
        return errors.isEmpty()
                ? new ReadResult.Loaded(sets.size() == 1 ? sets.getFirst() : RuleSet.joined(sets))
                : new ReadResult.Refused(errors);
    }

    private static ReadResult read(Source file, Context context) {
        RuleFormat format = RuleFormat.of(file.bytes);
        if (format != RuleFormat.NFT && !context.defines().isEmpty()) {
            String why = "it has no defines to replace: -D and --ftp-port are for nft text";
            return new ReadResult.Refused(List.of(new RuleError(file.name, 0, 0, why, "")));
        }
        return switch (format) {
            case NFT ->
                    NftReader.read(file.name, file.bytes, context.defines(), context.includes());
            case NFT_JSON -> NftJsonReader.read(file.name, file.bytes);
            case IPTABLES -> IptablesReader.read(file.name, file.bytes, context.ipsets());
        };
    }
}
