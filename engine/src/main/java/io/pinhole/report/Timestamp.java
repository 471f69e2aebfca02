package io.pinhole.report;

/**
 * Times as RFC 3339 in UTC, {@code 2009-03-01T12:00:00.123456Z}, into a re-used buffer. Times in a
 * capture mostly share their second: its text is kept.
 */
final class Timestamp {
    private static final long SECOND = 1_000_000_000;
    private static final long SECONDS_A_DAY = 86_400;
    private static final int FRACTION = 19; // offset of the point

    private final byte[] text = JsonLine.ascii("0000-00-00T00:00:00.000000000Z");
    private long second = Long.MIN_VALUE;

    /**
     * Renders into {@link #bytes()}.
     *
     * @param nanos since the epoch
     * @param digits of the fraction, 0..9; further ones are cut off
     * @return length in bytes
     */
    int render(long nanos, int digits) {
        long s = Math.floorDiv(nanos, SECOND);
        if (s != second) {
            second = s;
            date(s);
        }
        if (digits == 0) {
            text[FRACTION] = 'Z';
            return FRACTION + 1;
        }
        text[FRACTION] = '.';
        decimal(FRACTION + 1, 9, (int) Math.floorMod(nanos, SECOND));
        text[FRACTION + 1 + digits] = 'Z';
        return FRACTION + 2 + digits;
    }

    byte[] bytes() {
        return text;
    }

    /** The proleptic Gregorian calendar; a long of nanoseconds reaches from 1677 to 2262. */
    private void date(long s) {
        long day = Math.floorDiv(s, SECONDS_A_DAY);
        int ofDay = (int) Math.floorMod(s, SECONDS_A_DAY);
        // Count from 1600-03-01: leap days then end years, and cycles of 400 years are equal.
        long shifted = day + 135_080;
        long cycle = Math.floorDiv(shifted, 146_097);
        int ofCycle = Math.floorMod(shifted, 146_097);
        int year = (ofCycle - ofCycle / 1460 + ofCycle / 36_524 - ofCycle / 146_096) / 365;
        int ofYear = ofCycle - (365 * year + year / 4 - year / 100);
        int month = (5 * ofYear + 2) / 153; // 0 is March
        int ofMonth = ofYear - (153 * month + 2) / 5 + 1;
        decimal(0, 4, (int) (1600 + 400 * cycle) + year + (month >= 10 ? 1 : 0));
        decimal(5, 2, month < 10 ? month + 3 : month - 9);
        decimal(8, 2, ofMonth);
        decimal(11, 2, ofDay / 3600);
        decimal(14, 2, ofDay / 60 % 60);
        decimal(17, 2, ofDay % 60);
    }

    private void decimal(int at, int digits, int value) {
        int rest = value;
        for (int i = at + digits - 1; i >= at; i--) {
            text[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
    }
}
