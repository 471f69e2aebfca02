package io.pinhole.validate.scenario;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads lines that begin with {@code C} or {@code S}: what the two ends of a connection do. */
final class Dialogue {
    private static final Pattern START = Pattern.compile("[ \t]*[CS](?=[ \t:])[^#]*");
    private static final Pattern HEAD = Pattern.compile("[ \t]*([CS])([ \t][^:]*)?:( |\t|$)?");

    private Dialogue() {}

    static boolean isDialogue(String line) {
        return START.matcher(line).lookingAt();
    }

    static Step parse(Line line) throws Fault {
        Matcher head = HEAD.matcher(line.text);
        if (!head.lookingAt()) {
            return end(line);
        }
        Step.Side side = Step.Side.valueOf(head.group(1));
        int from = head.end();
        String text = line.text.substring(from).stripTrailing();
        boolean crlf = true;
        if (text.endsWith("\\c") && !text.endsWith("\\\\c")) {
            crlf = false;
            text = text.substring(0, text.length() - 2);
        }
        byte[] said = Values.bytes(text, from);
        if (crlf) {
            said = Arrays.copyOf(said, said.length + 2);
            said[said.length - 2] = '\r';
            said[said.length - 1] = '\n';
        }
        if (said.length == 0) {
            throw new Fault(from, from + 1, "nothing is said");
        }
        String options = head.group(2) == null ? "" : head.group(2);
        int optionsStart = head.start(2);
        Line words =
                new Line(line.file, line.number, " ".repeat(Math.max(0, optionsStart)) + options);
        Segments segments = new Segments.Whole();
        boolean again = false;
        boolean badChecksum = false;
        boolean shuffled = false;
        boolean unacknowledged = false;
        Expected expected = Expected.ACCEPT;
        while (!words.peek().isEnd()) {
            Token word = words.next();
            switch (word.text()) {
                case "split" -> segments = split(words, said.length);
                case "byte" -> segments = bytes(words);
                case "again" -> again = true;
                case "bad-checksum" -> badChecksum = true;
                case "shuffled" -> shuffled = true;
                case "unacknowledged" -> unacknowledged = true;
                case "accept", "drop", "reject" -> expected = Verdicts.parse(word, words);
                default ->
                        throw word.expected(
                                "':' and what is said, or one of split at N, byte by byte, again,"
                                        + " shuffled, unacknowledged, bad-checksum, drop, reject");
            }
        }
        return new Step.Say(
                side,
                Bytes.of(said),
                segments,
                again,
                badChecksum,
                shuffled,
                unacknowledged,
                expected,
                line.pos());
    }

    static Segments bytes(Line words) throws Fault {
        if (!words.take("by") || !words.take("byte")) {
            throw words.peek().expected("'byte by byte'");
        }
        return new Segments.Bytes();
    }

    private static Segments split(Line words, int length) throws Fault {
        if (!words.take("at")) {
            throw words.peek().expected("'at' and where, as in: C split at 6: PORT …");
        }
        Token token = words.word("an offset in bytes");
        List<Integer> offsets = new ArrayList<>();
        int last = 0;
        for (String part : token.text().split(",", -1)) {
            Long offset = Values.digits(part);
            if (offset == null || offset <= last || offset >= length) {
                throw token.expected(
                        "ascending offsets inside what is said, from 1 to " + (length - 1));
            }
            last = offset.intValue();
            offsets.add(last);
        }
        return new Segments.At(offsets);
    }

    /** {@code C fin}, {@code S rst drop}. */
    private static Step end(Line line) throws Fault {
        Step.Side side = Step.Side.valueOf(line.next().text());
        Token what = line.next();
        if (!what.is("fin") && !what.is("rst")) {
            throw what.expected("':' and what is said, or fin, or rst");
        }
        Expected expected =
                line.peek().isEnd() ? Expected.ACCEPT : Verdicts.parse(line.next(), line);
        line.end();
        return new Step.End(side, what.is("rst"), expected, line.pos());
    }
}
