package io.pinhole.flow;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.pinhole.core.Anomaly;
import io.pinhole.decode.Checksums;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.FragmentTable.Datagram;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Rebuilds IPv4 and IPv6 datagrams from their fragments (RFC 791 section 3.2, RFC 8200 section
 * 4.5), so that a fragment can be judged as its datagram. Owned by one shard; time is that of the
 * packets.
 *
 * <p>Rules are those of the kernel's ip_frag_queue and nf_ct_frag6_queue, with two that are
 * stricter and the same for both families:
 *
 * <ul>
 *   <li>A fragment that lies within what is already held is dropped alone.
 *   <li>A fragment that overlaps otherwise kills its datagram (RFC 5722): what is held is reported
 *       as lost, and whatever else comes for it until the timeout is dropped. Linux forgets the
 *       datagram and would start it anew.
 *   <li>A fragment that contradicts the datagram's length, is empty, or ends past 65,535 kills it
 *       too.
 * </ul>
 *
 * <p>The bytes of fragments lie in blocks of {@value FragmentStore#BLOCK} bytes, {@code maxBytes}
 * in all. Beside them at most {@code maxDatagrams} entries of about 1.2 KiB and one buffer for the
 * rebuilt datagram. At either limit the oldest datagram is given up. Memory is taken when first
 * needed and kept; from then on nothing is allocated.
 */
public final class Fragments {
    /** What became of a fragment. */
    public enum Result {
        /** Its verdict is pending until its datagram is complete or lost. */
        HELD,
        /** It completed its datagram, which can now be read. */
        COMPLETE,
        /** It belongs to no datagram; {@link #anomaly()} says why. */
        DROPPED
    }

    /** Told of each fragment that was {@link Result#HELD} and whose datagram never completes. */
    @FunctionalInterface
    public interface LossListener {
        /**
         * @param position as given to {@link #add}
         * @param frameLength as given to {@link #add}
         */
        void lost(Anomaly why, long position, int frameLength);
    }

    private static final int MAX_DATAGRAM = 65_535;
    private static final int IPV6_HEADER = 40;
    private static final int FRAGMENT_HEADER = 8;
    // RFC 8200 section 4.5 makes a host with the minimum MTU of 1280 send no more than 53 of them.
    private static final int MAX_COMPARED = 128;

    private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);

    private final FragmentStore store;
    private boolean remembersDead = true;
    private final FragmentTable table;
    private final long timeoutNanos;
    private final LossListener listener;

    private Anomaly anomaly = Anomaly.NONE;

    private @Nullable MemorySegment built;
    private int builtLength;
    private int builtCaptured;
    private long[] positions = new long[16];
    private int[] frameLengths = new int[16];
    private int count;

    // Of the fragment being added.
    private int offset;
    private int length;
    private int captured;
    private int headerLength;
    private int countedHeaders;
    private long dataStart;

    /**
     * @param maxBytes bytes of incomplete datagrams, rounded down to blocks
     * @param maxDatagrams incomplete and dead datagrams remembered
     * @param timeoutNanos how long after its first fragment a datagram must be complete
     */
    public Fragments(int maxBytes, int maxDatagrams, long timeoutNanos, LossListener listener) {
        if (maxDatagrams < 1) {
            throw new IllegalArgumentException("maxDatagrams " + maxDatagrams);
        }
        store = new FragmentStore(maxBytes);
        table = new FragmentTable(maxDatagrams);
        this.timeoutNanos = timeoutNanos;
        this.listener = listener;
    }

    /**
     * Takes one fragment. What the last {@link Result#COMPLETE} left to read is gone.
     *
     * @param fragment a view that was read without anomaly and whose {@link
     *     PacketView#isFragment()} is true; its bytes are copied
     * @param frameLength handed back with the position
     * @param timeNanos packet time, not before that of the last call
     * @param position handed back when the datagram's fate is known
     */
    public Result add(PacketView fragment, int frameLength, long timeNanos, long position) {
        expire(timeNanos);
        count = 0;
        builtLength = 0;
        builtCaptured = 0;
        anomaly = Anomaly.NONE;
        measure(fragment);
        Datagram d = table.find(fragment);
        if (d == null) {
            if (contradictsItself(fragment)) {
                return drop(Anomaly.FRAGMENT_MALFORMED);
            }
            if (table.isFull()) {
                giveUpOldest(Anomaly.FRAGMENTS_FULL);
            }
            d = table.open(fragment, timeNanos);
        } else if (d.death != Anomaly.NONE) {
            return drop(d.death);
        } else if (contradictsItself(fragment) || contradicts(d, fragment.moreFragments())) {
            return remembersDead || fragment.isV4()
                    ? kill(d, Anomaly.FRAGMENT_MALFORMED)
                    : drop(Anomaly.FRAGMENT_MALFORMED); // nf_ct_frag6_queue keeps the others
        }
        if (!remembersDead && !fragment.moreFragments()) {
            // To the kernel it says where the datagram ends even if it repeats what is held.
            d.end = Math.max(d.end, offset + length);
            d.lastSeen = true;
        }
        int first = offset >>> 3;
        int last = offset + length - 1 >>> 3;
        int already = d.countHeld(first, last);
        if (already == last - first + 1) {
            return drop(
                    sameBytes(d, fragment) ? Anomaly.FRAGMENT_DUPLICATE : Anomaly.FRAGMENT_OVERLAP);
        }
        if (already > 0) {
            return kill(d, Anomaly.FRAGMENT_OVERLAP);
        }
        if (!hold(d, fragment, frameLength, position)) {
            return drop(Anomaly.FRAGMENTS_FULL);
        }
        d.setHeld(first, last);
        d.end = Math.max(d.end, offset + length);
        d.countedHeaders = Math.max(d.countedHeaders, countedHeaders);
        d.lastSeen |= !fragment.moreFragments();
        d.truncated |= captured < length;
        if (!d.isComplete()) {
            return Result.HELD;
        }
        build(d);
        clear(d);
        table.remove(d);
        return Result.COMPLETE;
    }

    /** Why the last fragment was {@link Result#DROPPED}. */
    public Anomaly anomaly() {
        return anomaly;
    }

    /**
     * The rebuilt IP packet, at offset 0: the first fragment's headers without fragment fields,
     * with lengths and IPv4 checksum mended. Valid until the next {@link #add}.
     */
    public MemorySegment datagram() {
        return built == null ? MemorySegment.NULL : built;
    }

    /** Length of the rebuilt IP packet on the wire. */
    public int datagramLength() {
        return builtLength;
    }

    /** Bytes of the rebuilt IP packet before the first one that the capture lacks. */
    public int datagramCaptured() {
        return builtCaptured;
    }

    /** True if the snap length of the capture cut a fragment of the rebuilt datagram. */
    public boolean datagramTruncated() {
        return builtCaptured < builtLength;
    }

    /** Number of fragments the rebuilt datagram came in, the completing one included. */
    public int fragmentCount() {
        return count;
    }

    /** Position of fragment {@code i} of the rebuilt datagram, in order of arrival. */
    public long fragmentPosition(int i) {
        return positions[i];
    }

    /** Frame length of fragment {@code i} of the rebuilt datagram, in order of arrival. */
    public int fragmentFrameLength(int i) {
        return frameLengths[i];
    }

    /** Incomplete and dead datagrams remembered now. */
    public int datagrams() {
        return table.size();
    }

    /** Bytes of blocks in use now. */
    public long bytes() {
        return store.bytesInUse();
    }

    /** Gives up the datagrams whose time has come, oldest first. */
    public void expire(long nowNanos) {
        for (Datagram d = table.oldest();
                d != null && nowNanos - d.startNanos >= timeoutNanos;
                d = table.oldest()) {
            giveUp(d, Anomaly.FRAGMENT_TIMEOUT);
        }
    }

    /** End of input: what is incomplete now stays so. */
    public void finish() {
        while (table.size() > 0) {
            giveUpOldest(Anomaly.FRAGMENT_TIMEOUT);
        }
    }

    // ---- one fragment ----

    private void measure(PacketView f) {
        long ip = f.networkStart();
        dataStart = f.isV4() ? f.transportStart() : f.fragmentHeader() + FRAGMENT_HEADER;
        offset = f.fragmentOffset();
        headerLength = offset == 0 ? (int) (dataStart - ip) : 0;
        length = f.ipLength() - (int) (dataStart - ip);
        // IPv4 counts its header to the length that must fit 16 bits, IPv6 only its extensions.
        int uncounted = f.isV4() ? 0 : IPV6_HEADER + FRAGMENT_HEADER;
        countedHeaders = offset == 0 ? headerLength - uncounted : 0;
        if (f.isV4() && f.moreFragments()) {
            length &= ~7; // as ip_frag_queue does; for IPv6 it is an error
        }
        captured = Math.min(length, f.ipCaptured() - (int) (dataStart - ip));
    }

    private boolean contradictsItself(PacketView f) {
        return length <= 0
                || length > MAX_DATAGRAM - offset - countedHeaders
                || (f.moreFragments() && (length & 7) != 0);
    }

    private boolean contradicts(Datagram d, boolean more) {
        int end = offset + length;
        int headers = Math.max(countedHeaders, d.countedHeaders);
        if (headers + Math.max(end, d.end) > MAX_DATAGRAM) {
            return true;
        }
        if (more) {
            return d.lastSeen && end > d.end;
        }
        return end < d.end || (d.lastSeen && end != d.end);
    }

    private Result drop(Anomaly why) {
        anomaly = why;
        return Result.DROPPED;
    }

    /** Forgets the datagrams that it gave up, as Linux does: later fragments begin afresh. */
    public void forgetDead() {
        remembersDead = false;
    }

    /** Gives up the datagram that a fragment belongs to, if any of it is held. */
    public void abandon(PacketView fragment) {
        Datagram d = table.find(fragment);
        if (d != null) {
            giveUp(d, Anomaly.FRAGMENT_MALFORMED);
        }
    }

    private Result kill(Datagram d, Anomaly why) {
        if (!remembersDead) {
            giveUp(d, why);
            return drop(why);
        }
        lose(d, why);
        d.death = why;
        return drop(why);
    }

    private boolean hold(Datagram d, PacketView f, int frameLength, long position) {
        int bytes = headerLength + captured;
        if (!store.couldHold(bytes)) {
            giveUp(d, Anomaly.FRAGMENTS_FULL);
            return false;
        }
        while (!store.hasRoomFor(bytes)) {
            if (giveUpOldest(Anomaly.FRAGMENTS_FULL) == d) {
                return false;
            }
        }
        int stored =
                store.put(
                        f.data(),
                        dataStart - headerLength,
                        bytes,
                        headerLength,
                        offset,
                        length,
                        frameLength,
                        position);
        if (d.lastFragment == FragmentStore.NONE) {
            d.firstFragment = stored;
        } else {
            store.setNextFragment(d.lastFragment, stored);
        }
        d.lastFragment = stored;
        d.fragments++;
        return true;
    }

    /**
     * Whether a fragment that lies within what is held repeats it. A datagram of very many
     * fragments is not searched: the cost would be the attacker's to choose (CVE-2018-5391).
     */
    private boolean sameBytes(Datagram d, PacketView f) {
        if (d.fragments > MAX_COMPARED) {
            return false;
        }
        for (int i = d.firstFragment; i != FragmentStore.NONE; i = store.nextFragment(i)) {
            int from = Math.max(offset, store.offset(i));
            int to = Math.min(offset + captured, store.offset(i) + store.captured(i));
            if (from < to
                    && !store.sameData(
                            i,
                            from - store.offset(i),
                            f.data(),
                            dataStart + from - offset,
                            to - from)) {
                return false;
            }
        }
        return true;
    }

    // ---- the rebuilt datagram ----

    private void build(Datagram d) {
        int first = d.firstFragment;
        while (store.offset(first) != 0) {
            first = store.nextFragment(first);
        }
        int header = store.headerLength(first) - (d.version == 6 ? FRAGMENT_HEADER : 0);
        int total = header + d.end;
        MemorySegment out = built;
        if (out == null) {
            out = Arena.ofAuto().allocate(IPV6_HEADER + MAX_DATAGRAM);
            built = out;
        }
        if (d.truncated) {
            out.asSlice(0, total).fill((byte) 0);
        }
        store.copy(first, 0, out, 0, header);
        int known = d.end;
        for (int i = d.firstFragment; i != FragmentStore.NONE; i = store.nextFragment(i)) {
            int at = store.offset(i);
            int present = store.captured(i);
            store.copy(i, store.headerLength(i), out, header + at, present);
            if (present < store.length(i)) {
                known = Math.min(known, at + present);
            }
            remember(store.position(i), store.frameLength(i));
        }
        if (d.version == 4) {
            mendIpv4(out, header, total);
        } else {
            mendIpv6(out, header, total, store.headerByte(first, header));
        }
        builtLength = total;
        builtCaptured = header + known;
    }

    private void remember(long position, int frameLength) {
        if (count == positions.length) {
            positions = Arrays.copyOf(positions, count * 2);
            frameLengths = Arrays.copyOf(frameLengths, count * 2);
        }
        positions[count] = position;
        frameLengths[count++] = frameLength;
    }

    private static void mendIpv4(MemorySegment out, int header, int total) {
        out.set(U16, 2, (short) total);
        // The flag don't-fragment stays where it was set.
        out.set(U16, 6, (short) (out.get(U16, 6) & 0x4000));
        out.set(U16, 10, (short) 0);
        out.set(U16, 10, (short) ~Checksums.fold(Checksums.sum(out, 0, header)));
    }

    /** Links the header before the removed fragment header to the one behind it. */
    private static void mendIpv6(MemorySegment out, int header, int total, int behind) {
        out.set(U16, 4, (short) (total - IPV6_HEADER));
        int link = 6;
        int at = IPV6_HEADER;
        while (at < header) {
            boolean authentication = u8(out, link) == 51;
            link = at;
            int units = u8(out, at + 1);
            at += authentication ? (units + 2) * 4 : (units + 1) * 8;
        }
        out.set(U8, link, (byte) behind);
    }

    private static int u8(MemorySegment data, long at) {
        return Byte.toUnsignedInt(data.get(U8, at));
    }

    // ---- the end of a datagram ----

    private @Nullable Datagram giveUpOldest(Anomaly why) {
        Datagram d = table.oldest();
        if (d != null) {
            giveUp(d, why);
        }
        return d;
    }

    private void giveUp(Datagram d, Anomaly why) {
        lose(d, why);
        table.remove(d);
    }

    /** Reports the fragments of a datagram as lost and frees their bytes; its entry stays. */
    private void lose(Datagram d, Anomaly why) {
        for (int i = d.firstFragment; i != FragmentStore.NONE; i = store.nextFragment(i)) {
            listener.lost(why, store.position(i), store.frameLength(i));
        }
        clear(d);
    }

    private void clear(Datagram d) {
        for (int i = d.firstFragment; i != FragmentStore.NONE; ) {
            int next = store.nextFragment(i);
            store.free(i);
            i = next;
        }
        d.clear();
    }
}
