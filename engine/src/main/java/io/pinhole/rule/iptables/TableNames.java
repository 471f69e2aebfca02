package io.pinhole.rule.iptables;

import io.pinhole.rule.DataType;
import io.pinhole.rule.ElementSet;
import io.pinhole.rule.Family;
import io.pinhole.rule.HelperObject;
import io.pinhole.rule.NamedObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the rules of one table refer to by name: ipsets and helpers. */
final class TableNames {
    final String table;
    final Family family;
    private final IpSets ipsets;
    private final Map<String, ElementSet> sets = new LinkedHashMap<>();
    private final Map<String, NamedObject> helpers = new LinkedHashMap<>();

    TableNames(String table, Family family, IpSets ipsets) {
        this.table = table;
        this.family = family;
        this.ipsets = ipsets;
    }

    int version() {
        return family == Family.IP6 ? 6 : 4;
    }

    IpSets.IpSet ipset(Word name) {
        IpSets.IpSet set = ipsets.find(name);
        sets.putIfAbsent(name.text(), set.elements());
        return set;
    }

    /** The helper that {@code -j CT --helper NAME} assigns to flows of a protocol. */
    String helper(Word type, int protocol) {
        if (type.text().isEmpty() || type.text().length() > DataType.MAX_NAME) {
            throw type.fault("the name of a helper has 1 to 15 characters");
        }
        String name = type.text() + (protocol == 6 ? "" : "-udp");
        helpers.computeIfAbsent(
                name,
                n ->
                        new NamedObject.Helper(
                                new HelperObject(table, n, type.text(), protocol, version(), true),
                                type.at().pos()));
        return name;
    }

    List<ElementSet> sets() {
        return new ArrayList<>(sets.values());
    }

    List<NamedObject> objects() {
        return new ArrayList<>(helpers.values());
    }
}
