package io.pinhole.rule.iptables;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Elements;
import io.pinhole.rule.Range;
import io.pinhole.rule.RuleError;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.text.Errors;
import io.pinhole.rule.text.Fault;
import io.pinhole.rule.text.SourceText;
import io.pinhole.rule.text.Words;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The sets of {@code ipset save}: {@code create NAME hash:ip …}, {@code add NAME 10.0.0.1}. */
public final class IpSets {
    /** No sets. */
    public static final IpSets NONE = new IpSets(Map.of(), List.of());

    private static final Map<String, Part> PARTS =
            Map.of(
                    "ip",
                    Part.ADDRESS,
                    "net",
                    Part.ADDRESS,
                    "port",
                    Part.PORT,
                    "mac",
                    Part.MAC,
                    "mark",
                    Part.MARK);
    private static final Set<String> IGNORED_WITH_VALUE =
            Set.of(
                    "hashsize",
                    "maxelem",
                    "bucketsize",
                    "initval",
                    "range",
                    "comment",
                    "packets",
                    "bytes");
    private static final Set<String> IGNORED = Set.of("counters", "comment", "forceadd");

    private final Map<String, IpSet> sets;
    private final List<RuleError> errors;

    private IpSets(Map<String, IpSet> sets, List<RuleError> errors) {
        this.sets = sets;
        this.errors = List.copyOf(errors);
    }

    /** What one part of an element is compared with. */
    enum Part {
        ADDRESS,
        /** Protocol and port, two parts of our key. */
        PORT,
        /** A port of any protocol. */
        BARE_PORT,
        MAC,
        MARK
    }

    /**
     * One set.
     *
     * @param version 4, 6, or 0 where it holds no addresses
     */
    record IpSet(List<Part> parts, int version, ElementSet elements) {}

    /** What was wrong in the text; rules may only be judged if this is empty. */
    public List<RuleError> errors() {
        return errors;
    }

    IpSet find(Word name) {
        IpSet set = sets.get(name.text());
        if (set == null) {
            throw name.fault(
                    "no set '"
                            + name.text()
                            + "' is known; give the output of 'ipset save' with --ipset FILE"
                            + Words.hint(name.text(), sets.keySet()));
        }
        return set;
    }

    /** A set while its text is read. */
    private static final class Declared {
        final List<Part> parts;
        final int version;
        final List<DataType> types = new ArrayList<>();
        final SourcePos at;
        final Elements.Builder elements;

        Declared(List<Part> parts, int version, SourcePos at) {
            this.parts = parts;
            this.version = version;
            this.at = at;
            for (Part part : parts) {
                switch (part) {
                    case ADDRESS ->
                            types.add(version == 6 ? DataType.IPV6_ADDR : DataType.IPV4_ADDR);
                    case PORT -> {
                        types.add(DataType.INET_PROTO);
                        types.add(DataType.INET_SERVICE);
                    }
                    case BARE_PORT -> types.add(DataType.INET_SERVICE);
                    case MAC -> types.add(DataType.ETHER_ADDR);
                    case MARK -> types.add(DataType.MARK);
                }
            }
            elements = new Elements.Builder(types.size());
        }
    }

    /**
     * Reads the output of {@code ipset save}.
     *
     * @param name for messages
     */
    public static IpSets read(String name, byte[] utf8) {
        String text = NftReader.text(utf8);
        if (text == null) {
            return new IpSets(Map.of(), List.of(new RuleError(name, 0, 0, "not UTF-8 text", "")));
        }
        SourceText source = new SourceText(name, text);
        Errors errors = new Errors();
        Map<String, Declared> declared = new LinkedHashMap<>();
        int start = 0;
        int line = 1;
        while (start < text.length() && !errors.isFull()) {
            int end = text.indexOf('\n', start);
            end = end < 0 ? text.length() : end;
            try {
                List<Word> words = Word.split(source, start, end, line);
                if (!words.isEmpty() && !words.getFirst().text().startsWith("#")) {
                    line(new Arguments(words), declared);
                }
            } catch (Fault fault) {
                errors.add(fault);
            }
            start = end + 1;
            line++;
        }
        Map<String, IpSet> out = new LinkedHashMap<>();
        declared.forEach(
                (set, of) ->
                        out.put(
                                set,
                                new IpSet(
                                        of.parts,
                                        of.parts.contains(Part.ADDRESS) ? of.version : 0,
                                        new ElementSet(
                                                set,
                                                of.types,
                                                ElementSet.Holds.NOTHING,
                                                null,
                                                of.elements.build(),
                                                of.at))));
        return new IpSets(out, errors.list());
    }

