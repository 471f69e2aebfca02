package io.pinhole.cli;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;

/**
 * One row of {@link SettingsTable}: how a component of a record in {@code core.Settings} is called,
 * what it may be and what it does.
 *
 * @param section name of the record in {@code Settings}
 * @param name name within the section
 * @param component name of the record component
 * @param about one line for people
 */
record Setting(String section, String name, String component, SettingType type, String about) {
    String key() {
        return section + "." + name;
    }

    /** This setting's value in {@code holder}, the record of its section. */
    Object in(Record holder) {
        return get(holder, component);
    }

    /** {@code holder} with this setting changed. */
    <R extends Record> R with(R holder, Object value) {
        return with(holder, component, value);
    }

    static Object get(Record holder, String component) {
        try {
            return holder.getClass().getMethod(component).invoke(holder);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(holder.getClass() + " has no " + component, e);
        }
    }

    /** The canonical constructor, so that no setting can slip into its neighbour's place. */
    @SuppressWarnings("unchecked") // the copy is of the original's class
    static <R extends Record> R with(R holder, String component, Object value) {
        RecordComponent[] components = holder.getClass().getRecordComponents();
        Object[] values =
                Arrays.stream(components)
                        .map(c -> c.getName().equals(component) ? value : get(holder, c.getName()))
                        .toArray();
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return (R) holder.getClass().getDeclaredConstructor(types).newInstance(values);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot set " + component, e);
        }
    }
}
