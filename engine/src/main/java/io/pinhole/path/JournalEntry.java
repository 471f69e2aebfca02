package io.pinhole.path;

import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * What is no packet but changes verdicts: a live gateway writes it into its recording, between the
 * packets it came between, and a replay does it again. One line of text each ({@link #text}), so
 * that a recording can be read without this program.
 */
public sealed interface JournalEntry {
    /** The first entry of a recording. */
    record Begin(String program, String rules) implements JournalEntry {}

    /** Another rule set was put in force. */
    record Reload(String name, String ruleText) implements JournalEntry {}

    /** A connection that was established before. */
    record TakeOver(FlowKey key, boolean offloaded, String input, String output)
            implements JournalEntry {}

    /** The kernel carries a connection from now on. */
    record Offload(FlowKey key) implements JournalEntry {}

    /** The kernel no longer carries it. */
    record Recall(FlowKey key) implements JournalEntry {}

    /** The flow was removed: by an operator, or because the kernel forgot it. */
    record Remove(FlowKey key) implements JournalEntry {}

    /** An operator closed the pinholes that lead there. */
    record ClosePinhole(IpAddress source, IpAddress destination, int port)
            implements JournalEntry {}

    /** The kernel's own tracking found the next packet invalid. */
    record OutOfWindow() implements JournalEntry {}

    /** Packets were not seen: they passed or were dropped uninspected. */
    record Gap(long packets) implements JournalEntry {}

    /** One line; a rule set's text follows on lines of its own. */
    default String text() {
        return switch (this) {
            case Begin(String program, String rules) -> "begin " + rules + "\n" + program;
            case Reload(String name, String rules) -> "reload " + name + "\n" + rules;
            case TakeOver(FlowKey key, boolean offloaded, String input, String output) ->
                    "take-over %s %s %s %s"
                            .formatted(
                                    key(key),
                                    offloaded ? "offloaded" : "seen",
                                    input.isEmpty() ? "-" : input,
                                    output.isEmpty() ? "-" : output);
            case Offload(FlowKey key) -> "offload " + key(key);
            case Recall(FlowKey key) -> "recall " + key(key);
            case Remove(FlowKey key) -> "remove " + key(key);
            case ClosePinhole(IpAddress source, IpAddress destination, int port) ->
                    "close-pinhole %s %s %d".formatted(source, destination, port);
            case OutOfWindow() -> "out-of-window";
            case Gap(long packets) -> "gap " + packets;
        };
    }

    private static String key(FlowKey key) {
        return "%d %s %d %s %d"
                .formatted(
                        key.protocol(),
                        key.source(),
                        key.sourcePort(),
                        key.destination(),
                        key.destinationPort());
    }

    /** Reads what {@link #text} wrote; null if it is none. */
    static @Nullable JournalEntry parse(String text) {
        int lineEnd = text.indexOf('\n');
        String line = lineEnd < 0 ? text : text.substring(0, lineEnd);
        String rest = lineEnd < 0 ? "" : text.substring(lineEnd + 1);
        String[] words = line.split(" ", -1);
        FlowKey key = words.length >= 6 ? key(words) : null;
        return switch (words[0]) {
            case "begin" -> new Begin(rest, line.substring(Math.min(line.length(), 6)));
            case "reload" -> new Reload(line.substring(Math.min(line.length(), 7)), rest);
            case "take-over" ->
                    key == null || words.length != 9
                            ? null
                            : new TakeOver(
                                    key,
                                    words[6].equals("offloaded"),
                                    words[7].equals("-") ? "" : words[7],
                                    words[8].equals("-") ? "" : words[8]);
            case "offload" -> key == null || words.length != 6 ? null : new Offload(key);
            case "recall" -> key == null || words.length != 6 ? null : new Recall(key);
            case "remove" -> key == null || words.length != 6 ? null : new Remove(key);
            case "close-pinhole" -> closePinhole(words);
            case "out-of-window" -> new OutOfWindow();
            case "gap" -> words.length == 2 ? gap(words[1]) : null;
            default -> null;
        };
    }

    private static @Nullable JournalEntry closePinhole(String[] words) {
        if (words.length != 4) {
            return null;
        }
        IpAddress source = IpAddress.parse(words[1]);
        IpAddress destination = IpAddress.parse(words[2]);
        long port = number(words[3], 65_535);
        return source == null || destination == null || port < 0
                ? null
                : new ClosePinhole(source, destination, (int) port);
    }

    private static @Nullable JournalEntry gap(String packets) {
        long n = number(packets, Long.MAX_VALUE);
        return n < 0 ? null : new Gap(n);
    }

    private static @Nullable FlowKey key(String[] words) {
        long protocol = number(words[1], 255);
        IpAddress source = IpAddress.parse(words[2]);
        long sourcePort = number(words[3], 65_535);
        IpAddress destination = IpAddress.parse(words[4]);
        long port = number(words[5], 65_535);
        if (protocol < 0
                || source == null
                || sourcePort < 0
                || destination == null
                || port < 0
                || source.version() != destination.version()) {
            return null;
        }
        return new FlowKey((int) protocol, source, (int) sourcePort, destination, (int) port);
    }

    private static long number(String text, long most) {
        if (text.isEmpty()
                || text.length() > 18
                || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return -1;
        }
        long value = Long.parseLong(text);
        return value > most ? -1 : value;
    }
}
