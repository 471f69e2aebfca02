package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.MemoryBudget;
import io.pinhole.core.Settings;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * The dialogue of one control connection. Not thread-safe; calls no clock; throws on no input.
 *
 * <p>The outcome does not depend on how the bytes are cut into calls, only on the order in which
 * the two sides' line ends come.
 *
 * <p>Memory: at most {@code limits.lineBytes} for each side, {@code limits.pipeline} commands with
 * names of 256 chars, and about 2 KiB; {@code user}, {@code greeting} and the latest announcement
 * are bounded too.
 */
public final class ControlDialogue {
    /** How many anomalies of a kind the listener hears of; the rest is only counted. */
    public static final int ALERTS_PER_KIND = 16;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private enum Phase {
        /** FTP, in the clear. */
        CLEAR,
        /** TLS records, and perhaps FTP again behind them. */
        TLS,
        /** Cannot be read, and never will be. */
        SEALED,
        /** Not FTP. */
        FOREIGN
    }

    /** One direction of the stream. */
    private static final class Stream {
        final Side side;
        final LineReader lines;

        /** The bytes that may be the start of a TLS record. */
        final byte[] opening = new byte[3];

        int openingLength;
        long openingPosition;

        /** At the stream's start or behind a gap: what comes may be text or TLS records. */
        boolean atStart = true;

        /** Set while this side is taken to send TLS records. */
        @Nullable TlsRecords tls;

        /** In TLS: this side closed its session and sent a line of FTP after it. */
        boolean spokeAgain;

        Stream(Side side, int lineBytes, MemoryBudget.Account memory) {
            this.side = side;
            this.lines = new LineReader(lineBytes, memory);
        }
    }

    private final Stream client;
    private final Stream server;
    private final DialogueListener listener;
    private final Alerts alerts;
    private final Conversation conversation;
    private Phase phase = Phase.CLEAR;
    private long encryptedSince = -1;

    /** TLS began with AUTH, so that where its first record starts is known. */
    private boolean upgraded;

    public ControlDialogue(
            IpAddress client,
            IpAddress server,
            Settings.HelperPolicy policy,
            Settings.Limits limits,
            DialogueListener listener) {
        this(client, server, policy, limits, MemoryBudget.unlimited(), listener);
    }

    /**
     * @param memory asked for what grows with what the peers say: long lines and commands that wait
     *     for a reply. Where it has no more, a line counts as overlong and a command is only
     *     counted. The caller closes it.
     */
    public ControlDialogue(
            IpAddress client,
            IpAddress server,
            Settings.HelperPolicy policy,
            Settings.Limits limits,
            MemoryBudget.Account memory,
            DialogueListener listener) {
        this.client = new Stream(Side.CLIENT, limits.lineBytes(), memory);
        this.server = new Stream(Side.SERVER, limits.lineBytes(), memory);
        this.listener = listener;
        this.alerts = new Alerts(listener, policy);
        this.conversation =
                new Conversation(client, server, policy, limits, listener, alerts, memory);
    }

    /**
     * The connection was picked up in mid-stream: its first reply may be no greeting, its first
     * lines may be parts of lines, the login is not known (and counts as not seen where policy
     * requires one). Call it when it turns out, best before the first byte.
     */
    public void midstream() {
        conversation.midstream();
    }

    /**
     * Bytes of one side in sequence order.
     *
     * @param position opaque number of the packet that carried them, handed back in events
     */
    public void feed(Side side, MemorySegment data, long offset, int length, long position) {
        Stream stream = stream(side);
        int i = 0;
        while (i < length && phase != Phase.SEALED && phase != Phase.FOREIGN) {
            TlsRecords tls = stream.tls;
            if (tls != null) {
                i += tls.skip(length - i);
                if (i == length) {
                    return;
                }
            }
            accept(stream, data.get(BYTE, offset + i), position);
            i++;
        }
    }

