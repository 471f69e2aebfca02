package io.pinhole.validate.space;

import io.pinhole.core.Hook;
import io.pinhole.rule.BaseChain;
import io.pinhole.rule.Chain;
import io.pinhole.rule.ChainType;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Table;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Whose connections are looked at: those through the host, to it, or from it. */
public enum View {
    THROUGH(Route.FORWARD, Route.FORWARD),
    INBOUND(Route.INPUT, Route.OUTPUT),
    OUTBOUND(Route.OUTPUT, Route.INPUT);

    private final Route toward;
    private final Route back;

    View(Route toward, Route back) {
        this.toward = toward;
        this.back = back;
    }

    public Route toward() {
        return toward;
    }

    public Route back() {
        return back;
    }

    /** What the rule set lets through in each of these views; walks are shared. */
    public static Map<View, Reachable> reachable(
            PacketSpace space, RuleSet rules, Policies policies, Set<View> views) {
        Map<Route, Walk> walks = new EnumMap<>(Route.class);
        Map<View, Reachable> out = new EnumMap<>(View.class);
        for (View view : views) {
            Walk toward = walks.computeIfAbsent(view.toward, r -> new Walk(space, rules, r));
            Walk back = walks.computeIfAbsent(view.back, r -> new Walk(space, rules, r));
            out.put(view, new Reachable(space, toward, back, policies));
        }
        return out;
    }

    /** The views that a rule set filters; through the host if it filters none. */
    public static Set<View> of(RuleSet rules) {
        Set<Hook> hooks = EnumSet.noneOf(Hook.class);
        for (Table table : rules.tables()) {
            for (Chain chain : table.chains()) {
                BaseChain base = chain.base();
                if (base != null && base.type() != ChainType.NAT && !table.dormant()) {
                    hooks.add(base.hook());
                }
            }
        }
        Set<View> views = EnumSet.noneOf(View.class);
        if (hooks.contains(Hook.FORWARD)) {
            views.add(THROUGH);
        }
        if (hooks.contains(Hook.INPUT)) {
            views.add(INBOUND);
        }
        if (hooks.contains(Hook.OUTPUT)) {
            views.add(OUTBOUND);
        }
        if (views.isEmpty()) {
            views.add(THROUGH);
        }
        return views;
    }
}
