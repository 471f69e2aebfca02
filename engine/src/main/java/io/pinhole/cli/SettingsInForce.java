package io.pinhole.cli;

import io.pinhole.core.Settings;
import java.util.Map;

/**
 * Settings and where they came from.
 *
 * @param origins by key as in {@code --set}: {@code FILE:LINE} or {@code --set}; what is not there
 *     is a default, or for a key below {@code helpers} as in {@code helper}
 */
record SettingsInForce(Settings settings, Map<String, String> origins) {
    static final SettingsInForce DEFAULTS = new SettingsInForce(Settings.DEFAULTS, Map.of());

    SettingsInForce {
        origins = Map.copyOf(origins);
    }
}
