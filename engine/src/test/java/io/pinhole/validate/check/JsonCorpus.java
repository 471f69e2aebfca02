package io.pinhole.validate.check;

import io.pinhole.validate.check.Corpus.Base;
import io.pinhole.validate.check.Corpus.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Realistic rule sets as {@code nft -j list ruleset} writes them, and what can be wrong with them.
 * The bases have one object a line, so that a fault can be planted between two.
 */
final class JsonCorpus {
    static final Path FOLDER = Path.of("src/test/resources/rulesets/json");

    private static final Pattern MAIN_CHAIN =
            Pattern.compile(
                    """
                    \\{"chain": \\{("family": "\\w+", "table": "\\w+",) "name": "(forward|input)".*""");

    record Planted(Fault fault, Base set) {}

    private JsonCorpus() {}

    static List<Base> bases() throws IOException {
        List<Base> out = new ArrayList<>();
        try (Stream<Path> files = Files.list(FOLDER.resolve("bases"))) {
            for (Path file : files.sorted().toList()) {
                out.add(new Base(file.getFileName().toString(), Files.readString(file)));
            }
        }
        return out;
    }

    /** The faults that fit this set, each planted; {@code faults.txt} says how it is written. */
    static List<Planted> planted(Base base) throws IOException {
        List<Planted> out = new ArrayList<>();
        String file = Files.readString(FOLDER.resolve("faults.txt")).replaceAll("(?m)^#.*\n", "");
        for (String block : file.strip().split("\n\n+")) {
            List<String> lines = block.lines().toList();
            String[] title = lines.getFirst().split(": ", 2);
            Planting planting = new Planting(base);
            boolean fits = true;
            for (String edit : lines.subList(1, lines.size())) {
                String[] words = edit.split(" ", 2);
                fits &= planting.edit(words[0], words[1]);
            }
            if (fits) {
                Base set = new Base(base.name(), String.join("\n", planting.lines) + "\n");
                out.add(new Planted(Fault.of(title[1], title[0]), set));
            }
        }
        return out;
    }

    /** A set whose lines are being changed. */
    private static final class Planting {
        final List<String> lines;
        private final String place;
        private final String main;
        private int handle = 100;
        private int first;
        private String before = "";

        Planting(Base base) {
            lines = new ArrayList<>(base.text().lines().toList());
            Matcher chain =
                    lines.stream()
                            .map(MAIN_CHAIN::matcher)
                            .filter(Matcher::matches)
                            .findFirst()
                            .orElseThrow();
            place = chain.group(1);
            main = chain.group(2);
            first = lines.indexOf(rulesOf(main).getFirst());
        }

        private List<String> rulesOf(String chain) {
            String start = "{\"rule\": {" + place + " \"chain\": \"" + chain + "\",";
            return lines.stream().filter(l -> l.startsWith(start)).toList();
        }

        /** False if there is nothing to change. */
        boolean edit(String verb, String what) {
            switch (verb) {
                case "first" -> lines.add(first++, rule(main, what));
                case "last" ->
                        lines.add(lines.indexOf(rulesOf(main).getLast()) + 1, rule(main, what));
                case "into" -> {
                    String[] words = what.split(" ", 2);
                    lines.add(first++, rule(words[0], words[1]));
                }
                case "object" -> lines.add(first++, what.replace("@", place) + ",");
                case "change" -> before = what;
                case "to" -> {
                    boolean fits = lines.stream().anyMatch(l -> l.contains(before));
                    lines.replaceAll(l -> l.replace(before, what));
                    return fits;
                }
                default -> throw new AssertionError(verb);
            }
            // The last object has no comma after it.
            int last = lines.size() - 2;
            for (int i = 1; i <= last; i++) {
                String line = lines.get(i).replaceAll(",$", "");
                lines.set(i, i == last ? line : line + ",");
            }
            return true;
        }

        private String rule(String chain, String expressions) {
            return "{\"rule\": {%s \"chain\": \"%s\", \"handle\": %d, \"expr\": %s}},"
                    .formatted(place, chain, ++handle, expressions);
        }
    }
}
