package io.pinhole.validate.scenario;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** ICMP and ICMPv6 types by the names nft gives them, and a few codes by theirs. */
final class IcmpTypes {
    /** Type and code. */
    record Kind(int type, int code) {}

    private static final Map<String, Kind> V4 = new TreeMap<>();
    private static final Map<String, Kind> V6 = new TreeMap<>();

    static {
        v4("echo-reply", 0, 0);
        v4("destination-unreachable", 3, 1);
        v4("net-unreachable", 3, 0);
        v4("host-unreachable", 3, 1);
        v4("port-unreachable", 3, 3);
        v4("frag-needed", 3, 4);
        v4("admin-prohibited", 3, 13);
        v4("source-quench", 4, 0);
        v4("redirect", 5, 1);
        v4("echo-request", 8, 0);
        v4("router-advertisement", 9, 0);
        v4("router-solicitation", 10, 0);
        v4("time-exceeded", 11, 0);
        v4("parameter-problem", 12, 0);
        v4("timestamp-request", 13, 0);
        v4("timestamp-reply", 14, 0);
        v4("info-request", 15, 0);
        v4("info-reply", 16, 0);
        v4("address-mask-request", 17, 0);
        v4("address-mask-reply", 18, 0);
        v6("destination-unreachable", 1, 3);
        v6("port-unreachable", 1, 4);
        v6("admin-prohibited", 1, 1);
        v6("packet-too-big", 2, 0);
        v6("time-exceeded", 3, 0);
        v6("parameter-problem", 4, 0);
        v6("echo-request", 128, 0);
        v6("echo-reply", 129, 0);
        v6("mld-listener-query", 130, 0);
        v6("mld-listener-report", 131, 0);
        v6("mld-listener-done", 132, 0);
        v6("nd-router-solicit", 133, 0);
        v6("nd-router-advert", 134, 0);
        v6("nd-neighbor-solicit", 135, 0);
        v6("nd-neighbor-advert", 136, 0);
        v6("nd-redirect", 137, 0);
        v6("mld2-listener-report", 143, 0);
    }

    private IcmpTypes() {}

    private static void v4(String name, int type, int code) {
        V4.put(name, new Kind(type, code));
    }

    private static void v6(String name, int type, int code) {
        V6.put(name, new Kind(type, code));
    }

    static @Nullable Kind find(String name, boolean v6) {
        return (v6 ? V6 : V4).get(name);
    }

    static Iterable<String> names(boolean v6) {
        return (v6 ? V6 : V4).keySet();
    }
}
