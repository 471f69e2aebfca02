package io.pinhole.flow;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.fragmentHeader;
import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.ipv6;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Anomaly;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** {@link Fragments} against a reassembler of maps and single bytes, on random traffic. */
class FragmentsFuzzTest {
    private static final long TIMEOUT = 1000;

    /** One datagram, byte by byte. */
    private static final class Slow {
        long start;
        String death = "";
        final TreeMap<Integer, Byte> bytes = new TreeMap<>();
        final List<Long> positions = new ArrayList<>();
        int last = -1;
        int end;
    }

    private final Map<Integer, Slow> slow = new LinkedHashMap<>();
    private final List<String> slowLost = new ArrayList<>();
    private final List<String> lost = new ArrayList<>();

    private String slowly(int id, int from, byte[] data, boolean more, long now, long position) {
        expire(now);
        int to = from + data.length;
        boolean bad = data.length == 0 || to > 65_535 || (more && data.length % 8 != 0);
        Slow d = slow.get(id);
        if (d == null && bad) {
            return "fragment-malformed";
        }
        if (d == null) {
            d = new Slow();
            d.start = now;
            slow.put(id, d);
        }
        if (!d.death.isEmpty()) {
            return d.death;
        }
        boolean contradicts =
                more ? d.last >= 0 && to > d.last : to < d.end || (d.last >= 0 && d.last != to);
        if (bad || contradicts) {
            return kill(d, "fragment-malformed");
        }
        int held = 0;
        boolean same = true;
        for (int i = 0; i < data.length; i++) {
            Byte there = d.bytes.get(from + i);
            if (there != null) {
                held++;
                same &= there == data[i];
            }
        }
        if (held == data.length) {
            return same ? "fragment-duplicate" : "fragment-overlap";
        }
        if (held > 0) {
            return kill(d, "fragment-overlap");
        }
        for (int i = 0; i < data.length; i++) {
            d.bytes.put(from + i, data[i]);
        }
        d.positions.add(position);
        d.end = Math.max(d.end, to);
        d.last = more ? d.last : to;
        if (d.last >= 0 && d.bytes.size() == d.last) {
            slow.remove(id);
            byte[] whole = new byte[d.last];
            d.bytes.forEach((at, b) -> whole[at] = b);
            return "complete " + d.positions + " " + Arrays.hashCode(whole);
        }
        return "held";
    }

    private String kill(Slow d, String why) {
        d.positions.forEach(p -> slowLost.add(p + " " + why));
        d.positions.clear();
        d.death = why;
        return why;
    }

    private void expire(long now) {
        for (Iterator<Slow> i = slow.values().iterator(); i.hasNext(); ) {
            Slow d = i.next();
            if (now - d.start >= TIMEOUT) {
                d.positions.forEach(p -> slowLost.add(p + " fragment-timeout"));
                i.remove();
            }
        }
    }

    private static String quickly(
            Fragments fragments, PacketView view, byte[] packet, long now, long position) {
        MemorySegment data = MemorySegment.ofArray(packet);
        assertThat(view.wrap(data, 0, packet.length, packet.length, LinkType.RAW))
                .isEqualTo(Anomaly.NONE);
        return switch (fragments.add(view, packet.length, now, position)) {
            case HELD -> "held";
            case DROPPED -> fragments.anomaly().label();
            case COMPLETE -> {
                List<Long> positions = new ArrayList<>();
                for (int i = 0; i < fragments.fragmentCount(); i++) {
                    positions.add(fragments.fragmentPosition(i));
                }
                int header = view.isV4() ? 20 : 40;
                assertThat(view.wrapIp(fragments.datagram(), 0, fragments.datagramLength()))
                        .isEqualTo(Anomaly.NONE);
                byte[] whole =
                        fragments
                                .datagram()
                                .asSlice(header, fragments.datagramLength() - header)
                                .toArray(ValueLayout.JAVA_BYTE);
                yield "complete " + positions + " " + Arrays.hashCode(whole);
            }
        };
    }

