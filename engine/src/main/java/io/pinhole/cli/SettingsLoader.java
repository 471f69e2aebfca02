package io.pinhole.cli;

import static java.util.Comparator.comparingInt;

import io.pinhole.cli.SettingType.ListOf;
import io.pinhole.cli.SettingsYaml.Node;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A settings file and {@code --set} options in, {@link SettingsInForce} out: defaults, the file on
 * top, the options on top of it, the last of equals wins.
 *
 * <p>Every problem of the file and the options is reported in one run; text that is not YAML hides
 * what stands in the same file.
 */
final class SettingsLoader {
    /** Read when it exists and no other file is named. */
    static final Path DEFAULT_FILE = Path.of("/etc/pinhole/pinhole.yaml");

    /** A value read from somewhere. */
    private record Assigned(Setting setting, Object value, String origin) {}

    private final Map<String, Assigned> assigned = new TreeMap<>();

    /**
     * Values of one helper object by setting; the names of the objects are kept without any, too.
     */
    private final Map<String, Map<Setting, Assigned>> helpers = new TreeMap<>();

    /** In the order of the file, then of the options. */
    private final List<Problem> problems = new ArrayList<>();

    private record Problem(int line, int column, String text) {}

    private SettingsLoader() {}

    /**
     * @param file read instead of {@link #DEFAULT_FILE}; null for that
     * @param sets {@code KEY=VALUE}, in the order of the command line
     */
    static SettingsInForce load(@Nullable Path file, List<String> sets) throws SettingsException {
        return file != null ? load(file, true, sets) : load(DEFAULT_FILE, false, sets);
    }

    /**
     * @param required whether it is an error that {@code file} does not exist
     */
    static SettingsInForce load(Path file, boolean required, List<String> sets)
            throws SettingsException {
        SettingsLoader loader = new SettingsLoader();
        try {
            loader.file(SettingsFile.name(file), SettingsFile.read(file, required));
        } catch (SettingsFile.UnreadableException e) {
            loader.problems.add(new Problem(0, 0, String.valueOf(e.getMessage())));
        }
        loader.problems.sort(comparingInt(Problem::line).thenComparingInt(Problem::column));
        for (String set : sets) {
            loader.option(set);
        }
        if (!loader.problems.isEmpty()) {
            throw new SettingsException(loader.problems.stream().map(Problem::text).toList());
        }
        return loader.inForce();
    }

    private SettingsInForce inForce() {
        Map<String, String> origins = new HashMap<>();
        Settings settings = Settings.DEFAULTS;
        for (Assigned a : assigned.values()) {
            String section = a.setting.section();
            Record holder = a.setting.with((Record) Setting.get(settings, section), a.value);
            settings = Setting.with(settings, section, holder);
            origins.put(a.setting.key(), a.origin);
        }
        Map<String, HelperPolicy> policies = new HashMap<>();
        for (Map.Entry<String, Map<Setting, Assigned>> helper : helpers.entrySet()) {
            HelperPolicy policy = settings.helper();
            for (Assigned a : helper.getValue().values()) {
                policy = a.setting.with(policy, a.value);
                origins.put(SettingsKeys.ofHelper(helper.getKey(), a.setting), a.origin);
            }
            policies.put(helper.getKey(), policy);
        }
        return new SettingsInForce(Setting.with(settings, "helpers", policies), origins);
    }

    // The file.

    private void file(String name, String text) {
        if (text.isBlank()) return;
        Node root;
        try {
            root = SettingsYaml.read(text);
        } catch (SettingsYaml.SyntaxException e) {
            problem(name, e.line(), e.column(), String.valueOf(e.getMessage()));
            return;
        }
        if (root == null) return;
        for (Node.Field section : fields(name, "", root)) {
            if (section.name().equals(SettingsTable.HELPERS)) {
                for (Node.Field object : fields(name, SettingsTable.HELPERS, section.value())) {
                    helperObject(name, object);
                }
            } else if (SettingsTable.SECTIONS.contains(section.name())) {
                for (Node.Field field : fields(name, section.name(), section.value())) {
                    setting(name, section.name(), null, field);
                }
            } else {
                problem(
                        name,
                        section.line(),
                        section.column(),
                        section.name().contains(".") && SettingsKeys.lookUp(section.name()) != null
                                ? SettingsKeys.dotted(section.name())
                                : SettingsKeys.unknown(section.name()));
            }
        }
    }

    private void helperObject(String file, Node.Field object) {
        if (!SettingsKeys.isObjectName(object.name())) {
            problem(file, object.line(), object.column(), SettingsKeys.noObjectName(object.name()));
            return;
        }
        helpers.computeIfAbsent(object.name(), n -> new HashMap<>());
        String prefix = SettingsTable.HELPERS + "." + object.name();
        for (Node.Field field : fields(file, prefix, object.value())) {
            setting(file, SettingsTable.HELPER, object.name(), field);
        }
    }

