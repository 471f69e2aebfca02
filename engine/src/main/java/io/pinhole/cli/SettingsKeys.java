package io.pinhole.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Keys as people write them: which setting is meant, and what to say if none is. */
final class SettingsKeys {
    /** What nft takes as the name of an object; NFT_NAME_MAXLEN less its NUL. */
    private static final Pattern OBJECT_NAME = Pattern.compile("[A-Za-z_.][A-Za-z0-9/_.-]{0,254}");

    private SettingsKeys() {}

    /** {@code helpers.NAME.KEY}; keys have no dot, so the name may. */
    static String ofHelper(String objectName, Setting setting) {
        return SettingsTable.HELPERS + "." + objectName + "." + setting.name();
    }

    static boolean isObjectName(String name) {
        return OBJECT_NAME.matcher(name).matches();
    }

    /** The setting meant by {@code SECTION.NAME} or {@code helpers.OBJECT.NAME}, or null. */
    static @Nullable Setting lookUp(String key) {
        int last = key.lastIndexOf('.');
        return key.startsWith(SettingsTable.HELPERS + ".") && last > key.indexOf('.')
                ? SettingsTable.BY_KEY.get(SettingsTable.HELPER + key.substring(last))
                : SettingsTable.BY_KEY.get(key);
    }

    /** What to write instead of a key for {@code --set} in a file. */
    static String dotted(String key) {
        return "the key "
                + SettingsText.quoted(key)
                + " is for --set; in a file write '"
                + key.substring(key.lastIndexOf('.') + 1)
                + ":' indented below its section";
    }

    /** Says that nft knows no such object. */
    static String noObjectName(String name) {
        return SettingsText.quoted(name)
                + " cannot be the name of a ct helper object (letters, digits, '_', '-', '.', '/')";
    }

    /** Says what was meant by {@code key}, or what is known in its section. */
    static String unknown(String key) {
        String out = "unknown key " + SettingsText.quoted(key);
        String similar = similar(key);
        if (similar != null) return out + "; did you mean '" + similar + "'?";
        int dot = key.indexOf('.');
        String section = dot < 0 ? key : key.substring(0, dot);
        if (section.equals(SettingsTable.HELPERS)) section = SettingsTable.HELPER;
        List<String> known = new ArrayList<>();
        for (Setting setting : SettingsTable.ALL) {
            if (setting.section().equals(section)) known.add(setting.name());
        }
        if (known.isEmpty()) {
            known.addAll(SettingsTable.SECTIONS);
            known.add(SettingsTable.HELPERS);
        }
        return out + "; known are " + String.join(", ", known);
    }

    /** A key spelled much like {@code key}, or called the same in another section. */
    private static @Nullable String similar(String key) {
        // A section alone, as in --set limits=5: its keys are the better help.
        if (SettingsTable.SECTIONS.contains(key) || key.equals(SettingsTable.HELPERS)) return null;
        int last = key.lastIndexOf('.');
        String name = key.substring(last + 1);
        if (key.startsWith(SettingsTable.HELPERS + ".") && last > key.indexOf('.')) {
            String close = similar(SettingsTable.HELPER + "." + name);
            boolean ofHelper = close != null && close.startsWith(SettingsTable.HELPER + ".");
            return ofHelper && close != null
                    ? key.substring(0, last) + close.substring(SettingsTable.HELPER.length())
                    : close;
        }
        for (Setting setting : SettingsTable.ALL) {
            if (setting.name().equals(name)) return setting.key();
        }
        List<String> candidates = new ArrayList<>(SettingsTable.BY_KEY.keySet());
        candidates.addAll(SettingsTable.SECTIONS);
        candidates.add(SettingsTable.HELPERS);
        return SettingsText.closest(key, candidates);
    }
}
