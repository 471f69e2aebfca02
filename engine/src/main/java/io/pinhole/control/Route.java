package io.pinhole.control;

import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;

/**
 * What can be asked: the catalogue that the server, the OpenAPI description and its test share. A
 * path ends in {@code {id}} where the rest of it names something.
 */
enum Route {
    PAGE("GET", "/"),
    OPENAPI("GET", "/openapi.yaml"),
    METRICS("GET", "/metrics"),
    STATS("GET", "/v1/stats"),
    FLOWS("GET", "/v1/flows"),
    PINHOLES("GET", "/v1/pinholes"),
    RULES("GET", "/v1/rules"),
    EVENTS("GET", "/v1/events"),
    RELOAD("POST", "/v1/reload"),
    DELETE_FLOW("DELETE", "/v1/flows/{id}"),
    DELETE_PINHOLE("DELETE", "/v1/pinholes/{id}");

    private static final String ID = "{id}";

    private final HttpMethod method;
    private final String path;

    Route(String method, String path) {
        this.method = HttpMethod.valueOf(method);
        this.path = path;
    }

    HttpMethod method() {
        return method;
    }

    String path() {
        return path;
    }

    private String prefix() {
        return path.endsWith(ID) ? path.substring(0, path.length() - ID.length()) : "";
    }

    private boolean matches(String asked) {
        String prefix = prefix();
        return prefix.isEmpty()
                ? asked.equals(path)
                : asked.startsWith(prefix) && asked.length() > prefix.length();
    }

    /** What stands where the path has {@code {id}}; empty if it has none. */
    String id(String asked) {
        String prefix = prefix();
        return prefix.isEmpty() ? "" : asked.substring(prefix.length());
    }

    /** The route for a request, or null. */
    static @Nullable Route of(HttpMethod method, String asked) {
        for (Route route : values()) {
            if (route.method.equals(method) && route.matches(asked)) {
                return route;
            }
        }
        return null;
    }

    /** True if the path is known, with another method. */
    static boolean isPath(String asked) {
        for (Route route : values()) {
            if (route.matches(asked)) {
                return true;
            }
        }
        return false;
    }
}