    @Test
    void agreesWithTheSlowOne() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        int completed = 0;
        for (int round = 0; round < 300; round++) {
            slow.clear();
            slowLost.clear();
            lost.clear();
            Fragments fragments =
                    new Fragments(
                            16 << 20,
                            1024,
                            TIMEOUT,
                            (why, position, length) -> lost.add(position + " " + why.label()));
            PacketView view = new PacketView();
            long now = 0;
            int units = 1 + random.nextInt(round % 10 == 0 ? 600 : 12);
            int chaos = random.nextInt(40);
            for (long position = 1; position <= 400; position++) {
                now += random.nextInt(chaos < 20 ? 4 : 40);
                int id = random.nextInt(4);
                int from = random.nextInt(units) * 8;
                int length = 8 * (1 + random.nextInt(Math.max(1, units / 3)));
                boolean more = from + length < units * 8;
                if (!more) {
                    length = units * 8 - from - (chaos < 30 ? 3 : random.nextInt(8));
                }
                if (random.nextInt(100) < chaos - 20) {
                    more = random.nextBoolean();
                    length = random.nextInt(40);
                }
                byte[] data = new byte[length];
                int other = random.nextInt(60) == 0 ? 1 : 0;
                for (int i = 0; i < length; i++) {
                    data[i] = (byte) ((from + i) * 31 + id + other);
                }
                // A fragment must be one, and one of IPv4 is cut to whole units on its own.
                boolean six = id % 2 == 1;
                if (!more && from == 0) {
                    continue;
                }
                if (!six && more) {
                    data = Arrays.copyOf(data, length & ~7);
                }
                byte[] packet =
                        six
                                ? ipv6(
                                        "2001:db8::1",
                                        "2001:db8::2",
                                        44,
                                        concat(fragmentHeader(99, from, more, id), data))
                                : ipv4(
                                        "10.0.0.1",
                                        "10.0.0.2",
                                        99,
                                        id,
                                        from / 8 | (more ? 0x2000 : 0),
                                        data);
                String expected = slowly(id, from, data, more, now, position);
                assertThat(quickly(fragments, view, packet, now, position))
                        .as("seed %d, round %d, packet %d", seed, round, position)
                        .isEqualTo(expected);
                assertThat(lost).as("seed %d, round %d", seed, round).isEqualTo(slowLost);
                completed += expected.startsWith("complete") ? 1 : 0;
            }
            fragments.finish();
            expire(Long.MAX_VALUE);
            assertThat(lost).as("seed %d, round %d", seed, round).isEqualTo(slowLost);
            assertThat(fragments.bytes()).isZero();
        }
        assertThat(completed).as("the generator must reach completion").isGreaterThan(300);
    }

    /** Whatever the limits, every fragment has one end, and memory stays within them. */
    @Test
    void everyFragmentHasOneEndAtAnyLimit() {
        long seed = Seeds.seed();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int maxBytes = random.nextInt(20_000);
            int maxDatagrams = 1 + random.nextInt(6);
            Map<Long, Integer> ends = new TreeMap<>();
            Fragments fragments =
                    new Fragments(
                            maxBytes,
                            maxDatagrams,
                            TIMEOUT,
                            (why, position, length) -> ends.merge(position, 1, Integer::sum));
            PacketView view = new PacketView();
            long now = 0;
            for (long position = 1; position <= 500; position++) {
                now += random.nextInt(60);
                int from = 8 * random.nextInt(20);
                int flags = random.nextInt(4) == 0 && from > 0 ? 0 : 0x2000;
                byte[] data = new byte[random.nextInt(1500)];
                byte[] packet =
                        ipv4("10.0.0.1", "10.0.0.2", 99, random.nextInt(9), from / 8 | flags, data);
                int captured = packet.length - random.nextInt(data.length + 1);
                view.wrap(MemorySegment.ofArray(packet), 0, captured, packet.length, LinkType.RAW);
                switch (fragments.add(view, packet.length, now, position)) {
                    case HELD -> {}
                    case DROPPED -> ends.merge(position, 1, Integer::sum);
                    case COMPLETE -> {
                        for (int i = 0; i < fragments.fragmentCount(); i++) {
                            ends.merge(fragments.fragmentPosition(i), 1, Integer::sum);
                        }
                    }
                }
                assertThat(fragments.bytes()).isLessThanOrEqualTo(maxBytes);
                assertThat(fragments.datagrams()).isLessThanOrEqualTo(maxDatagrams);
            }
            fragments.finish();
            assertThat(ends).as("seed %d, round %d", seed, round).hasSize(500);
            assertThat(ends.values()).as("seed %d, round %d", seed, round).containsOnly(1);
            assertThat(fragments.bytes()).isZero();
        }
    }
}
