package io.pinhole.rule.nft;

import static io.pinhole.rule.nft.JsonValues.flag;
import static io.pinhole.rule.nft.JsonValues.integer;
import static io.pinhole.rule.nft.JsonValues.text;

import io.pinhole.rule.DataType;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import io.pinhole.rule.QuotaSize;
import io.pinhole.rule.SourcePos;
import io.pinhole.rule.TimeoutObject;
import java.util.LinkedHashMap;
import java.util.Map;

/** Named counters, quotas, limits, helpers, timeouts and expectations of nft's JSON. */
final class JsonObjects {
    private static final long MAX_SECONDS = Integer.MAX_VALUE / 1000;

    private final TableState table;

    JsonObjects(TableState table) {
        this.table = table;
    }

    void add(String kind, Json.Fields of) {
        String name = text(of, "name");
        SourcePos at = JsonRule.labelled(of.at(), table.name + "/" + kind + " " + name);
        NamedObject object =
                switch (kind) {
                    case "counter" ->
                            new NamedObject.Counter(
                                    name, integer(of, "packets", 0), integer(of, "bytes", 0), at);
                    case "quota" ->
                            new NamedObject.Quota(
                                    name,
                                    new QuotaSize(
                                            integer(of, "bytes", 0),
                                            integer(of, "used", 0),
                                            flag(of, "inv")),
                                    at);
                    case "limit" -> new NamedObject.Limit(name, JsonRule.limit(of), at);
                    case "ct helper" -> helper(name, of, at);
                    case "ct timeout" -> timeout(name, of, at);
                    default ->
                            new NamedObject.Expectation(
                                    name,
                                    protocol(of),
                                    l3proto(of),
                                    (int) Math.min(65_535, integer(of, "dport", 0)),
                                    integer(of, "timeout", 0),
                                    (int) Math.min(255, integer(of, "size", 0)),
                                    at);
                };
        if (table.object(object)) {
            throw of.at().fault(kind + " '" + name + "' is there twice");
        }
        table.objects.add(object);
    }

    private static int protocol(Json.Fields of) {
        String protocol = text(of, "protocol");
        return switch (protocol) {
            case "tcp" -> 6;
            case "udp" -> 17;
            default -> throw of.at().fault("expected tcp or udp, found '" + protocol + "'");
        };
    }

    private static int l3proto(Json.Fields of) {
        Json json = of.get("l3proto");
        return switch (json == null ? "inet" : text(json)) {
            case "ip" -> 4;
            case "ip6" -> 6;
            case "inet" -> 0;
            default -> throw of.at().fault("expected ip, ip6 or inet");
        };
    }

    private NamedObject helper(String name, Json.Fields of, SourcePos at) {
        String type = text(of, "type");
        if (type.isEmpty() || type.length() > DataType.MAX_NAME) {
            throw of.at().fault("a helper's type has 1 to 15 characters");
        }
        return new NamedObject.Helper(
                new HelperObject(table.name, name, type, protocol(of), l3proto(of)), at);
    }

    private NamedObject timeout(String name, Json.Fields of, SourcePos at) {
        Map<String, Integer> seconds = new LinkedHashMap<>();
        int protocol = protocol(of);
        if (of.get("policy") instanceof Json.Fields policy) {
            for (Json.Field state : policy.list()) {
                if (!ObjectParser.states(protocol).contains(state.name())) {
                    throw state.at().fault("no such state: '" + state.name() + "'");
                }
                seconds.put(state.name(), (int) Math.min(MAX_SECONDS, integer(state.value())));
            }
        }
        return new NamedObject.Timeout(
                new TimeoutObject(table.name, name, protocol, l3proto(of), seconds), at);
    }
}
