package io.pinhole.rule;

import java.util.List;

/** Steps that look into sets that change while packets pass, and what their elements do. */
final class LivingSteps {
    private static final SourcePos NOWHERE = new SourcePos("", 0, 0);

    private LivingSteps() {}

    /** A look-up; an element that is found has its statements run. */
    static final class Member extends Step {
        private final Value[] key;
        private final LivingSet set;
        private final boolean negated;

        Member(Value[] key, LivingSet set, boolean negated) {
            this.key = key;
            this.set = set;
            this.negated = negated;
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!Value.allPresent(key, facts)) {
                return Outcome.BROKEN;
            }
            int slot = set.find(key, facts);
            if ((slot >= 0) == negated) {
                return Outcome.BROKEN;
            }
            return slot < 0 ? Outcome.NEXT : set.meet(slot, facts);
        }
    }

    /** nft_dynset_eval. */
    static final class Update extends Step {
        private final Statement.UpdateSet.Operation operation;
        private final Value[] key;
        private final LivingSet set;
        private final long timeoutMillis;
        private final List<Statement> statements;

        Update(Statement.UpdateSet of, Value[] key, LivingSet set) {
            operation = of.operation();
            this.key = key;
            this.set = set;
            timeoutMillis = of.timeoutMillis();
            statements = of.statements();
        }

        @Override
        Outcome run(PacketFacts facts) {
            if (!Value.allPresent(key, facts)) {
                return Outcome.BROKEN;
            }
            if (operation == Statement.UpdateSet.Operation.DELETE) {
                set.delete(key, facts);
                return Outcome.NEXT;
            }
            boolean again = operation == Statement.UpdateSet.Operation.UPDATE;
            int slot = set.add(key, facts, timeoutMillis, again, statements);
            return slot < 0 ? Outcome.BROKEN : set.meet(slot, facts);
        }
    }

    /** nft_connlimit_do_eval. */
    static final class ConnCount extends Step {
        private final Statement.ConnLimit limit;
        private final OpenFlows flows;

        ConnCount(Statement.ConnLimit limit, LivingSet.Room room) {
            this.limit = limit;
            flows = new OpenFlows(room);
        }

        @Override
        Outcome run(PacketFacts facts) {
            int count = flows.add(facts, limit.most());
            if (count < 0) {
                return Outcome.DROPPED;
            }
            return Outcome.match(count > limit.most() == limit.over());
        }

        boolean isIdle(PacketFacts facts) {
            return flows.isIdle(facts);
        }

        @Override
        void reset() {
            flows.clear();
        }
    }

    /** A counter that goes with its element. */
    static final class ElementCounter extends Step {
        private final Statement.Counter from;
        private long packets;
        private long bytes;

        ElementCounter(Statement.Counter from) {
            this.from = from;
            packets = from.packets();
            bytes = from.bytes();
        }

        @Override
        Outcome run(PacketFacts facts) {
            packets++;
            bytes += facts.packet.ipLength();
            return Outcome.NEXT;
        }
    }

    /** A step of an element as it would be written now. */
    static Statement written(Step step) {
        return switch (step) {
            case ElementCounter c -> new Statement.Counter(c.packets, c.bytes, c.from.at());
            case ConnCount c -> c.limit;
            case Step.Limit l -> new Statement.Limit(l.rate(), NOWHERE);
            case Step.Quota q -> new Statement.Quota(q.size(), NOWHERE);
            default -> throw new IllegalStateException("no statement of an element");
        };
    }
}
