package io.pinhole.validate.space;

import io.pinhole.core.CtState;
import io.pinhole.rule.Canonical;
import io.pinhole.rule.DataType;
import io.pinhole.rule.Range;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A set of packets that one nft match describes: some values of each field. Regions of one set are
 * disjoint.
 *
 * @param version of IP: 4, 6, or 0 for both
 * @param values for each slice that matters, in the order of the bits, the values it may have
 */
public record Region(int version, Map<PacketSpace.Slice, List<Range>> values) {
    private static final int MAX_RANGES = 4096;
    private static final int FEW_TYPES = 8;

    public Region {
        values = new LinkedHashMap<>(values);
    }

    /** Regions of a set, and whether they are all of it. */
    public record Cover(List<Region> regions, boolean complete) {}

    /**
     * Cuts a set into regions, as few as a greedy merge finds.
     *
     * @param most how many at the most; the rest is left out and the cover says so
     */
    public static Cover cover(PacketSpace space, int set, int most) {
        Cutter cutter = new Cutter(space, most * 64);
        Bdd bdd = space.bdd();
        for (boolean v4 : new boolean[] {true, false}) {
            int half = bdd.and(set, v4 ? space.ipv4() : space.ipv6());
            if (half != Bdd.FALSE) {
                int rest = v4 ? bdd.high(half) : bdd.low(half);
                cutter.cut(rest, 0, v4, new LinkedHashMap<>());
            }
        }
        List<Region> merged = bothVersions(merge(cutter.out));
        boolean complete = cutter.complete && merged.size() <= most;
        return new Cover(merged.subList(0, Math.min(most, merged.size())), complete);
    }

    private static final class Cutter {
        private final Bdd bdd;
        private final int most;
        private final List<PacketSpace.Slice> slices = new ArrayList<>();
        private final List<Region> out = new ArrayList<>();
        private boolean complete = true;

        Cutter(PacketSpace space, int most) {
            this.most = most;
            bdd = space.bdd();
            slices.add(PacketSpace.STATE);
            slices.add(PacketSpace.REPLY);
            slices.add(PacketSpace.PARENT);
            slices.add(PacketSpace.PROTOCOL);
            slices.add(PacketSpace.DESTINATION);
            slices.add(PacketSpace.SOURCE);
            slices.add(PacketSpace.DESTINATION_PORT);
            slices.add(PacketSpace.SOURCE_PORT);
            for (String name : space.extraNames()) {
                PacketSpace.Slice slice = space.extraOrNull(name);
                if (slice != null) {
                    slices.add(slice);
                }
            }
            slices.sort(Comparator.comparingInt(s -> bdd.levelOf(s.first())));
        }

        void cut(int node, int from, boolean v4, Map<PacketSpace.Slice, List<Range>> values) {
            if (node == Bdd.FALSE) {
                return;
            }
            if (out.size() >= most) {
                complete = false;
                return;
            }
            if (node == Bdd.TRUE) {
                out.add(new Region(v4 ? 4 : 6, values));
                return;
            }
            int at = from;
            while (end(slices.get(at)) <= bdd.level(node)) {
                at++;
            }
            PacketSpace.Slice slice = slices.get(at);
            Map<Integer, List<Range>> parts = new LinkedHashMap<>();
            int width = v4 && isAddress(slice) ? 32 : slice.width();
            int first = bdd.levelOf(slice.first());
            if (!split(node, first, first + width, 0, 0, width, parts)) {
                complete = false;
            }
            for (Map.Entry<Integer, List<Range>> part : parts.entrySet()) {
                if (part.getKey() != Bdd.FALSE) {
                    Map<PacketSpace.Slice, List<Range>> more = new LinkedHashMap<>(values);
                    more.put(slice, part.getValue());
                    cut(part.getKey(), at + 1, v4, more);
                }
            }
        }

