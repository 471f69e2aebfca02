package io.pinhole.validate.space;

import io.pinhole.rule.Chain;
import io.pinhole.rule.Table;
import java.util.List;

/**
 * One walk of packets through one chain: a chain that is jumped to from two places has two.
 *
 * @param enter the packets that came in
 * @param visits its rules in order
 */
public record Passage(Table table, Chain chain, int enter, List<Visit> visits) {}
