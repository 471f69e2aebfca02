package io.pinhole.validate.run;

import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.Rule;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.Table;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where the rules and policies that verdicts name stand. */
public final class RuleIndex {
    /** A rule or policy: its chain and its place. */
    public record Entry(String chain, boolean policy, SourcePos at) {}

    private final Map<String, Entry> byText = new HashMap<>();
    private final Set<String> chains = new HashSet<>();

    public RuleIndex(RuleSet rules) {
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                chains.add(chain.name());
                BaseChain base = chain.base();
                if (base != null) {
                    byText.put(
                            RuleOrigin.policy(base.policyAt()).text(),
                            new Entry(chain.name(), true, base.policyAt()));
                }
                for (Rule rule : chain.rules()) {
                    byText.put(rule.origin().text(), new Entry(chain.name(), false, rule.at()));
                }
            }
        }
    }

    /** Null for what is no rule: the helper, the flow table. */
    public @Nullable Entry find(RuleOrigin origin) {
        return byText.get(origin.text());
    }

    boolean hasChain(String name) {
        return chains.contains(name);
    }
}