        private int end(PacketSpace.Slice slice) {
            return bdd.levelOf(slice.first()) + slice.width();
        }

        /** Which values of a slice lead to which rest. */
        private boolean split(
                int node,
                int level,
                int end,
                long high,
                long low,
                int left,
                Map<Integer, List<Range>> parts) {
            if (bdd.level(node) >= end) {
                List<Range> ranges = parts.computeIfAbsent(node, n -> new ArrayList<>());
                if (ranges.size() >= MAX_RANGES) {
                    return false;
                }
                append(ranges, block(high, low, left));
                return true;
            }
            int no = bdd.level(node) == level ? bdd.low(node) : node;
            int yes = bdd.level(node) == level ? bdd.high(node) : node;
            long setHigh = left > 64 ? high | 1L << left - 65 : high;
            long setLow = left <= 64 ? low | 1L << left - 1 : low;
            return split(no, level + 1, end, high, low, left - 1, parts)
                    && split(yes, level + 1, end, setHigh, setLow, left - 1, parts);
        }

        private static Range block(long high, long low, int left) {
            long endHigh = left > 64 ? high | (left == 128 ? -1 : (1L << left - 64) - 1) : high;
            long endLow = left >= 64 ? -1 : low | (1L << left) - 1;
            return new Range(high, low, endHigh, endLow);
        }

        private static void append(List<Range> ranges, Range next) {
            if (!ranges.isEmpty()) {
                Range last = ranges.getLast();
                boolean touches =
                        last.highLow() == -1
                                ? next.lowLow() == 0 && next.lowHigh() == last.highHigh() + 1
                                : next.lowHigh() == last.highHigh()
                                        && next.lowLow() == last.highLow() + 1;
                if (touches) {
                    ranges.set(
                            ranges.size() - 1,
                            new Range(
                                    last.lowHigh(),
                                    last.lowLow(),
                                    next.highHigh(),
                                    next.highLow()));
                    return;
                }
            }
            ranges.add(next);
        }
    }

    /** Joins regions that differ in one field only, until none do. */
    private static List<Region> merge(List<Region> regions) {
        List<Region> current = regions;
        boolean again = true;
        while (again) {
            again = false;
            for (PacketSpace.Slice slice : slices(current)) {
                Map<Object, Region> byRest = new LinkedHashMap<>();
                for (Region region : current) {
                    Map<PacketSpace.Slice, List<Range>> rest = new HashMap<>(region.values);
                    boolean any = rest.remove(slice) == null;
                    List<Object> key = List.of(region.version, rest, any);
                    again |= byRest.containsKey(key);
                    byRest.merge(key, region, (a, b) -> a.joined(b, slice));
                }
                current = new ArrayList<>(byRest.values());
            }
        }
        return current;
    }

    /** One region for two that say the same of IPv4 and IPv6. */
    private static List<Region> bothVersions(List<Region> regions) {
        Map<Map<PacketSpace.Slice, List<Range>>, Region> out = new LinkedHashMap<>();
        List<Region> all = new ArrayList<>();
        for (Region region : regions) {
            boolean either =
                    region.values.keySet().stream().noneMatch(Region::isAddress)
                            && region.values.get(PacketSpace.PROTOCOL) != null
                            && !region.isIcmp();
            if (either) {
                out.merge(region.values, region, (a, b) -> new Region(0, a.values));
            } else {
                all.add(region);
            }
        }
        all.addAll(0, out.values());
        return all;
    }

    private boolean isIcmp() {
        return values.getOrDefault(PacketSpace.PROTOCOL, List.of()).stream()
                .anyMatch(r -> r.contains(0, 1) || r.contains(0, 58));
    }

    private static List<PacketSpace.Slice> slices(List<Region> regions) {
        return regions.stream().flatMap(r -> r.values.keySet().stream()).distinct().toList();
    }

