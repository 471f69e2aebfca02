package io.pinhole.rule.nft;

import io.pinhole.rule.BaseChain;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Element;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Family;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.Rule;
import io.pinhole.rule.Statement;
import io.pinhole.rule.text.Span;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A table while its text is read. */
final class TableState {
    final Family family;
    final String name;
    final Span at;
    boolean dormant;
    final Map<String, ChainState> chains = new LinkedHashMap<>();
    final Map<String, SetState> sets = new LinkedHashMap<>();
    final List<NamedObject> objects = new ArrayList<>();
    final Set<String> flowtables = new LinkedHashSet<>();

    /** Names behind {@code add @} and its kin: sets that rules write to. */
    final Set<String> written = new HashSet<>();

    TableState(Family family, String name, Span at) {
        this.family = family;
        this.name = name;
        this.at = at;
    }

    /** True if an object of this kind and name is there. */
    boolean object(NamedObject wanted) {
        return objects.stream()
                .anyMatch(o -> o.kind() == wanted.kind() && o.name().equals(wanted.name()));
    }

    /** A chain and where its rules stand. */
    static final class ChainState {
        final String name;
        final Span at;
        @Nullable BaseChain base;

        /** Written before the type: accept or drop, at the place of the policy. */
        @Nullable Token policy;

        final List<PendingRule> rules = new ArrayList<>();

        ChainState(String name, Span at) {
            this.name = name;
            this.at = at;
        }
    }

    /** A rule that is read once everything has a name. */
    abstract static class PendingRule {
        final TableState table;
        @Nullable Rule rule;

        PendingRule(TableState table) {
            this.table = table;
        }

        /** Reads it; called once. */
        abstract Rule read(Map<String, ElementSet> sets, ValueParser.Budget budget);
    }

    /** A rule of a text file. */
    static final class TextRule extends PendingRule {
        final Lexer.Mark mark;
        final int blankDepth;
        final Scope.View view;

        TextRule(TableState table, Lexer.Mark mark, int blankDepth, Scope.View view) {
            super(table);
            this.mark = mark;
            this.blankDepth = blankDepth;
            this.view = view;
        }

        @Override
        Rule read(Map<String, ElementSet> sets, ValueParser.Budget budget) {
            return new RuleParser(this, sets, budget).rule();
        }
    }

    /** A set and what was done to its elements, in order. */
    static final class SetState {
        final String name;
        final Span at;
        final List<DataType> keyTypes;
        final ElementSet.Holds holds;
        final List<DataType> dataTypes;
        final Set<String> flags;
        final boolean autoMerge;
        final @Nullable Long size;
        final long timeoutMillis;
        final List<Statement> statements;
        final List<Change> changes = new ArrayList<>();
        @Nullable ElementSet made;

        SetState(
                String name,
                Span at,
                List<DataType> keyTypes,
                ElementSet.Holds holds,
                List<DataType> dataTypes,
                Set<String> flags,
                boolean autoMerge,
                @Nullable Long size,
                long timeoutMillis,
                List<Statement> statements) {
            this.name = name;
            this.at = at;
            this.keyTypes = keyTypes;
            this.holds = holds;
            this.dataTypes = dataTypes;
            this.flags = flags;
            this.autoMerge = autoMerge;
            this.size = size;
            this.timeoutMillis = timeoutMillis;
            this.statements = List.copyOf(statements);
        }

        /** True if elements may have a timeout. */
        boolean isTimed() {
            return timeoutMillis != 0 || flags.contains("timeout");
        }
    }

    /**
     * Elements added, taken away, or (null) all taken away.
     *
     * @param at the elements' place
     */
    record Change(boolean add, boolean mustExist, @Nullable List<Element> elements, Span at) {}
}
