package io.pinhole.gateway;

import java.util.List;

/** Why a gateway cannot start, in lines for people. */
public final class GatewayException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<String> lines;

    public GatewayException(String... lines) {
        super(lines[0]);
        this.lines = List.of(lines);
    }

    public List<String> lines() {
        return lines;
    }
}
