package io.pinhole.rule;

import java.util.Map;

/**
 * {@code ct timeout NAME { protocol tcp; policy = { established: 120 } }}.
 *
 * @param seconds state name as nft writes it → seconds
 */
public record TimeoutObject(
        String table, String name, int l4proto, int family, Map<String, Integer> seconds) {
    public TimeoutObject {
        seconds = Map.copyOf(seconds);
    }
}