    private Region joined(Region other, PacketSpace.Slice slice) {
        List<Range> all = new ArrayList<>(values.getOrDefault(slice, List.of()));
        all.addAll(other.values.getOrDefault(slice, List.of()));
        all.sort((a, b) -> Range.compare(a.lowHigh(), a.lowLow(), b.lowHigh(), b.lowLow()));
        List<Range> ranges = new ArrayList<>();
        all.forEach(r -> Cutter.append(ranges, r));
        Map<PacketSpace.Slice, List<Range>> more = new LinkedHashMap<>(values);
        more.put(slice, ranges);
        return new Region(version, more);
    }

    /** The packets in it. */
    public int set(PacketSpace space) {
        Bdd bdd = space.bdd();
        boolean v4 = version == 4;
        int set = version == 0 ? Bdd.TRUE : v4 ? space.ipv4() : space.ipv6();
        for (Map.Entry<PacketSpace.Slice, List<Range>> entry : values.entrySet()) {
            PacketSpace.Slice slice = entry.getKey();
            PacketSpace.Slice read = v4 && isAddress(slice) ? slice.head(32) : slice;
            int[] parts = entry.getValue().stream().mapToInt(r -> space.in(read, r)).toArray();
            set = bdd.and(set, bdd.any(parts));
        }
        return set;
    }

    private static boolean isAddress(PacketSpace.Slice slice) {
        return slice.equals(PacketSpace.SOURCE) || slice.equals(PacketSpace.DESTINATION);
    }

    /** As an nft match, in the usual order: addresses, protocol and ports, state, the rest. */
    public String text(PacketSpace space) {
        List<String> out = new ArrayList<>();
        boolean v4 = version == 4;
        String ip = v4 ? "ip" : "ip6";
        DataType address = v4 ? DataType.IPV4_ADDR : DataType.IPV6_ADDR;
        List<Range> protocols = values.get(PacketSpace.PROTOCOL);
        add(out, PacketSpace.SOURCE, ip + " saddr ", r -> Canonical.range(r, address));
        add(out, PacketSpace.DESTINATION, ip + " daddr ", r -> Canonical.range(r, address));
        if (out.isEmpty() && version != 0) {
            out.add("meta nfproto " + (v4 ? "ipv4" : "ipv6"));
        }
        boolean ports =
                values.containsKey(PacketSpace.SOURCE_PORT)
                        || values.containsKey(PacketSpace.DESTINATION_PORT);
        String transport = "th";
        if (protocols != null && protocols.size() == 1 && protocols.getFirst().isSingle()) {
            transport = DataType.INET_PROTO.format(0, protocols.getFirst().lowLow());
        }
        if (transport.equals("th") || !ports) {
            add(
                    out,
                    PacketSpace.PROTOCOL,
                    "meta l4proto ",
                    r -> Canonical.range(r, DataType.INET_PROTO));
        }
        if (transport.equals("icmp") || transport.equals("icmpv6")) {
            icmp(out);
        } else {
            String name = transport;
            add(
                    out,
                    PacketSpace.SOURCE_PORT,
                    name + " sport ",
                    r -> Canonical.range(r, DataType.INET_SERVICE));
            add(
                    out,
                    PacketSpace.DESTINATION_PORT,
                    name + " dport ",
                    r -> Canonical.range(r, DataType.INET_SERVICE));
        }
        state(out);
        for (String name : space.extraNames()) {
            PacketSpace.Slice slice = space.extraOrNull(name);
            if (slice != null && !name.startsWith("?")) {
                extra(out, name, slice);
            }
        }
        return String.join(" ", out);
    }

    private void icmp(List<String> out) {
        List<Range> both = values.get(PacketSpace.SOURCE_PORT);
        if (both != null) {
            DataType type = version == 4 ? DataType.ICMP_TYPE : DataType.ICMPV6_TYPE;
            out.add((version == 4 ? "icmp type " : "icmpv6 type ") + types(both, type));
        }
    }

