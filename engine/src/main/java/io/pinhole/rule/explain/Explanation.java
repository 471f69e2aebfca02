package io.pinhole.rule.explain;

import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a packet fared.
 *
 * @param packet its description
 * @param tracking what connection tracking knows of it, in words
 * @param hook where it was decided
 * @param changes the smallest changes under which it would pass, the smallest first; empty for a
 *     packet that passes, and where none is known
 */
public record Explanation(
        String packet,
        String tracking,
        Verdict verdict,
        Hook hook,
        RuleOrigin decidedBy,
        List<Visit> visits,
        List<Change> changes) {

    public Explanation {
        visits = List.copyOf(visits);
        changes = List.copyOf(changes);
    }

    /**
     * One base chain.
     *
     * @param table family and name
     * @param base hook, priority and policy as nft writes them
     * @param skipped lines left out because there were too many
     */
    public record Visit(
            Hook hook,
            String table,
            String chain,
            String base,
            List<Line> lines,
            int skipped,
            Verdict verdict,
            RuleOrigin by) {
        public Visit {
            lines = List.copyOf(lines);
        }
    }

    /**
     * One rule that was tried.
     *
     * @param depth how many jumps lead here
     * @param chain the chain it stands in
     * @param matched true if it matched to its end
     * @param why what failed first; empty if it matched
     */
    public record Line(int depth, String chain, RuleOrigin rule, boolean matched, String why) {}

    /**
     * A change that lets the packet pass; tried before it is told.
     *
     * @param what {@code tcp dport 21 instead of 2121}, one for each field
     * @param rule the rule that then accepts, or stops dropping
     * @param accepts true if {@code rule} accepts the changed packet, false if it no longer stops
     *     it
     * @param note what else that takes, such as a helper; null if nothing
     * @param packet the changed packet
     */
    public record Change(
            List<String> what,
            RuleOrigin rule,
            boolean accepts,
            @Nullable String note,
            PacketSpec packet) {
        public Change {
            what = List.copyOf(what);
        }
    }
}
