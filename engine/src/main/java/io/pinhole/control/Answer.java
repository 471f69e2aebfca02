package io.pinhole.control;

import java.nio.charset.StandardCharsets;

/**
 * A whole answer.
 *
 * @param body not to be changed
 */
record Answer(int status, String type, String body) {
    static final String JSON = "application/json";
    static final String TEXT = "text/plain; charset=utf-8";

    static Answer json(String body) {
        return new Answer(200, JSON, body);
    }

    static Answer empty() {
        return new Answer(204, JSON, "");
    }

    static Answer error(int status, String message) {
        return new Answer(status, JSON, Json.object().put("error", message).toString());
    }

    byte[] bytes() {
        return body.getBytes(StandardCharsets.UTF_8);
    }
}
