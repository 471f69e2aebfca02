package io.pinhole.validate.space;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import org.junit.jupiter.api.Test;

class RegionTest {
    /** Whatever a rule set accepts, cut into regions: all of it, and no packet twice. */
    @Test
    void regionsAreDisjointAndComplete() {
        long seed = Seeds.seed();
        RandomRules random = new RandomRules(seed);
        int cut = 0;
        for (int i = 0; i < 40; i++) {
            String text = random.ruleSet();
            RuleSet rules = RuleFixture.load(text);
            PacketSpace space = PacketSpace.of(rules);
            Bdd bdd = space.bdd();
            int set = new Walk(space, rules, Route.FORWARD).accepted();
            Region.Cover cover = Region.cover(space, set, 2000);
            int union = Bdd.FALSE;
            for (Region region : cover.regions()) {
                int part = region.set(space);
                assertThat(bdd.and(part, union))
                        .as("seed %d: %s in%n%s", seed, region, text)
                        .isZero();
                union = bdd.or(union, part);
            }
            if (cover.complete()) {
                cut++;
                assertThat(union).as("seed %d:%n%s", seed, text).isEqualTo(set);
            } else {
                assertThat(bdd.isSubset(union, set)).isTrue();
            }
        }
        assertThat(cut).isGreaterThan(20);
    }
}
