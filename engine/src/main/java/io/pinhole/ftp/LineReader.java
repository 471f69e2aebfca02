package io.pinhole.ftp;

import io.pinhole.core.MemoryBudget;

/**
 * Bytes of one side in, lines out: takes telnet sequences away and finds line ends.
 *
 * <p>RFC 854: {@code IAC IAC} is the byte 255; {@code IAC WILL|WONT|DO|DONT x} are three bytes;
 * {@code IAC SB … IAC SE} a subnegotiation; {@code IAC} and any other byte two. A sequence may
 * stand anywhere, even between CR and LF. LF ends a line, with or without CR before it; CR alone
 * does not, and is kept as a byte of the line, as is {@code CR NUL}. Any other NUL makes the line
 * unusable.
 */
final class LineReader {
    private static final int NUL = 0, LF = 10, CR = 13;
    private static final int IAC = 255, DONT = 254, WILL = 251, SB = 250, SE = 240;

    /** A subnegotiation longer than this hides the rest of its line. FTP needs none at all. */
    private static final int LONGEST_SUBNEGOTIATION = 512;

    private enum Telnet {
        DATA,
        COMMAND,
        OPTION,
        SUBNEGOTIATION,
        SUBNEGOTIATION_COMMAND
    }

    private final Line line;
    private Telnet telnet = Telnet.DATA;
    private int subnegotiated;
    private boolean carriageReturn;
    private boolean empty = true;
    private boolean complete;
    private boolean skipping;

    LineReader(int limit) {
        this(limit, MemoryBudget.unlimited());
    }

    LineReader(int limit, MemoryBudget.Account memory) {
        this.line = new Line(limit, memory);
    }

    /** The line that the last byte completed. */
    Line line() {
        return line;
    }

    /** True if no byte of an unfinished line was taken. */
    boolean isIdle() {
        return complete || empty && telnet == Telnet.DATA && !skipping;
    }

    /** Bytes are missing: what is held is discarded, and the rest up to the next line end too. */
    void skipToLineEnd() {
        reset();
        skipping = true;
    }

    void reset() {
        line.clear();
        telnet = Telnet.DATA;
        carriageReturn = false;
        empty = true;
        complete = false;
        skipping = false;
    }

    /**
     * Takes one byte.
     *
     * @return true if it completed a line
     */
    boolean accept(byte b, long position) {
        if (complete) {
            reset();
        }
        int c = b & 0xff;
        switch (telnet) {
            case DATA -> {
                if (c == IAC) {
                    telnet = Telnet.COMMAND;
                } else {
                    character(c, position);
                }
            }
            case COMMAND -> {
                telnet = Telnet.DATA;
                line.telnet |= c != IAC;
                if (c == IAC) {
                    character(c, position);
                } else if (c == SB) {
                    telnet = Telnet.SUBNEGOTIATION;
                    subnegotiated = 0;
                } else if (c >= WILL && c <= DONT) {
                    telnet = Telnet.OPTION;
                }
            }
            case OPTION -> telnet = Telnet.DATA;
            case SUBNEGOTIATION -> {
                if (c == IAC) {
                    telnet = Telnet.SUBNEGOTIATION_COMMAND;
                } else {
                    subnegotiated();
                }
            }
            case SUBNEGOTIATION_COMMAND -> {
                telnet = c == SE ? Telnet.DATA : Telnet.SUBNEGOTIATION;
                subnegotiated();
            }
        }
        return complete && !skipping;
    }

    private void subnegotiated() {
        if (++subnegotiated > LONGEST_SUBNEGOTIATION) {
            line.overlong = true;
            telnet = Telnet.DATA;
        }
    }

    private void character(int c, long position) {
        if (empty) {
            empty = false;
            line.first = position;
        }
        boolean afterCr = carriageReturn;
        carriageReturn = false;
        if (c == LF) {
            line.bareLf = !afterCr;
            line.last = position;
            complete = true;
            return;
        }
        if (afterCr) {
            line.append((byte) CR);
        }
        if (c == CR) {
            carriageReturn = true;
        } else if (c != NUL) {
            line.append((byte) c);
        } else if (!afterCr) {
            line.nul = true;
        }
    }
}
