package io.pinhole.validate.scenario;

import io.pinhole.core.IpAddress;
import io.pinhole.path.InterfaceMap;
import io.pinhole.rule.SourcePos;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the lines that say what a test stands on. */
final class SetupBuilder {
    static final List<String> KEYWORDS =
            List.of(
                    "rules",
                    "define",
                    "host",
                    "local",
                    "interface",
                    "set",
                    "ftp-port",
                    "compat",
                    "ignore-nat");

    private Setup.@Nullable Named rules;
    final Map<String, String> defines;
    final Map<String, IpAddress> hosts;
    private final List<IpAddress> locals;
    private final List<InterfaceMap.Entry> interfaces;
    private final List<Setup.Named> settings;
    private final Set<Integer> ftpPorts;
    private boolean compatLinux;
    private boolean ignoreNat;

    SetupBuilder(Setup from) {
        rules = from.rules();
        defines = new LinkedHashMap<>(from.defines());
        hosts = new LinkedHashMap<>(from.hosts());
        locals = new ArrayList<>(from.locals());
        interfaces = new ArrayList<>(from.interfaces());
        settings = new ArrayList<>(from.settings());
        ftpPorts = new LinkedHashSet<>(from.ftpPorts());
        compatLinux = from.compatLinux();
        ignoreNat = from.ignoreNat();
    }

    Setup build() {
        return new Setup(
                rules,
                defines,
                hosts,
                locals,
                interfaces,
                settings,
                ftpPorts,
                compatLinux,
                ignoreNat);
    }

    /**
     * Reads the rest of a line that begins with one of {@link #KEYWORDS}.
     *
     * @param own names this very block defined already: a second time is a mistake
     */
    void read(Token keyword, Line line, Set<String> own) throws Fault {
        switch (keyword.text()) {
            case "rules" -> rules = new Setup.Named(file(line, "a rule set"), line.pos());
            case "define" -> define(line);
            case "host" -> host(line, own);
            case "local" -> local(line);
            case "interface" -> networks(line);
            case "set" -> set(line);
            case "ftp-port" -> ports(line);
            case "compat" -> {
                Token word = line.next();
                if (!word.is("linux")) {
                    throw word.expected("'linux'");
                }
                compatLinux = true;
            }
            case "ignore-nat" -> ignoreNat = true;
            default -> throw new IllegalStateException(keyword.text());
        }
        line.end();
    }

    static String file(Line line, String what) throws Fault {
        Token token = line.next();
        return token.kind() == Token.Kind.WORD
                ? token.text()
                : Values.name(token, "the name of " + what);
    }

    private void define(Line line) throws Fault {
        Token name = line.word("a name that the rule set defines");
        Token rest = line.rest();
        String text = rest.text();
        if (rest.isEnd() || !text.startsWith("=") || text.substring(1).isBlank()) {
            throw rest.fault("expected '= VALUE', as in: define server4 = { 203.0.113.10 }");
        }
        defines.put(name.text(), text.substring(1).strip());
    }

    private void host(Line line, Set<String> own) throws Fault {
        Token name = line.word("a name for the host");
        if (!name.text().matches("[A-Za-z_][A-Za-z0-9_.-]*")) {
            throw name.fault("a host's name begins with a letter and holds letters, digits, - _ .");
        }
        if (StepParser.isReserved(name.text())) {
            throw name.fault("'" + name.text() + "' means something else in a test");
        }
        Token address = line.word("an IP address");
        IpAddress value = IpAddress.parse(address.text());
        if (value == null) {
            throw address.expected("an IP address");
        }
        if (!own.add(name.text())) {
            throw name.fault("there is a host '" + name.text() + "' already");
        }
        if (hosts.size() >= ScenarioLimits.HOSTS) {
            throw name.fault("more than " + ScenarioLimits.HOSTS + " hosts");
        }
        hosts.put(name.text(), value);
    }

    private void local(Line line) throws Fault {
        do {
            Token token = line.word("a host or an address of the firewall itself");
            Endpoint local = Values.endpoint(token, hosts, false);
            IpAddress address = local.address();
            if (local.hasPort() || address == null) {
                throw token.expected("a host without a port");
            }
            if (!locals.contains(address)) {
                locals.add(address);
            }
        } while (!line.peek().isEnd());
    }

    private void networks(Line line) throws Fault {
        String name = file(line, "an interface");
        do {
            Token token = line.word("a network such as 198.51.100.0/24, or a host");
            String text = token.text();
            int slash = text.indexOf('/');
            IpAddress network = slash < 0 ? hosts.get(text) : null;
            if (network == null) {
                network = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
            }
            if (network == null) {
                throw token.expected("a network such as 198.51.100.0/24, or a host");
            }
            int all = network.isV4() ? 32 : 128;
            Long prefix = slash < 0 ? Long.valueOf(all) : Values.digits(text.substring(slash + 1));
            if (prefix == null || prefix > all) {
                throw token.expected("a prefix length from 0 to " + all);
            }
            interfaces.add(new InterfaceMap.Entry(name, network, prefix.intValue()));
        } while (!line.peek().isEnd());
    }

    private void set(Line line) throws Fault {
        SourcePos at = line.pos();
        Token rest = line.rest();
        if (rest.text().indexOf('=') < 1) {
            throw rest.expected("KEY=VALUE, as in: set helper.third-party=allow");
        }
        settings.add(new Setup.Named(rest.text(), at));
    }

    private void ports(Line line) throws Fault {
        do {
            Token token = line.word("a port");
            ftpPorts.add((int) Values.number(token, "a port", 1, 65_535));
        } while (!line.peek().isEnd());
    }
}
