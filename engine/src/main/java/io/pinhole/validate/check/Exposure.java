package io.pinhole.validate.check;

import static io.pinhole.validate.space.PacketSpace.DESTINATION;
import static io.pinhole.validate.space.PacketSpace.DESTINATION_PORT;
import static io.pinhole.validate.space.PacketSpace.IPV4;

import io.pinhole.rule.RuleSet;
import io.pinhole.validate.space.Bdd;
import io.pinhole.validate.space.PacketSpace;
import io.pinhole.validate.space.Policies;
import io.pinhole.validate.space.Reachable;
import io.pinhole.validate.space.Region;
import io.pinhole.validate.space.View;
import java.math.BigInteger;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;

/**
 * How much of a network stands open: pairs of a host and a TCP port to which somebody can open a
 * connection.
 *
 * @param always pairs that are open at all times
 * @param session pairs more, of which a control connection can have one open at a time, for one use
 * @param alwaysWhere the same in words
 * @param sessionWhere the same in words
 * @param worst most TCP ports that are open on one host at all times
 */
public record Exposure(
        String name,
        int version,
        BigInteger always,
        BigInteger session,
        int worst,
        String alwaysWhere,
        String sessionWhere) {

    /** What a rule set opens in one view, for one IP version. */
    public static Exposure of(String name, RuleSet rules, Policies policies, int version) {
        PacketSpace space = PacketSpace.of(rules);
        View view = View.of(rules).iterator().next();
        Map<View, Reachable> reachable = View.reachable(space, rules, policies, EnumSet.of(view));
        Reachable reach = Objects.requireNonNull(reachable.get(view));
        Bdd bdd = space.bdd();
        int only = bdd.and(space.tcp(), version == 4 ? space.ipv4() : space.ipv6());
        int open = pairs(space, bdd.and(reach.opening(), only));
        int data = bdd.minus(pairs(space, bdd.and(reach.data(), only)), open);
        return new Exposure(
                name,
                version,
                count(space, open, version),
                count(space, data, version),
                worst(space, open, version),
                where(space, open),
                where(space, data));
    }

    private static int pairs(PacketSpace space, int set) {
        return space.onlyBy(set, IPV4, DESTINATION, DESTINATION_PORT);
    }

    private static BigInteger count(PacketSpace space, int set, int version) {
        BitSet bits = IPV4.bits();
        bits.set(DESTINATION.first(), DESTINATION.first() + (version == 4 ? 32 : 128));
        bits.or(DESTINATION_PORT.bits());
        return space.bdd().count(set, bits);
    }

    /** The host with the most open ports: hosts that are alike are one region. */
    private static int worst(PacketSpace space, int set, int version) {
        Region.Cover cover = Region.cover(space, set, 10_000);
        int worst = 0;
        for (Region region : cover.regions()) {
            int host = space.onlyBy(space.bdd().and(set, region.set(space)), IPV4, DESTINATION);
            // One address of the region, and all its ports.
            BitSet one = space.bdd().one(host);
            int address = version == 4 ? space.ipv4() : space.ipv6();
            for (int i = 0; i < (version == 4 ? 32 : 128); i++) {
                int bit = DESTINATION.first() + i;
                int is = space.bdd().bit(bit);
                address =
                        one.get(bit)
                                ? space.bdd().and(address, is)
                                : space.bdd().minus(address, is);
            }
            int ports = space.onlyBy(space.bdd().and(set, address), DESTINATION_PORT);
            worst = Math.max(worst, space.bdd().count(ports, DESTINATION_PORT.bits()).intValue());
        }
        return worst;
    }

    private static String where(PacketSpace space, int set) {
        if (set == Bdd.FALSE) {
            return "none";
        }
        Region.Cover cover = Region.cover(space, set, 4);
        StringBuilder out = new StringBuilder();
        for (Region region : cover.regions()) {
            out.append(out.isEmpty() ? "" : "; ").append(region.text(space).replace("th ", "tcp "));
        }
        return out + (cover.complete() ? "" : "; …");
    }
}
