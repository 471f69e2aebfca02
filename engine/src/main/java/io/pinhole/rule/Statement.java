package io.pinhole.rule;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** One part of a rule, in the order in which the kernel runs them. */
public sealed interface Statement {
    SourcePos at();

    /**
     * Goes on if the value lies in the range (outside it if negated), else breaks the rule.
     *
     * @param implied true if no one wrote it: {@code tcp dport} needs {@code meta l4proto tcp}
     *     first
     */
    record InRange(Expr value, Range range, boolean negated, boolean implied, SourcePos at)
            implements Statement {}

    /** Goes on if any bit of the mask is set (if none is, where negated). */
    record AnyBit(Expr value, long mask, boolean negated, SourcePos at) implements Statement {}

    /**
     * Goes on if the set contains the key (does not, where negated).
     *
     * @param implied as in {@link InRange}
     */
    record InSet(List<Expr> key, ElementSet set, boolean negated, boolean implied, SourcePos at)
            implements Statement {
        public InSet {
            key = List.copyOf(key);
        }
    }

    record Verdict(Action action, SourcePos at) implements Statement {}

    /** Runs the verdict found for the key; breaks the rule where there is none. */
    record VerdictMap(List<Expr> key, ElementSet map, SourcePos at) implements Statement {
        public VerdictMap {
            key = List.copyOf(key);
        }
    }

    /** Drops the packet and tells the sender. */
    record Reject(RejectWith with, SourcePos at) implements Statement {}

    record Counter(long packets, long bytes, SourcePos at) implements Statement {}

    record Limit(LimitRate rate, SourcePos at) implements Statement {}

    record Quota(QuotaSize size, SourcePos at) implements Statement {}

    /**
     * {@code ct count [over] N}: goes on if at most N (more than N) of the connections that came
     * here are open.
     */
    record ConnLimit(long most, boolean over, SourcePos at) implements Statement {}

    /**
     * {@code add @set { key timeout 1h limit rate 3/minute }} and its kin: goes on if the element
     * is there or could be added, and its statements say so.
     *
     * @param timeoutMillis of the element; 0 for that of the set
     * @param statements what a new element gets; those of the set where empty
     */
    record UpdateSet(
            Operation operation,
            List<Expr> key,
            ElementSet set,
            long timeoutMillis,
            List<Statement> statements,
            SourcePos at)
            implements Statement {
        public UpdateSet {
            key = List.copyOf(key);
            statements = List.copyOf(statements);
        }

        /** What is done to the set. */
        public enum Operation {
            ADD,
            /** Adds, or begins the element's time anew. */
            UPDATE,
            DELETE
        }
    }

    /** A named counter, limit, quota, helper or timeout, or one chosen by a map. */
    record UseObject(ObjectKind kind, @Nullable String name, @Nullable ObjectMap map, SourcePos at)
            implements Statement {}

    /** {@code counter name tcp dport map { 21 : "control", 20 : "data" }}. */
    record ObjectMap(List<Expr> key, ElementSet map) {
        public ObjectMap {
            key = List.copyOf(key);
        }
    }

    /** Accepted, does not change a verdict. */
    record Log(String options, SourcePos at) implements Statement {}

    record Notrack(SourcePos at) implements Statement {}

    record SetMark(Expr value, SourcePos at) implements Statement {}

    record SetCtMark(Expr value, SourcePos at) implements Statement {}

    /** Accepted and noted: offload is the gateway's business. */
    record FlowAdd(String flowtable, SourcePos at) implements Statement {}

    /** Read, never evaluated. */
    record Nat(String text, SourcePos at) implements Statement {}
}