    private static void line(Arguments args, Map<String, Declared> sets) {
        Word command = args.take();
        switch (command.text()) {
            case "create", "-N", "n" -> create(command, args, sets);
            case "add", "-A", "a" -> add(command, args, sets);
            case "flush", "destroy", "del", "swap", "rename", "test" ->
                    throw command.fault(
                            "'" + command.text() + "' is valid ipset, not evaluated by Pinhole");
            default -> throw command.fault("expected 'create' or 'add', found " + command.found());
        }
    }

    private static void create(Word command, Arguments args, Map<String, Declared> sets) {
        Word name = args.value(command);
        Word type = args.value(command);
        int colon = type.text().indexOf(':');
        String method = colon < 0 ? type.text() : type.text().substring(0, colon);
        if (colon < 0 || !Set.of("hash", "bitmap").contains(method)) {
            throw type.fault(
                    type.text().equals("list:set")
                            ? "a set of sets is valid ipset, not evaluated by Pinhole"
                            : "expected a type such as hash:ip, found " + type.found());
        }
        List<Part> parts = new ArrayList<>();
        for (String part : type.text().substring(colon + 1).split(",", -1)) {
            Part known = PARTS.get(part);
            if (known == null) {
                throw type.fault("set type " + type.found() + " is not evaluated by Pinhole");
            }
            parts.add(known == Part.PORT && method.equals("bitmap") ? Part.BARE_PORT : known);
        }
        int version = 4;
        while (args.more()) {
            Word option = args.take();
            String text = option.text();
            if (text.equals("family")) {
                version = args.value(option).is("inet6") ? 6 : 4;
            } else if (text.equals("timeout")) {
                Word seconds = args.value(option);
                if (!seconds.is("0")) {
                    throw option.fault(
                            "elements that time out are valid ipset, not evaluated by Pinhole");
                }
            } else if (!IGNORED.contains(text)) {
                if (!IGNORED_WITH_VALUE.contains(text)) {
                    throw option.fault(
                            "'" + text + "' of a set is valid ipset, not evaluated by Pinhole");
                }
                args.value(option);
            }
        }
        Declared made = new Declared(parts, version, name.at().pos());
        if (sets.putIfAbsent(name.text(), made) != null) {
            throw name.fault("set '" + name.text() + "' is there twice");
        }
    }

    private static void add(Word command, Arguments args, Map<String, Declared> sets) {
        Word name = args.value(command);
        Declared set = sets.get(name.text());
        if (set == null) {
            throw name.fault("no set '" + name.text() + "' was created above");
        }
        Word element = args.value(command);
        while (args.more()) {
            Word option = args.take();
            Word value = IGNORED_WITH_VALUE.contains(option.text()) ? args.value(option) : null;
            boolean forever = option.is("timeout") && args.value(option).is("0");
            if (value == null && !forever) {
                throw option.fault(
                        "'"
                                + option.text()
                                + "' of an element is valid ipset, not evaluated by Pinhole");
            }
        }
        String[] parts = element.text().split(",", -1);
        if (parts.length != set.parts.size()) {
            throw element.fault("expected " + set.parts.size() + " parts, found " + parts.length);
        }
        List<Range> key = new ArrayList<>();
        for (int i = 0; i < parts.length; i++) {
            part(set.parts.get(i), parts[i], set.version, element, key);
        }
        set.elements.add(
                key, null, element.at().source().name, element.at().line(), element.at().column());
    }

    private static void part(Part part, String text, int version, Word at, List<Range> key) {
        switch (part) {
            case ADDRESS -> {
                Range range = Parse.addresses(text, version, at);
                key.add(
                        version == 4
                                ? Range.between(
                                        range.lowLow() & Parse.MAX_U32,
                                        range.highLow() & Parse.MAX_U32)
                                : range);
            }
            case PORT -> {
                int colon = text.indexOf(':');
                String protocol = colon < 0 ? "tcp" : text.substring(0, colon);
                if (protocol.startsWith("icmp")) {
                    throw at.fault("ICMP types in a set are not evaluated by Pinhole");
                }
                key.add(Range.of(Parse.symbol(protocol, DataType.INET_PROTO, at)));
                key.add(Parse.ports(text.substring(colon + 1), '-', at));
            }
            case BARE_PORT -> key.add(Parse.ports(text, '-', at));
            case MAC -> key.add(Range.of(Parse.mac(text, at)));
            case MARK -> key.add(Range.of(Parse.number(text, Parse.MAX_U32, at)));
        }
    }
}
