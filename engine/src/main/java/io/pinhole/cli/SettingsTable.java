package io.pinhole.cli;

import static java.util.stream.Collectors.toMap;

import io.pinhole.cli.SettingType.Choice;
import io.pinhole.cli.SettingType.Flag;
import io.pinhole.cli.SettingType.Item;
import io.pinhole.cli.SettingType.ListOf;
import io.pinhole.cli.SettingType.Quantity;
import io.pinhole.cli.SettingType.Unit;
import io.pinhole.core.Settings.ActiveSourcePort;
import io.pinhole.core.Settings.Auth;
import io.pinhole.core.Settings.PassiveAddress;
import io.pinhole.core.Settings.PrivilegedPorts;
import io.pinhole.core.Settings.ThirdParty;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Every setting, once: reading, {@code pinhole config} and docs/settings.md follow this table. */
final class SettingsTable {
    private static final int YEAR = 365 * 86_400;
    private static final int KIB = 1 << 10;
    private static final int MIB = 1 << 20;
    private static final int GIB = 1 << 30;

    /** The section whose settings may be repeated for one helper object, under {@link #HELPERS}. */
    static final String HELPER = "helper";

    static final String HELPERS = "helpers";

    private static final List<Setting> ROWS = new ArrayList<>();

    static {
        timeout("syn-sent", "TCP: SYN seen");
        timeout("syn-recv", "TCP: SYN and SYN-ACK seen");
        timeout("established", "TCP: connection open and idle");
        timeout("fin-wait", "TCP: one side has sent FIN");
        timeout("close-wait", "TCP: the first FIN is acknowledged");
        timeout("last-ack", "TCP: both sides have sent FIN");
        timeout("time-wait", "TCP: both FINs are acknowledged");
        timeout("close", "TCP: reset");
        timeout("syn-sent2", "TCP: SYNs from both sides (simultaneous open)");
        timeout("retransmitted", "TCP: tcp.max-retrans retransmissions without an answer");
        timeout("unacknowledged", "TCP: data sent and not acknowledged");
        timeout("udp", "UDP: packets seen in one direction only, or few");
        timeout("udp-stream", "UDP: a stream in both directions");
        timeout("icmp", "ICMP and ICMPv6 queries");
        timeout("generic", "any other protocol");
        timeout("expectation", "a pinhole that waits for its data connection");
        timeout("fragment", "a datagram whose fragments have not all come");

        limit("flows", Unit.COUNT, 1, 64 * MIB, "tracked flows");
        limit("controls", Unit.COUNT, 1, MIB, "control connections read at one time");
        limit("expectations", Unit.COUNT, 1, MIB, "waiting pinholes in all");
        limit(
                "expectations-per-parent",
                Unit.COUNT,
                1,
                255,
                "waiting pinholes of one control connection; a new one replaces the oldest");
        limit(
                "expectations-per-client",
                Unit.COUNT,
                1,
                MIB,
                "waiting pinholes for all sessions of one client address");
        limit(
                "reassembly-bytes",
                Unit.BYTES,
                4 * KIB,
                16 * MIB,
                "out-of-order bytes held per direction of a control connection");
        limit("line-bytes", Unit.BYTES, 512, 64 * KIB, "longest control line, without its CRLF");
        limit("pipeline", Unit.COUNT, 1, 1024, "unanswered commands of one control connection");
        limit("fragment-bytes", Unit.BYTES, 64 * KIB, GIB, "bytes of incomplete datagrams in all");
        limit("fragment-datagrams", Unit.COUNT, 1, MIB, "incomplete datagrams in all");

        tcp("loose", new Flag(), "pick up flows in mid-stream; the gateway turns it off");
        tcp("liberal", new Flag(), "take only a RST outside the window as invalid");
        tcp(
                "max-retrans",
                new Quantity(Unit.COUNT, 0, 255),
                "retransmissions without an answer before timeouts.retransmitted holds");
        tcp("checksum", new Flag(), "keep segments with a wrong checksum from the FTP helper");

        helper(
                "third-party",
                Choice.of(ThirdParty.class),
                "PORT, EPRT or LPRT that names another host (bounce, RFC 2577)");
        helper(
                "third-party-peers",
                new ListOf(Item.ADDRESS, 1024),
                "with third-party: allow, the only hosts that may be named; [] for any");
        helper("privileged-ports", Choice.of(PrivilegedPorts.class), "announced ports below 1024");
        helper(
                "passive-address",
                Choice.of(PassiveAddress.class),
                "227 or 228 that names another host than the server");
        helper("auth", Choice.of(Auth.class), "AUTH: the control connection may be encrypted");
        helper("require-login", new Flag(), "no pinhole before the login has succeeded");
        helper("denied-ports", new ListOf(Item.PORTS, 1024), "ports that no announcement may name");
        helper(
                "active-source-port",
                new Choice(
                        List.of(
                                new Choice.Word("any", ActiveSourcePort.ANY),
                                new Choice.Word("20", ActiveSourcePort.FTP_DATA))),
                "the server's port of active data connections");
        helper(
                "strict",
                new Flag(),
                "require the login and the exact grammar, reset on a violation");
        ROWS.add(
                new Setting(
                        HELPER,
                        "lifetime",
                        "lifetimeSeconds",
                        new Quantity(Unit.SECONDS, 0, YEAR),
                        "how long a pinhole waits; 0 for timeouts.expectation"));
    }

    /** In the order of the documentation; the settings of a section stand together. */
    static final List<Setting> ALL = List.copyOf(ROWS);

    static final Map<String, Setting> BY_KEY =
            ALL.stream()
                    .collect(
                            toMap(
                                    Setting::key,
                                    Function.identity(),
                                    (a, b) -> {
                                        throw new IllegalStateException("twice: " + a.key());
                                    },
                                    LinkedHashMap::new));

    /** Names of the sections with settings, so without {@link #HELPERS}. */
    static final Set<String> SECTIONS =
            ALL.stream().map(Setting::section).collect(LinkedHashSet::new, Set::add, Set::addAll);

    private SettingsTable() {}

    private static void timeout(String name, String about) {
        add("timeouts", name, new Quantity(Unit.SECONDS, 1, YEAR), about);
    }

    private static void limit(String name, Unit unit, int min, int max, String about) {
        add("limits", name, new Quantity(unit, min, max), about);
    }

    private static void tcp(String name, SettingType type, String about) {
        add("tcp", name, type, about);
    }

    private static void helper(String name, SettingType type, String about) {
        add(HELPER, name, type, about);
    }

    /** The rule: a key is the component's name in lower case with hyphens. */
    private static void add(String section, String name, SettingType type, String about) {
        StringBuilder component = new StringBuilder();
        for (String word : name.split("-")) {
            component.append(
                    component.isEmpty()
                            ? word
                            : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        ROWS.add(new Setting(section, name, component.toString(), type, about));
    }
}
