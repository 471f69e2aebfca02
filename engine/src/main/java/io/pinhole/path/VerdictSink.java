package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/**
 * Receives the verdict of every packet, once each. In packet order but for fragments, whose verdict
 * comes with that of their datagram.
 */
public interface VerdictSink {
    /**
     * @param position the packet
     * @param ct null where no hook saw the packet
     * @param hook that of the drop, else of the last accept in forward, input or output; null where
     *     no hook saw the packet
     * @param rule what decided in that hook
     * @param why the reason for an invalid or undecodable packet, or for a drop that no rule made;
     *     else {@code NONE}
     */
    void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why);
}