    /**
     * Bytes of that side are missing. What is held of its line, and the rest up to the next line
     * end, is discarded; commands outstanding are forgotten, and what they announced opens nothing.
     * A command that comes whole after this, and its reply, bring the dialogue in step again: a
     * passive reply may already open, PORT only from the next command on. Within TLS a gap makes
     * the connection unreadable for good.
     *
     * @param why {@link Anomaly#STREAM_GAP} if they were lost, {@link Anomaly#SNAP_LENGTH} if the
     *     capture cut them, {@link Anomaly#REASSEMBLY_FULL} if they could not be kept
     */
    public void gap(Side side, Anomaly why, long position) {
        if (phase == Phase.SEALED || phase == Phase.FOREIGN) {
            return;
        }
        alerts.raise(why, position, "bytes from the " + name(side) + " are missing");
        Stream stream = stream(side);
        if (phase == Phase.TLS || stream.tls != null) {
            seal();
            return;
        }
        // Behind the gap may be TLS, AUTH having been lost.
        stream.atStart = true;
        stream.openingLength = 0;
        stream.lines.skipToLineEnd();
        conversation.lost(side, why);
    }

    private void accept(Stream stream, byte b, long position) {
        if (stream.tls != null) {
            acceptTls(stream, stream.tls, b, position);
        } else if (stream.atStart) {
            acceptOpening(stream, b, position);
        } else {
            acceptText(stream, b, position);
        }
    }

    /** Implicit TLS starts with a handshake record; no text starts with bytes 20 to 24. */
    private void acceptOpening(Stream stream, byte b, long position) {
        int at = stream.openingLength;
        boolean fits =
                switch (at) {
                    case 0 -> TlsRecords.startsRecord(b);
                    case 1 -> b == 3;
                    default -> b >= 0 && b <= 4;
                };
        if (at == 0) {
            stream.openingPosition = position;
        }
        stream.opening[at] = b;
        stream.openingLength = at + 1;
        if (fits && at < 2) {
            return;
        }
        stream.atStart = false;
        if (fits) {
            startTls(stream.openingPosition);
        }
        for (int i = 0; i <= at && phase != Phase.SEALED && phase != Phase.FOREIGN; i++) {
            accept(stream, stream.opening[i], i == at ? position : stream.openingPosition);
        }
    }

    private void acceptText(Stream stream, byte b, long position) {
        if (stream.side == Side.CLIENT
                && stream.lines.isIdle()
                && TlsRecords.startsRecord(b)
                && phase == Phase.CLEAR
                && conversation.awaitsAuth()) {
            // The ClientHello overtook the 234, as captures of two interfaces may show it.
            stream.tls = new TlsRecords();
            acceptTls(stream, stream.tls, b, position);
            return;
        }
        if (!stream.lines.accept(b, position)) {
            return;
        }
        Line line = stream.lines.line();
        if (phase == Phase.TLS && !speaksAgain(stream, line)) {
            return;
        }
        if (line.overlong) {
            alerts.raise(Anomaly.OVERLONG_LINE, line.last, "from the " + name(stream.side));
        }
        if (line.nul) {
            alerts.raise(Anomaly.NUL_IN_LINE, line.last, "from the " + name(stream.side));
        }
        if (line.bareLf) {
            alerts.raise(Anomaly.BARE_LF, line.last, "from the " + name(stream.side));
        }
        if (stream.side == Side.CLIENT) {
            conversation.command(line);
        } else {
            conversation.reply(line);
            secure(conversation.secured(), line.last);
        }
        if (conversation.isForeign()) {
            phase = Phase.FOREIGN;
        }
    }

    private void secure(SecurityExchange.Outcome secured, long position) {
        switch (secured) {
            case CLEAR -> {
                if (phase == Phase.CLEAR && client.tls != null && !conversation.awaitsAuth()) {
                    // AUTH was refused, but the client already speaks TLS.
                    alerts.raise(Anomaly.NOT_FTP, position, "TLS though AUTH was refused");
                    seal();
                }
            }
            case TLS -> {
                if (conversation.isWaiting() || !client.lines.isIdle()) {
                    // Commands smuggled in behind AUTH (CVE-2011-0411 and its kin).
                    violation(position, "plain text was sent behind AUTH");
                }
                upgraded = true;
                startTls(position);
            }
            case OTHER -> {
                markEncrypted(position);
                seal();
            }
        }
    }

