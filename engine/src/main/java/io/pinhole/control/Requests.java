package io.pinhole.control;

import io.netty.handler.codec.http.QueryStringDecoder;
import io.pinhole.control.api.FlowFilter;
import io.pinhole.control.api.Gateway;
import io.pinhole.control.api.GatewayBusyException;
import io.pinhole.control.api.ReloadResult;
import io.pinhole.core.IpAddress;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** Answers every route but the event stream. Runs on virtual threads: the gateway may keep it. */
final class Requests {
    private static final int USUAL_PAGE = 100;
    private static final int MAX_PAGE = 1000;
    private static final int MAX_CURSOR = 64;

    /** A query that makes no sense. */
    private static final class BadQuery extends Exception {
        private static final long serialVersionUID = 1L;

        BadQuery(String message) {
            super(message);
        }
    }

    private final Gateway gateway;
    private final IntSupplier readers;

    Requests(Gateway gateway, IntSupplier readers) {
        this.gateway = gateway;
        this.readers = readers;
    }

    Answer answer(Route route, QueryStringDecoder query) {
        try {
            return switch (route) {
                case PAGE -> resource("page.html", "text/html; charset=utf-8");
                case OPENAPI -> resource("openapi.yaml", "application/yaml");
                case METRICS ->
                        new Answer(
                                200,
                                Metrics.TYPE,
                                Metrics.text(gateway.stats(), readers.getAsInt()));
                case STATS -> Answer.json(Json.stats(gateway.stats()));
                case FLOWS -> flows(query);
                case PINHOLES -> {
                    known(query, Set.of("cursor", "limit"));
                    yield Answer.json(Json.pinholes(gateway.pinholes(cursor(query), limit(query))));
                }
                case RULES -> Answer.json(Json.rules(gateway.rules()));
                case RELOAD -> reload(query);
                case DELETE_FLOW ->
                        gateway.deleteFlow(route.id(query.path()))
                                ? Answer.empty()
                                : Answer.error(404, "no such flow");
                case DELETE_PINHOLE ->
                        gateway.deletePinhole(route.id(query.path()))
                                ? Answer.empty()
                                : Answer.error(404, "no such pinhole");
                case EVENTS -> throw new IllegalArgumentException("events are a stream");
            };
        } catch (BadQuery e) {
            return Answer.error(400, String.valueOf(e.getMessage()));
        } catch (GatewayBusyException e) {
            return Answer.error(503, String.valueOf(e.getMessage()));
        }
    }

    private Answer flows(QueryStringDecoder query) throws BadQuery {
        known(query, Set.of("cursor", "limit", "address", "port", "offloaded"));
        String text = one(query, "address");
        IpAddress address = text == null ? null : IpAddress.parse(text);
        if (text != null && address == null) {
            throw new BadQuery("address takes an IPv4 or IPv6 address");
        }
        String offloaded = one(query, "offloaded");
        if (offloaded != null && !Set.of("true", "false").contains(offloaded)) {
            throw new BadQuery("offloaded takes true or false");
        }
        FlowFilter filter =
                new FlowFilter(
                        address, number(query, "port", 0, 0, 65_535), "true".equals(offloaded));
        return Answer.json(Json.flows(gateway.flows(filter, cursor(query), limit(query))));
    }

    private Answer reload(QueryStringDecoder query) throws BadQuery {
        known(query, Set.of("dry-run"));
        String dry = one(query, "dry-run");
        if (dry != null && !Set.of("true", "false").contains(dry)) {
            throw new BadQuery("dry-run takes true or false");
        }
        ReloadResult result = gateway.reload("true".equals(dry));
        return new Answer(result.isRefused() ? 422 : 200, Answer.JSON, Json.reload(result));
    }

    private static void known(QueryStringDecoder query, Set<String> names) throws BadQuery {
        for (Map.Entry<String, List<String>> given : query.parameters().entrySet()) {
            if (!names.contains(given.getKey())) {
                throw new BadQuery("no parameter of that name; there are " + sorted(names));
            }
            if (given.getValue().size() > 1) {
                throw new BadQuery(given.getKey() + " is given twice");
            }
        }
    }

    private static String sorted(Set<String> names) {
        return String.join(", ", names.stream().sorted().toList());
    }

    private static @Nullable String one(QueryStringDecoder query, String name) {
        List<String> values = query.parameters().get(name);
        return values == null ? null : values.getFirst();
    }

    private static String cursor(QueryStringDecoder query) throws BadQuery {
        String text = one(query, "cursor");
        if (text != null && text.length() > MAX_CURSOR) {
            throw new BadQuery("cursor is not one that a page gave");
        }
        return text == null ? "" : text;
    }

    private static int limit(QueryStringDecoder query) throws BadQuery {
        return number(query, "limit", USUAL_PAGE, 1, MAX_PAGE);
    }

    private static int number(QueryStringDecoder query, String name, int usual, int least, int most)
            throws BadQuery {
        String text = one(query, name);
        if (text == null) {
            return usual;
        }
        boolean digits =
                !text.isEmpty()
                        && text.length() <= 6
                        && text.chars().allMatch(c -> c >= '0' && c <= '9');
        int value = digits ? Integer.parseInt(text) : -1;
        if (value < least || value > most) {
            throw new BadQuery(name + " takes " + least + " to " + most);
        }
        return value;
    }

    private static Answer resource(String name, String type) {
        try (InputStream in = Requests.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("missing from the jar: " + name);
            }
            return new Answer(200, type, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
