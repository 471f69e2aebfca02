package io.pinhole.validate.output;

/** Text from scenario files and the network, safe for terminals and files. */
final class Plain {
    private Plain() {}

    /** Controls, format characters and halves of pairs become escapes; tabs become blanks. */
    static String text(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            if (c == '\t') {
                                out.append(' ');
                                return;
                            }
                            switch (Character.getType(c)) {
                                case Character.CONTROL,
                                        Character.FORMAT,
                                        Character.LINE_SEPARATOR,
                                        Character.PARAGRAPH_SEPARATOR,
                                        Character.SURROGATE ->
                                        out.append(String.format("\\u{%x}", c));
                                default -> out.appendCodePoint(c);
                            }
                        });
        return out.toString();
    }
}