    private void startTls(long position) {
        phase = Phase.TLS;
        for (Stream stream : new Stream[] {client, server}) {
            stream.lines.reset();
            stream.atStart = false;
            stream.spokeAgain = false;
            if (stream.tls == null) {
                stream.tls = new TlsRecords();
            }
        }
        markEncrypted(position);
        conversation.sealed();
    }

    private void markEncrypted(long position) {
        if (encryptedSince < 0) {
            encryptedSince = position;
        }
        listener.encrypted(position);
    }

    private void acceptTls(Stream stream, TlsRecords tls, byte b, long position) {
        if (tls.accept(b) == TlsRecords.Found.RECORD) {
            return;
        }
        if (tls.isClosed() && !TlsRecords.startsRecord(b)) {
            stream.tls = null;
            acceptText(stream, b, position);
            return;
        }
        if (upgraded && !tls.sawApplicationData()) {
            violation(position, "the " + name(stream.side) + " sent plain text instead of TLS");
        }
        seal();
    }

    /**
     * A line behind TLS. Alerts show only before TLS 1.3; behind a newer session the stream stays
     * unreadable. The line counts if the other side closed its session too and the line looks like
     * FTP; when both sides have spoken, the dialogue can be read again.
     */
    private boolean speaksAgain(Stream stream, Line line) {
        Stream other = stream(stream.side.other());
        boolean closed = other.tls == null || other.tls.isClosed();
        boolean ftp =
                stream.side == Side.SERVER
                        ? line.code() > 0
                        : Command.of(line, 0, line.wordEnd(0)) != Command.UNKNOWN;
        if (!closed || !ftp) {
            seal();
            return false;
        }
        stream.spokeAgain = true;
        if (other.spokeAgain) {
            phase = Phase.CLEAR;
            listener.cleartext(line.last);
        }
        return true;
    }

    private void violation(long position, String detail) {
        alerts.raise(Anomaly.STARTTLS_VIOLATION, position, detail);
    }

    private void seal() {
        phase = Phase.SEALED;
        conversation.sealed();
        client.lines.reset();
        server.lines.reset();
    }

    private Stream stream(Side side) {
        return side == Side.CLIENT ? client : server;
    }

    private static String name(Side side) {
        return side == Side.CLIENT ? "client" : "server";
    }

    /** The name given with USER, printable, at most 256 chars; null if none was seen. */
    public @Nullable String user() {
        return conversation.login().user();
    }

    /** Whether the server refused the last login. */
    public boolean loginRefused() {
        return conversation.login().isRefused();
    }

    /** Product and version in the greeting, such as {@code vsFTPd 3.0.3}; null if none is known. */
    public @Nullable String serverSoftware() {
        return conversation.greeting().software();
    }

    /** Text of the greeting's first line, printable, at most 256 chars; null if none was seen. */
    public @Nullable String greeting() {
        return conversation.greeting().text();
    }

    /** Lines from the client that were taken for commands. */
    public long commands() {
        return conversation.commands();
    }

    /** True if the server said so. */
    public boolean loggedIn() {
        return conversation.login().isComplete();
    }

    /** The packet with which the stream first turned to TLS or the like; -1 if it never did. */
    public long encryptedSince() {
        return encryptedSince;
    }

    /** True while the stream cannot be read: encrypted, or not FTP. */
    public boolean isOpaque() {
        return phase != Phase.CLEAR;
    }

    /** True once a greeting or an answered command showed that this is FTP. */
    public boolean isFtp() {
        return conversation.sawFtp();
    }

    /** True if policy is strict and was violated: the control connection is to be reset. */
    public boolean violated() {
        return alerts.violated();
    }

    /** How often {@code kind} occurred, told to the listener or not. */
    public int count(Anomaly kind) {
        return alerts.count(kind);
    }
}
