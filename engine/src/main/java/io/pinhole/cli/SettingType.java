package io.pinhole.cli;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings.PortRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a setting's value may be: one reading, one way to write it, one sentence for people. */
sealed interface SettingType {
    /** The value {@code text} stands for, or null if it is not {@link #what}; never throws. */
    @Nullable Object read(String text);

    /** YAML text that {@link #read} takes back. */
    String write(Object value);

    /** What is allowed, to follow the words "is not". */
    String what();

    /** A whole number with an optional unit; an {@code Integer}. */
    record Quantity(Unit unit, int min, int max) implements SettingType {
        @Override
        public @Nullable Object read(String text) {
            int digits = 0;
            while (digits < text.length() && isDigit(text.charAt(digits))) {
                digits++;
            }
            // Ten digits hold any int; more need no arithmetic to be refused.
            if (digits == 0 || digits > 10) return null;
            Long factor = unit.factor(text.substring(digits));
            if (factor == null) return null;
            long value = Long.parseLong(text, 0, digits, 10) * factor;
            return value < min || value > max ? null : (Object) (int) value;
        }

        @Override
        public String write(Object value) {
            return unit.write((Integer) value);
        }

        @Override
        public String what() {
            return unit.noun
                    + " from "
                    + unit.write(min)
                    + " to "
                    + unit.write(max)
                    + unit.examples;
        }

        private static boolean isDigit(char c) {
            return c >= '0' && c <= '9';
        }
    }

    /** Units of a {@link Quantity}. */
    enum Unit {
        COUNT("a whole number", "", Map.of()),
        SECONDS(
                "a duration",
                " (30, 30s, 10m, 2h, 5d)",
                Map.of("s", 1L, "m", 60L, "h", 3_600L, "d", 86_400L)),
        BYTES(
                "a size in bytes",
                " (65536, 64k, 4m, 1g)",
                Map.of("k", 1L << 10, "m", 1L << 20, "g", 1L << 30));

        private final String noun;
        private final String examples;
        private final Map<String, Long> suffixes;

        Unit(String noun, String examples, Map<String, Long> suffixes) {
            this.noun = noun;
            this.examples = examples;
            this.suffixes = suffixes;
        }

        private @Nullable Long factor(String suffix) {
            return suffix.isEmpty() ? (Long) 1L : suffixes.get(suffix.toLowerCase(Locale.ROOT));
        }

        /** With the largest unit that leaves a whole number. */
        private String write(int value) {
            String suffix = "";
            long factor = 1;
            for (Map.Entry<String, Long> s : suffixes.entrySet()) {
                if (value != 0 && s.getValue() >= factor && value % s.getValue() == 0) {
                    suffix = s.getKey();
                    factor = s.getValue();
                }
            }
            return value / factor + suffix;
        }
    }

    /** On or off; a {@code Boolean}. */
    record Flag() implements SettingType {
        @Override
        public @Nullable Object read(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "on", "true", "yes" -> true;
                case "off", "false", "no" -> false;
                default -> null;
            };
        }

        @Override
        public String write(Object value) {
            return (Boolean) value ? "on" : "off";
        }

        @Override
        public String what() {
            return "on or off (true, false, yes, no)";
        }
    }

    /** One of a few words. */
    record Choice(List<Word> words) implements SettingType {
        /** A word and the enum constant it stands for. */
        record Word(String text, Enum<?> value) {}

        /** The constants in lower case with hyphens. */
        static Choice of(Class<? extends Enum<?>> type) {
            List<Word> words = new ArrayList<>();
            for (Enum<?> constant : type.getEnumConstants()) {
                String text = constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
                words.add(new Word(text, constant));
            }
            return new Choice(words);
        }

        @Override
        public @Nullable Object read(String text) {
            for (Word word : words) {
                if (word.text.equals(text)) return word.value;
            }
            return null;
        }

        @Override
        public String write(Object value) {
            for (Word word : words) {
                if (word.value == value) return word.text;
            }
            throw new IllegalArgumentException("no word for " + value);
        }

        @Override
        public String what() {
            return words.stream().map(Word::text).collect(Collectors.joining(" or "));
        }
    }

    /** A list; a {@code List} of what the items read. As text: items between commas. */
    record ListOf(Item item, int max) implements SettingType {
        @Override
        public @Nullable Object read(String text) {
            List<Object> values = new ArrayList<>();
            for (String part : split(text)) {
                Object value = item.read(part);
                if (value == null || values.size() == max) return null;
                values.add(value);
            }
            return values;
        }

        /** The items of a list written in one line, with or without brackets around it. */
        static List<String> split(String text) {
            String inner = text.strip();
            if (inner.startsWith("[") && inner.endsWith("]")) {
                inner = inner.substring(1, inner.length() - 1).strip();
            }
            if (inner.isEmpty()) return List.of();
            return Arrays.stream(inner.split(",", -1)).map(String::strip).toList();
        }

        @Override
        public String write(Object value) {
            return ((List<?>) value)
                    .stream().map(item::write).collect(Collectors.joining(", ", "[", "]"));
        }

        @Override
        public String what() {
            return "a list of at most " + max + ", each " + item.what;
        }
    }

    /** What a {@link ListOf} holds. */
    enum Item {
        ADDRESS("an IPv4 or IPv6 address") {
            @Override
            @Nullable Object read(String text) {
                IpAddress address = IpAddress.parse(text);
                return address == null ? null : address.unmapped();
            }

            // In quotes: a colon before a bracket would be YAML's own.
            @Override
            String write(Object value) {
                return ((IpAddress) value).isV4() ? value.toString() : "'" + value + "'";
            }
        },
        PORTS("a port or a range of ports from 1 to 65535 (3306, 6000-6063)") {
            @Override
            @Nullable Object read(String text) {
                int hyphen = text.indexOf('-');
                Object first = PORT.read(hyphen < 0 ? text : text.substring(0, hyphen));
                Object last = hyphen < 0 ? first : PORT.read(text.substring(hyphen + 1));
                return first instanceof Integer low && last instanceof Integer high && low <= high
                        ? new PortRange(low, high)
                        : null;
            }

            @Override
            String write(Object value) {
                PortRange range = (PortRange) value;
                return range.first() == range.last()
                        ? String.valueOf(range.first())
                        : range.first() + "-" + range.last();
            }
        };

        private static final SettingType PORT = new Quantity(Unit.COUNT, 1, 65_535);

        final String what;

        Item(String what) {
            this.what = what;
        }

        abstract @Nullable Object read(String text);

        abstract String write(Object value);
    }
}
