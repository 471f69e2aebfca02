package io.pinhole.rule;

import io.pinhole.core.Hook;

/**
 * How a chain is attached.
 *
 * @param created position in the order of creation: of two base chains with the same hook and
 *     priority the kernel runs the one created last first (nf_hook_entries_grow; seen on 6.18)
 * @param policyAt the policy's place, the chain's where it is not written
 */
public record BaseChain(
        ChainType type,
        Hook hook,
        int priority,
        boolean policyAccept,
        int created,
        SourcePos policyAt) {
    /** The same, created later by so much. */
    BaseChain createdAt(int offset) {
        return new BaseChain(type, hook, priority, policyAccept, offset + created, policyAt);
    }
}
