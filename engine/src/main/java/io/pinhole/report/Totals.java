package io.pinhole.report;

import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.Positions;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts of a run, for each file and in all. A packet, and an event, counts for the file of its
 * position, also when it is settled while a later file is read.
 */
public final class Totals {
    private final List<Entry> files = new ArrayList<>();
    private final Counts all = new Counts();

    /** A file's name, the precision of its times and its counts. */
    private record Entry(String name, int timeDigits, Counts counts) {}

    /** Live counts; accepted + dropped + rejected + unfiltered + undecodable = packets judged. */
    public static final class Counts {
        private final long[] verdicts = new long[Verdict.values().length];
        private final long[] pinholes = new long[PinholeOutcome.values().length];
        private long packets;
        private long bytes;
        private long controls;
        private long data;
        private long incomplete;
        private long alerts;
        private boolean truncated;

        private Counts() {}

        public long packets() {
            return packets;
        }

        /** Bytes on the wire. */
        public long bytes() {
            return bytes;
        }

        public long controls() {
            return controls;
        }

        public long data() {
            return data;
        }

        /** Data connections that did not come to their end. */
        public long incomplete() {
            return incomplete;
        }

        /** Pinholes with this outcome; those an observer only imagined do not count. */
        public long pinholes(PinholeOutcome outcome) {
            return pinholes[outcome.ordinal()];
        }

        public long pinholes() {
            long sum = 0;
            for (long n : pinholes) {
                sum += n;
            }
            return sum;
        }

        public long alerts() {
            return alerts;
        }

        public long accepted() {
            return verdicts[Verdict.ACCEPT.ordinal()];
        }

        public long dropped() {
            return verdicts[Verdict.DROP.ordinal()];
        }

        public long rejected() {
            return verdicts[Verdict.REJECT.ordinal()];
        }

        public long unfiltered() {
            return verdicts[Verdict.UNFILTERED.ordinal()];
        }

        public long undecodable() {
            return verdicts[Verdict.UNDECODABLE.ordinal()];
        }

        /** True if a file ended in damage. */
        public boolean truncated() {
            return truncated;
        }

        private void packet(int wireBytes) {
            packets++;
            bytes += wireBytes;
        }

        private void event(Event event) {
            switch (event) {
                case Event.Control _ -> controls++;
                case Event.Data d -> {
                    data++;
                    if (!d.complete()) {
                        incomplete++;
                    }
                }
                case Event.Pinhole p -> {
                    if (p.helper()) {
                        pinholes[p.outcome().ordinal()]++;
                    }
                }
                case Event.Alert _ -> alerts++;
                case Event.Elsewhere _ -> {}
            }
        }
    }

    Totals() {}

    public int files() {
        return files.size();
    }

    public Counts file(int index) {
        return files.get(index).counts;
    }

    public Counts all() {
        return all;
    }

    /** The name of a file as given. */
    public String name(int index) {
        return files.get(index).name;
    }

    int timeDigits(int index) {
        return files.get(index).timeDigits;
    }

    /** {@code #17}, and {@code #17 of b.pcap} where that is another file than {@code context}. */
    String reference(long position, int context) {
        int file = Positions.file(position);
        String number = "#" + Positions.number(position);
        return file == context ? number : number + " of " + Printable.clip(name(file), 40);
    }

    void beginFile(int index, String name, int timeDigits) {
        if (index != files.size()) {
            throw new IllegalArgumentException("file " + index + " after " + files.size());
        }
        files.add(new Entry(name, Math.clamp(timeDigits, 0, 9), new Counts()));
    }

    void endFile(boolean truncated) {
        files.getLast().counts.truncated |= truncated;
        all.truncated |= truncated;
    }

    void packet(long position, int wireBytes) {
        file(Positions.file(position)).packet(wireBytes);
        all.packet(wireBytes);
    }

    void verdict(long position, Verdict verdict) {
        file(Positions.file(position)).verdicts[verdict.ordinal()]++;
        all.verdicts[verdict.ordinal()]++;
    }

    void event(Event event) {
        file(Positions.file(event.position())).event(event);
        all.event(event);
    }
}
