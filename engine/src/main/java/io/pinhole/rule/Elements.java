package io.pinhole.rule;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/**
 * The elements of a set in columns, so that a million of them cost tens of bytes each; {@link #get}
 * makes an {@link Element} on demand. Immutable.
 */
public final class Elements extends AbstractList<Element> implements RandomAccess {
    private final int parts;
    private final int size;
    private final long[] lows;
    private final long @Nullable [] lowHighs;
    private final long @Nullable [] highs;
    private final long @Nullable [] highHighs;
    private final int[] lines;
    private final int[] columns;
    private final String[] files;
    private final Element.@Nullable Data @Nullable [] data;
    private final Element.@Nullable Life @Nullable [] lives;
    private final int catchAll;

    private Elements(Builder from) {
        parts = from.parts;
        size = from.size;
        lows = Arrays.copyOf(from.lows, size * parts);
        lowHighs = cut(from.lowHighs, size * parts);
        highs = cut(from.highs, size * parts);
        highHighs = cut(from.highHighs, size * parts);
        lines = Arrays.copyOf(from.lines, size);
        columns = Arrays.copyOf(from.columns, size);
        boolean oneFile = true;
        for (int i = 1; i < size && oneFile; i++) {
            oneFile = from.files[i].equals(from.files[0]);
        }
        files = Arrays.copyOf(from.files, oneFile ? Math.min(1, size) : size);
        data = from.hasData ? Arrays.copyOf(from.data, size) : null;
        lives = from.hasLives ? Arrays.copyOf(from.lives, size) : null;
        catchAll = from.catchAll;
    }

    private static long @Nullable [] cut(long @Nullable [] column, int length) {
        return column == null ? null : Arrays.copyOf(column, length);
    }

    /** Parts of a key. */
    public int parts() {
        return parts;
    }

    /** Index of the element {@code *}, or -1. */
    public int catchAll() {
        return catchAll;
    }

    /** True if every part of every key is one value. */
    public boolean allSingle() {
        return highs == null;
    }

    public long lowLow(int index, int part) {
        return lows[index * parts + part];
    }

    public long lowHigh(int index, int part) {
        return lowHighs == null ? 0 : lowHighs[index * parts + part];
    }

    public long highLow(int index, int part) {
        return highs == null ? lowLow(index, part) : highs[index * parts + part];
    }

    public long highHigh(int index, int part) {
        return highHighs == null ? lowHigh(index, part) : highHighs[index * parts + part];
    }

    public Range range(int index, int part) {
        return new Range(
                lowHigh(index, part),
                lowLow(index, part),
                highHigh(index, part),
                highLow(index, part));
    }

    /** What a map gives for the element; null in a set. */
    public Element.@Nullable Data data(int index) {
        return data == null ? null : data[index];
    }

    /** True if an element has a timeout or statements of its own. */
    public boolean hasLives() {
        return lives != null;
    }

    /** The timeout and statements of the element; null where it has none. */
    public Element.@Nullable Life life(int index) {
        return lives == null ? null : lives[index];
    }

    @Override
    public Element get(int index) {
        java.util.Objects.checkIndex(index, size);
        List<Range> key = List.of();
        if (index != catchAll) {
            Range[] ranges = new Range[parts];
            for (int p = 0; p < parts; p++) {
                ranges[p] = range(index, p);
            }
            key = List.of(ranges);
        }
        String file = files.length == 1 ? files[0] : files[index];
        SourcePos at = new SourcePos(file, lines[index], columns[index]);
        return new Element(key, data(index), at, life(index));
    }

    @Override
    public int size() {
        return size;
    }

    /** Collects elements one by one. */
    public static final class Builder {
        private static final int FIRST = 16;

        private final int parts;
        private int size;
        private long[] lows;
        private long @Nullable [] lowHighs;
        private long @Nullable [] highs;
        private long @Nullable [] highHighs;
        private int[] lines = new int[FIRST];
        private int[] columns = new int[FIRST];
        private String[] files = new String[FIRST];
        private Element.@Nullable Data[] data = new Element.Data[0];
        private boolean hasData;
        private Element.@Nullable Life[] lives = new Element.Life[0];
        private boolean hasLives;
        private int catchAll = -1;

        public Builder(int parts) {
            this.parts = parts;
            lows = new long[FIRST * parts];
        }

        public int size() {
            return size;
        }

        /**
         * @param key one range for each part; empty for {@code *}
         * @param of what a map gives, null in a set
         */
        public void add(
                List<Range> key, Element.@Nullable Data of, String file, int line, int column) {
            add(key, of, null, file, line, column);
        }

        /**
         * @param key one range for each part; empty for {@code *}
         * @param of what a map gives, null in a set
         * @param life its timeout and statements, null for none
         */
        public void add(
                List<Range> key,
                Element.@Nullable Data of,
                Element.@Nullable Life life,
                String file,
                int line,
                int column) {
            if (size == lines.length) {
                grow();
            }
            lines[size] = line;
            columns[size] = column;
            files[size] = file;
            if (of != null) {
                hasData = true;
                if (data.length < lines.length) {
                    data = Arrays.copyOf(data, lines.length);
                }
                data[size] = of;
            }
            if (life != null) {
                hasLives = true;
                if (lives.length < lines.length) {
                    lives = Arrays.copyOf(lives, lines.length);
                }
                lives[size] = life;
            }
            if (key.isEmpty()) {
                catchAll = size;
            }
            for (int p = 0; p < key.size(); p++) {
                put(size * parts + p, key.get(p));
            }
            size++;
        }

        private void put(int at, Range range) {
            lows[at] = range.lowLow();
            if (highs == null && !range.isSingle()) {
                highs = lows.clone();
            }
            if (highs != null) {
                highs[at] = range.highLow();
            }
            if (lowHighs == null && range.lowHigh() != 0) {
                lowHighs = new long[lows.length];
            }
            if (lowHighs != null) {
                lowHighs[at] = range.lowHigh();
            }
            if (highHighs == null && range.highHigh() != range.lowHigh()) {
                highHighs = lowHighs == null ? new long[lows.length] : lowHighs.clone();
            }
            if (highHighs != null) {
                highHighs[at] = range.highHigh();
            }
        }

        private void grow() {
            int more = Math.multiplyExact(lines.length, 2);
            lines = Arrays.copyOf(lines, more);
            columns = Arrays.copyOf(columns, more);
            files = Arrays.copyOf(files, more);
            int longs = Math.multiplyExact(more, parts);
            lows = Arrays.copyOf(lows, longs);
            highs = cut(highs, longs);
            lowHighs = cut(lowHighs, longs);
            highHighs = cut(highHighs, longs);
        }

        public Elements build() {
            return new Elements(this);
        }
    }
}