    private void setting(String file, String section, @Nullable String object, Node.Field field) {
        String prefix = object == null ? section : SettingsTable.HELPERS + "." + object;
        Setting setting = SettingsTable.BY_KEY.get(section + "." + field.name());
        if (setting == null) {
            String key = prefix + "." + field.name();
            problem(file, field.line(), field.column(), SettingsKeys.unknown(key));
            return;
        }
        Object value = value(file, prefix + "." + field.name(), setting.type(), field.value());
        if (value != null) assign(object, setting, value, file + ":" + field.line());
    }

    /** The value of a setting, or null after a problem. */
    private @Nullable Object value(String file, String key, SettingType type, Node node) {
        return switch (node) {
            case Node.Text text when text.text().isEmpty() -> {
                problem(file, node, key + ": no value; it takes " + type.what());
                yield null;
            }
            case Node.Text text -> {
                Object value = type.read(text.text());
                if (value == null) problem(file, node, key + ": " + refused(type, text.text()));
                yield value;
            }
            case Node.Items items when type instanceof ListOf list -> items(file, key, list, items);
            case Node.Items items -> {
                problem(file, node, key + ": a list is not " + type.what());
                yield null;
            }
            case Node.Fields fields -> {
                problem(file, node, key + ": a mapping is not " + type.what());
                yield null;
            }
        };
    }

    private @Nullable Object items(String file, String key, ListOf type, Node.Items list) {
        if (list.items().size() > type.max()) {
            problem(file, list, key + ": " + list.items().size() + " items; it is " + type.what());
            return null;
        }
        List<Object> values = new ArrayList<>();
        for (Node item : list.items()) {
            String text = item instanceof Node.Text t ? t.text() : "";
            Object value = type.item().read(text);
            if (value != null) {
                values.add(value);
            } else {
                String found =
                        switch (item) {
                            case Node.Text t -> SettingsText.quoted(t.text());
                            case Node.Items _ -> "a list";
                            case Node.Fields _ -> "a mapping";
                        };
                problem(file, item, key + ": " + found + " is not " + type.item().what);
            }
        }
        return values.size() == list.items().size() ? values : null;
    }

    /**
     * The fields of a mapping, each name once; none after a problem, or where nothing is written.
     */
    private List<Node.Field> fields(String file, String key, Node node) {
        if (node instanceof Node.Text text && text.text().isEmpty()) return List.of();
        if (!(node instanceof Node.Fields mapping)) {
            problem(
                    file,
                    node,
                    (key.isEmpty() ? "the file" : "'" + key + "'") + " must hold KEY: VALUE lines");
            return List.of();
        }
        Map<String, Node.Field> seen = new HashMap<>();
        List<Node.Field> once = new ArrayList<>();
        for (Node.Field field : mapping.fields()) {
            Node.Field first = seen.putIfAbsent(field.name(), field);
            if (first == null) {
                once.add(field);
            } else {
                String full = key.isEmpty() ? field.name() : key + "." + field.name();
                problem(
                        file,
                        field.line(),
                        field.column(),
                        SettingsText.quoted(full)
                                + " a second time, first in line "
                                + first.line());
            }
        }
        return once;
    }

    // The options.

    private void option(String set) {
        String name = "--set " + SettingsText.cut(set);
        int equals = set.indexOf('=');
        if (equals < 0) {
            problem(name + ": has no '='; write KEY=VALUE");
            return;
        }
        String key = set.substring(0, equals).strip();
        String text = set.substring(equals + 1).strip();
        Setting setting = SettingsKeys.lookUp(key);
        if (setting == null) {
            problem(name + ": " + SettingsKeys.unknown(key));
            return;
        }
        String object = null;
        if (!key.equals(setting.key())) {
            object = key.substring(key.indexOf('.') + 1, key.lastIndexOf('.'));
            if (!SettingsKeys.isObjectName(object)) {
                problem(name + ": " + SettingsKeys.noObjectName(object));
                return;
            }
        }
        Object value = setting.type().read(text);
        if (value == null) {
            problem(name + ": " + refused(setting.type(), text));
            return;
        }
        assign(object, setting, value, "--set");
    }

    // What both share.

    private void assign(@Nullable String object, Setting setting, Object value, String origin) {
        Assigned a = new Assigned(setting, value, origin);
        if (object == null) {
            assigned.put(setting.key(), a);
        } else {
            helpers.computeIfAbsent(object, n -> new HashMap<>()).put(setting, a);
        }
    }

    /** Names the item that is wrong, not the whole list. */
    private static String refused(SettingType type, String text) {
        if (type instanceof ListOf list) {
            for (String part : ListOf.split(text)) {
                if (list.item().read(part) == null) {
                    return SettingsText.quoted(part) + " is not " + list.item().what;
                }
            }
        }
        return SettingsText.quoted(text) + " is not " + type.what();
    }

    private void problem(String file, Node at, String what) {
        problem(file, at.line(), at.column(), what);
    }

    private void problem(String file, int line, int column, String what) {
        problems.add(new Problem(line, column, file + ":" + line + ":" + column + ": " + what));
    }

    private void problem(String ofOption) {
        problems.add(new Problem(0, 0, ofOption));
    }
}
