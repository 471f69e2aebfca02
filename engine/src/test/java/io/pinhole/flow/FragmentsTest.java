package io.pinhole.flow;

import static io.pinhole.decode.PacketBytes.concat;
import static io.pinhole.decode.PacketBytes.fragmentHeader;
import static io.pinhole.decode.PacketBytes.hex;
import static io.pinhole.decode.PacketBytes.ipv4;
import static io.pinhole.decode.PacketBytes.ipv6;
import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.LinkType;
import io.pinhole.decode.PacketView;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class FragmentsTest {
    private static final long SECOND = 1_000_000_000L;
    private static final String A = "198.51.100.7";
    private static final String B = "203.0.113.10";
    private static final String A6 = "2001:db8::7";
    private static final String B6 = "2001:db8:2::20";

    private final List<String> lost = new ArrayList<>();
    private final PacketView view = new PacketView();
    private long next = 1;

    private Fragments fragments(int maxBytes, int maxDatagrams) {
        return new Fragments(
                maxBytes,
                maxDatagrams,
                30 * SECOND,
                (why, position, frameLength) -> lost.add(position + " " + why.label()));
    }

    /** {@code first-last} of the datagram's bytes, {@code +} when more follow. */
    private static byte[] piece(int version, String piece, int fill) {
        String[] bounds = piece.replace("+", "").split("-");
        int from = Integer.parseInt(bounds[0]);
        int to = Integer.parseInt(bounds[1]);
        byte[] data = new byte[to - from];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (from + i + fill);
        }
        boolean more = piece.endsWith("+");
        return version == 4
                ? ipv4(A, B, 17, 7, from / 8 | (more ? 0x2000 : 0), data)
                : ipv6(A6, B6, 44, concat(fragmentHeader(17, from, more, 7), data));
    }

    private String add(Fragments fragments, byte[] packet, int captured, long time) {
        MemorySegment data = MemorySegment.ofArray(packet);
        assertThat(view.wrap(data, 0, captured, packet.length, LinkType.RAW))
                .isEqualTo(Anomaly.NONE);
        assertThat(view.isFragment()).isTrue();
        Fragments.Result result = fragments.add(view, packet.length + 14, time, next++);
        return switch (result) {
            case HELD -> "held";
            case DROPPED -> fragments.anomaly().label();
            case COMPLETE ->
                    IntStream.range(0, fragments.fragmentCount())
                            .mapToObj(i -> Long.toString(fragments.fragmentPosition(i)))
                            .reduce("complete", (a, b) -> a + " " + b);
        };
    }

    // Pieces are byte ranges of one datagram, with + when more follow, ~ when the bytes are others.
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # pieces               | results                                | lost
                    0-16+ 16-24            | held; complete 1 2                     |
                    16-24 0-16+            | held; complete 1 2                     |
                    0-8+ 16-24+ 24-27 8-16+ | held; held; held; complete 1 2 3 4     |
                    # exact and contained duplicates fall alone, as in inet_frag_queue_insert
                    0-16+ 0-16+ 16-24      | held; fragment-duplicate; complete 1 3 |
                    0-16+ 8-16+ 16-24      | held; fragment-duplicate; complete 1 3 |
                    0-8+ 8-16+ 0-16+ 16-24 | held; held; fragment-duplicate; complete 1 2 4 |
                    8-24 8-24 0-8+         | held; fragment-duplicate; complete 1 3 |
                    # other bytes within what is held: that fragment is not let through
                    0-16+ ~0-16+ 16-24     | held; fragment-overlap; complete 1 3   |
                    0-8+ 8-16+ ~8-16+ 16-24 | held; held; fragment-overlap; complete 1 2 4 |
                    # any other overlap kills the datagram, RFC 5722, also what comes later
                    0-16+ 8-24+ 24-32      | held; fragment-overlap; fragment-overlap | 1 fragment-overlap
                    8-16+ 0-16+ 0-8+       | held; fragment-overlap; fragment-overlap | 1 fragment-overlap
                    16-24+ 8-32            | held; fragment-overlap                 | 1 fragment-overlap
                    0-16+ 24-32 8-24+      | held; held; fragment-overlap           | 1 fragment-overlap, 2 fragment-overlap
                    # contradicting lengths
                    16-24 0-8+ 24-32+      | held; held; fragment-malformed         | 1 fragment-malformed, 2 fragment-malformed
                    16-24 16-21            | held; fragment-malformed               | 1 fragment-malformed
                    16-24 24-32 0-16+      | held; fragment-malformed; fragment-malformed | 1 fragment-malformed
                    24-40+ 16-32           | held; fragment-malformed               | 1 fragment-malformed
                    # nothing in it, or past the largest datagram
                    8-8+ 0-8+ 8-16         | fragment-malformed; held; complete 2 3 |
                    0-8+ 8-8+ 8-16         | held; fragment-malformed; fragment-malformed | 1 fragment-malformed
                    65528-65536            | fragment-malformed                     |
                    65528-65535            | held                                   | 1 fragment-timeout
                    """)
    void followsTheKernel(String pieces, String results, String expectedLost) {
        for (int version : new int[] {4, 6}) {
            lost.clear();
            next = 1;
            Fragments fragments = fragments(1 << 20, 16);
            List<String> seen = new ArrayList<>();
            for (String piece : pieces.split(" ")) {
                byte[] packet =
                        piece(version, piece.replace("~", ""), piece.startsWith("~") ? 9 : 0);
                seen.add(add(fragments, packet, packet.length, 0));
            }
            fragments.finish();
            assertThat(String.join("; ", seen)).as("IPv%d", version).isEqualTo(results);
            assertThat(String.join(", ", lost))
                    .as("IPv%d", version)
                    .isEqualTo(expectedLost == null ? "" : expectedLost);
            assertThat(fragments.bytes()).isZero();
            assertThat(fragments.datagrams()).isZero();
        }
    }

    /** ip_frag_queue cuts what hangs over; RFC 8200 section 4.5 wants the packet discarded. */
    @Test
    void oddLengthBeforeTheEnd() {
        Fragments fragments = fragments(1 << 20, 16);
        assertThat(add(fragments, piece(4, "0-19+", 0), 39, 0)).isEqualTo("held");
        assertThat(add(fragments, piece(4, "16-20", 0), 24, 0)).isEqualTo("complete 1 2");
        assertThat(rebuilt(fragments)).endsWith(15, 16, 17, 18, 19).hasSize(40);
        assertThat(add(fragments, piece(4, "0-7+", 0), 27, 0)).isEqualTo("fragment-malformed");
        assertThat(add(fragments, piece(6, "0-19+", 0), 67, 0)).isEqualTo("fragment-malformed");
    }

    @Test
    void rebuildsIpv4() {
        byte[] whole = ipv4(A, B, 17, 7, 0x4000, hex("94040000"), new byte[300]);
        for (int i = 24; i < whole.length; i++) {
            whole[i] = (byte) i;
        }
        byte[] first =
                ipv4(A, B, 17, 7, 0x6000, hex("94040000"), Arrays.copyOfRange(whole, 24, 224));
        byte[] last = ipv4(A, B, 17, 7, 25, Arrays.copyOfRange(whole, 224, 324));
        Fragments fragments = fragments(1 << 20, 16);
        add(fragments, last, last.length, 0);
        assertThat(add(fragments, first, first.length, 0)).isEqualTo("complete 1 2");
        assertThat(rebuilt(fragments)).isEqualTo(whole);
        assertThat(fragments.fragmentFrameLength(0)).isEqualTo(last.length + 14);
        assertThat(fragments.fragmentFrameLength(1)).isEqualTo(first.length + 14);
        assertThat(Checksums.isIpv4HeaderGood(fragments.datagram(), 0, 24)).isTrue();
    }

    /** The chain of headers is mended wherever the fragment header was taken out. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "17", // nothing before
                "0 0 17", // hop-by-hop
                "0 51 17", // hop-by-hop, authentication
                "0 60 43 51 17",
            })
    void rebuildsIpv6(String chain) {
        String[] headers = chain.split(" ");
        byte[] before = new byte[0];
        for (int i = 0; i + 1 < headers.length; i++) {
            boolean last = i + 2 == headers.length;
            byte[] header = new byte[headers[i].equals("51") ? 24 : 8];
            header[0] = (byte) (last ? 44 : Integer.parseInt(headers[i + 1]));
            header[1] = (byte) (headers[i].equals("51") ? 4 : 0);
            before = concat(before, header);
        }
        byte[] data = new byte[1000];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 7);
        }
        int start = headers.length == 1 ? 44 : Integer.parseInt(headers[0]);
        byte[] a = concat(before, fragmentHeader(17, 0, true, 5), Arrays.copyOf(data, 640));
        byte[] b =
                concat(
                        before,
                        fragmentHeader(17, 640, false, 5),
                        Arrays.copyOfRange(data, 640, 1000));
        Fragments fragments = fragments(1 << 20, 16);
        assertThat(add(fragments, ipv6(A6, B6, start, a), a.length + 40, 0)).isEqualTo("held");
        assertThat(add(fragments, ipv6(A6, B6, start, b), b.length + 40, 0))
                .isEqualTo("complete 1 2");
        if (headers.length > 1) {
            // The header before the fragment header now names what followed it.
            boolean authentication = headers[headers.length - 2].equals("51");
            before[before.length - (authentication ? 24 : 8)] = 17;
        }
        byte[] whole = ipv6(A6, B6, headers.length == 1 ? 17 : start, concat(before, data));
        assertThat(rebuilt(fragments)).isEqualTo(whole);
        PacketView read = new PacketView();
        assertThat(read.wrapIp(fragments.datagram(), 0, fragments.datagramLength()))
                .isEqualTo(Anomaly.NONE);
        assertThat(read.isFragment()).isFalse();
        assertThat(read.protocol()).isEqualTo(17);
    }

    static Stream<byte[]> others() {
        byte[] data = new byte[8];
        return Stream.of(
                ipv4(A, B, 17, 8, 1, data), // another id
                ipv4(A, B, 6, 7, 1, data), // another protocol
                ipv4(B, A, 17, 7, 1, data),
                ipv4(A, A, 17, 7, 1, data),
                piece(6, "8-16", 0));
    }

    @ParameterizedTest
    @MethodSource("others")
    void keepsDatagramsApart(byte[] other) {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = piece(4, "0-8+", 0);
        add(fragments, first, first.length, 0);
        assertThat(add(fragments, other, other.length, 0)).isEqualTo("held");
    }

    /** RFC 8200 section 4.5: the next header of later fragments does not count. */
    @Test
    void ignoresTheProtocolOfLaterIpv6Fragments() {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = piece(6, "0-8+", 0);
        byte[] last = ipv6(A6, B6, 44, concat(fragmentHeader(6, 8, false, 7), new byte[8]));
        add(fragments, first, first.length, 0);
        assertThat(add(fragments, last, last.length, 0)).isEqualTo("complete 1 2");
        assertThat(rebuilt(fragments)[6]).isEqualTo((byte) 17);
    }

    @Test
    void timesOutFromTheFirstFragmentOn() {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = piece(4, "0-8+", 0);
        byte[] second = piece(4, "8-16+", 0);
        byte[] last = piece(4, "16-24", 0);
        add(fragments, first, first.length, 5 * SECOND);
        add(fragments, second, second.length, 20 * SECOND);
        fragments.expire(35 * SECOND - 1);
        assertThat(lost).isEmpty();
        assertThat(add(fragments, last, last.length, 35 * SECOND)).isEqualTo("held");
        assertThat(lost).containsExactly("1 fragment-timeout", "2 fragment-timeout");
    }

    @Test
    void forgetsADeadDatagramAtItsTimeout() {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = piece(4, "0-16+", 0);
        byte[] overlap = piece(4, "8-24", 0);
        byte[] last = piece(4, "16-24", 0);
        add(fragments, first, first.length, 0);
        add(fragments, overlap, overlap.length, 1);
        assertThat(fragments.bytes()).isZero();
        assertThat(add(fragments, last, last.length, 30 * SECOND - 1))
                .isEqualTo("fragment-overlap");
        assertThat(add(fragments, first, first.length, 30 * SECOND)).isEqualTo("held");
        assertThat(add(fragments, last, last.length, 30 * SECOND)).isEqualTo("complete 4 5");
        assertThat(lost).containsExactly("1 fragment-overlap");
    }

    @Test
    void givesUpTheOldestDatagram() {
        Fragments fragments = fragments(1 << 20, 2);
        for (int id = 1; id <= 3; id++) {
            byte[] first = ipv4(A, B, 17, id, 0x2000, new byte[8]);
            assertThat(add(fragments, first, first.length, id)).isEqualTo("held");
        }
        assertThat(lost).containsExactly("1 fragments-full");
        byte[] last = ipv4(A, B, 17, 2, 1, new byte[8]);
        assertThat(add(fragments, last, last.length, 9)).isEqualTo("complete 2 4");
    }

    @Test
    void givesUpTheOldestBytes() {
        Fragments fragments = fragments(8 * FragmentStore.BLOCK, 16);
        for (int id = 1; id <= 3; id++) {
            byte[] first = ipv4(A, B, 17, id, 0x2000, new byte[1400]);
            assertThat(add(fragments, first, first.length, id)).isEqualTo("held");
            assertThat(fragments.bytes()).isLessThanOrEqualTo(8 * FragmentStore.BLOCK);
        }
        assertThat(lost).containsExactly("1 fragments-full");
    }

    /** A datagram that cannot fit costs no other its place. */
    @Test
    void refusesWhatCanNeverFit() {
        Fragments fragments = fragments(4 * FragmentStore.BLOCK, 16);
        byte[] small = ipv4(A, B, 17, 1, 0x2000, new byte[8]);
        byte[] large = ipv4(A, B, 17, 2, 0x2000, new byte[4000]);
        add(fragments, small, small.length, 0);
        assertThat(add(fragments, large, large.length, 0)).isEqualTo("fragments-full");
        assertThat(lost).isEmpty();
        assertThat(fragments.datagrams()).isEqualTo(1);
    }

    /** One datagram that outgrows the store alone is given up, its last fragment with it. */
    @Test
    void givesUpADatagramThatOutgrowsTheStore() {
        Fragments fragments = fragments(4 * FragmentStore.BLOCK, 16);
        for (int i = 0; i < 4; i++) {
            byte[] packet = ipv4(A, B, 17, 1, 0x2000 | i, new byte[8]);
            assertThat(add(fragments, packet, packet.length, 0)).isEqualTo("held");
        }
        byte[] packet = ipv4(A, B, 17, 1, 4, new byte[8]);
        assertThat(add(fragments, packet, packet.length, 0)).isEqualTo("fragments-full");
        assertThat(lost).hasSize(4).allMatch(l -> l.endsWith(" fragments-full"));
        assertThat(fragments.bytes()).isZero();
    }

    @Test
    void saysWhereTheCaptureWasCut() {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = piece(4, "0-80+", 1);
        byte[] last = piece(4, "80-160", 1);
        // Leave other bytes in the buffer first.
        add(fragments, first, first.length, 0);
        add(fragments, last, last.length, 0);
        assertThat(fragments.datagramTruncated()).isFalse();
        assertThat(fragments.datagramCaptured()).isEqualTo(180);
        add(fragments, first, first.length, 0);
        assertThat(add(fragments, last, 20 + 30, 0)).isEqualTo("complete 3 4");
        assertThat(fragments.datagramTruncated()).isTrue();
        assertThat(fragments.datagramLength()).isEqualTo(180);
        assertThat(fragments.datagramCaptured()).isEqualTo(20 + 80 + 30);
        assertThat(Arrays.copyOfRange(rebuilt(fragments), 130, 180)).containsOnly(0);
        add(fragments, first, 20 + 17, 0);
        add(fragments, last, last.length, 0);
        assertThat(fragments.datagramCaptured()).isEqualTo(20 + 17);
        add(fragments, first, 20 + 17, 0);
        add(fragments, last, 20 + 30, 0);
        assertThat(fragments.datagramCaptured()).isEqualTo(20 + 17);
    }

    /** 65,535 bytes of IPv4 are the header's too; of IPv6 they are what follows its first 40. */
    @Test
    void refusesHeadersAndDataThatAreTooLongTogether() {
        Fragments fragments = fragments(1 << 20, 16);
        byte[] first = ipv4(A, B, 17, 7, 0x2000, new byte[65_512]);
        byte[] last = ipv4(A, B, 17, 7, 65_512 / 8, new byte[3]);
        assertThat(add(fragments, first, first.length, 0)).isEqualTo("held");
        assertThat(add(fragments, last, last.length, 0)).isEqualTo("complete 1 2");
        assertThat(fragments.datagramLength()).isEqualTo(65_535);
        last = ipv4(A, B, 17, 7, 65_512 / 8, new byte[4]);
        assertThat(add(fragments, first, first.length, 0)).isEqualTo("held");
        assertThat(add(fragments, last, last.length, 0)).isEqualTo("fragment-malformed");
        // The other way round: the header comes last.
        next = 1;
        last = ipv4(A, B, 17, 9, 65_512 / 8, new byte[4]);
        first = ipv4(A, B, 17, 9, 0x2000, new byte[8]);
        assertThat(add(fragments, last, last.length, 0)).isEqualTo("held");
        assertThat(add(fragments, first, first.length, 0)).isEqualTo("fragment-malformed");
        assertThat(lost).containsExactly("3 fragment-malformed", "1 fragment-malformed");
        first = ipv6(A6, B6, 44, concat(fragmentHeader(17, 0, true, 7), new byte[65_512]));
        last = ipv6(A6, B6, 44, concat(fragmentHeader(17, 65_512, false, 7), new byte[23]));
        assertThat(add(fragments, first, first.length, 0)).isEqualTo("held");
        assertThat(add(fragments, last, last.length, 0)).startsWith("complete");
        assertThat(fragments.datagramLength()).isEqualTo(40 + 65_535);
    }

    /** FragmentSmack, CVE-2018-5391: very many, very small, in the worst order. */
    @Test
    void livesThroughTinyFragments() {
        Fragments fragments = fragments(8 << 20, 16);
        for (int unit = 8190; unit > 0; unit--) {
            byte[] packet = ipv4(A, B, 17, 7, 0x2000 | unit, new byte[8]);
            assertThat(add(fragments, packet, packet.length, 0)).isEqualTo("held");
            assertThat(add(fragments, packet, packet.length, 0)).startsWith("fragment-");
        }
        fragments.finish();
        assertThat(lost).hasSize(8190);
    }

    private static byte[] rebuilt(Fragments fragments) {
        return fragments
                .datagram()
                .asSlice(0, fragments.datagramLength())
                .toArray(ValueLayout.JAVA_BYTE);
    }
}