    private static String types(List<Range> typeAndCode, DataType type) {
        List<String> out = new ArrayList<>();
        for (Range range : typeAndCode) {
            long low = range.lowLow() >>> 8;
            long high = range.highLow() >>> 8;
            for (long t = low; t <= high && high - low < FEW_TYPES; t++) {
                out.add(type.format(0, t));
            }
            if (high - low >= FEW_TYPES) {
                out.add(low + "-" + high);
            }
        }
        return braces(out.stream().distinct().toList());
    }

    private void state(List<String> out) {
        List<Range> states = values.get(PacketSpace.STATE);
        if (states != null) {
            List<String> names = new ArrayList<>();
            for (CtState state : CtState.values()) {
                if (states.stream().anyMatch(r -> r.contains(0, state.ordinal()))) {
                    names.add(state.label());
                }
            }
            if (names.size() < CtState.values().length) {
                out.add("ct state " + String.join(",", names));
            }
        }
        add(out, PacketSpace.REPLY, "ct direction ", r -> r.lowLow() == 0 ? "original" : "reply");
        List<Range> parent = values.get(PacketSpace.PARENT);
        if (parent != null && parent.equals(List.of(Range.of(1)))) {
            out.add("ct helper \"ftp\"");
        }
    }

    private void extra(List<String> out, String name, PacketSpace.Slice slice) {
        switch (name) {
            case "iif", "oif" -> names(out, slice, name + "name ");
            default -> add(out, slice, name + " ", r -> Canonical.range(r, DataType.INTEGER_32));
        }
    }

    /** Interfaces: those left out, where they are fewer; nobody names the others. */
    private void names(List<String> out, PacketSpace.Slice slice, String before) {
        List<Range> ranges = values.get(slice);
        if (ranges == null) {
            return;
        }
        List<Range> gaps = gaps(ranges);
        boolean fewer = gaps.size() < ranges.size() || ranges.stream().anyMatch(Region::isOpen);
        boolean inverted = fewer && !gaps.isEmpty();
        List<Range> shown = inverted ? gaps : ranges;
        out.add(
                before
                        + (inverted ? "!= " : "")
                        + braces(
                                shown.stream()
                                        .map(r -> Canonical.range(r, DataType.IFNAME))
                                        .toList()));
    }

    /** Whether a range of names begins with the first or ends with the last of all. */
    private static boolean isOpen(Range r) {
        return (r.lowHigh() == 0 && r.lowLow() == 0) || (r.highHigh() == -1 && r.highLow() == -1);
    }

    /** What lies between ranges of 128 bits that are in order, before and behind them. */
    private static List<Range> gaps(List<Range> ranges) {
        List<Range> out = new ArrayList<>();
        long high = 0;
        long low = 0;
        for (Range r : ranges) {
            if (Range.compare(high, low, r.lowHigh(), r.lowLow()) < 0) {
                long endHigh = r.lowLow() == 0 ? r.lowHigh() - 1 : r.lowHigh();
                out.add(new Range(high, low, endHigh, r.lowLow() - 1));
            }
            low = r.highLow() + 1;
            high = low == 0 ? r.highHigh() + 1 : r.highHigh();
            if (low == 0 && high == 0) {
                return out;
            }
        }
        out.add(new Range(high, low, -1, -1));
        return out;
    }

    private void add(
            List<String> out,
            PacketSpace.Slice slice,
            String before,
            Function<Range, String> format) {
        List<Range> ranges = values.get(slice);
        if (ranges != null) {
            out.add(before + braces(ranges.stream().map(format).toList()));
        }
    }

    private static String braces(List<String> items) {
        if (items.size() == 1) {
            return items.getFirst();
        }
        int most = 8;
        String more = items.size() > most ? ", … " + (items.size() - most) + " more" : "";
        return items.stream().limit(most).collect(Collectors.joining(", ", "{ ", more + " }"));
    }
}
