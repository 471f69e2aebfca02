package io.pinhole.cli;

import io.pinhole.capture.SystemMemory;
import io.pinhole.capture.linux.NotifySocket;
import io.pinhole.control.ControlServer;
import io.pinhole.control.api.ReloadResult;
import io.pinhole.control.api.Stats;
import io.pinhole.core.Settings;
import io.pinhole.gateway.BridgeGateway;
import io.pinhole.gateway.GatewayException;
import io.pinhole.gateway.GatewayOptions;
import io.pinhole.gateway.InlineGateway;
import io.pinhole.gateway.NfQueueGateway;
import io.pinhole.gateway.RuleSource;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import java.io.PrintStream;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code pinhole gateway}: judges packets inline. */
@Command(
        name = "gateway",
        sortOptions = false,
        header = "Judge the packets that cross this host.",
        description = {
            "Judge the packets that cross this host, and pass only what the rules let",
            "through. See docs/gateway.md for what is queued and what stays the kernel's."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole gateway",
            "  pinhole gateway -r /etc/pinhole/rules.nft --record /var/lib/pinhole",
            "  pinhole gateway --mode bridge --between eth1,eth2",
            "",
            "Signals: SIGHUP reads the rules again, SIGTERM and SIGINT end.",
            "Exit status: 0 it was asked to end, 2 it cannot run."
        })
final class GatewayCommand implements Callable<Integer> {
    private static final int FTP = 21;
    private static final int MAX_QUEUES = 64;
    private static final int DEFAULT_MARK = 0x1000_0000;
    private static final int MIN_FILE_MEBIBYTES = 1;

    @Mixin private RuleOptions ruleOptions = new RuleOptions();

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            defaultValue = "nfqueue",
            description = {
                "nfqueue: the host routes or bridges, and queues what it",
                "forwards. bridge: this program is the only path between",
                "two interfaces."
            })
    private String mode = "nfqueue";

    @Option(
            names = "--between",
            split = ",",
            paramLabel = "IF1,IF2",
            description = "With --mode bridge: the two interfaces.")
    private List<String> between = new ArrayList<>();

    @Option(
            names = "--ftp-port",
            split = ",",
            paramLabel = "PORT",
            description = "Control ports instead of 21, as in analyze.")
    private List<Integer> ftpPorts = new ArrayList<>();

    @Option(
            names = "--fail",
            paramLabel = "closed|open",
            defaultValue = "closed",
            description = {
                "What happens to packets that cannot be judged, because",
                "there are too many or no gateway runs: dropped, or",
                "passed uninspected."
            })
    private String fail = "closed";

    @Option(
            names = "--offload",
            paramLabel = "none|data|all",
            defaultValue = "data",
            description = {
                "Established connections that the kernel carries on:",
                "FTP data connections, every TCP connection that nobody",
                "reads, or none."
            })
    private String offload = "data";

    @Option(
            names = "--queues",
            paramLabel = "N",
            defaultValue = "1",
            description = {"Queues, each with a thread and tables of its own: 1, 2,", "4, … 64."})
    private int queues = 1;

    @Option(
            names = "--queue-num",
            paramLabel = "N",
            defaultValue = "2100",
            description = "Number of the first queue.")
    private int queueNumber = 2100;

    @Option(
            names = "--mark",
            paramLabel = "BIT",
            description = {
                "Bit of the packet and connection mark that says that",
                "the kernel carries a connection, 0x10000000 by default;",
                "the next lower bit is used too."
            })
    private @Nullable String mark;

    @Option(
            names = "--arp",
            paramLabel = "allow|drop",
            defaultValue = "allow",
            description = "With --mode bridge: whether ARP passes.")
    private String arp = "allow";

    @Option(
            names = "--snapshot",
            paramLabel = "FILE",
            description = {
                "With --mode bridge: where established connections are",
                "kept over a restart."
            })
    private @Nullable Path snapshot;

    @Option(
            names = "--record",
            paramLabel = "DIR",
            description = {
                "Record what is judged, as pcapng that analyze judges",
                "again with the same verdicts."
            })
    private @Nullable Path record;

    @Option(
            names = "--record-size",
            paramLabel = "MIB",
            defaultValue = "256",
            description = "A new file after so many MiB.")
    private int recordSize = 256;

    @Option(
            names = "--record-files",
            paramLabel = "N",
            defaultValue = "64",
            description = "Files kept; the oldest goes.")
    private int recordFiles = 64;

    @Option(
            names = "--log",
            paramLabel = "text|json",
            defaultValue = "text",
            description = "Form of the log on standard error.")
    private String log = "text";

    @Mixin private ControlServerOptions controlOptions = new ControlServerOptions();

    @Option(names = "--dry-run", description = "Say what the kernel would be told, and do nothing.")
    private boolean dryRun;

    private volatile @Nullable InlineGateway running;
    private volatile @Nullable NotifySocket service;
    private volatile boolean stopAsked;
    private final AtomicBoolean reloadAsked = new AtomicBoolean();

    @Mixin private SettingsOptions settingsOptions = new SettingsOptions();

    @Override
    public Integer call() throws Exception {
        if (log.equals("json")) {
            System.setProperty("pinhole.log.pattern", "%msg%n");
        }
        boolean jsonLog = oneOf("--log", log, "text", "json").equals("json");
        boolean bridging = oneOf("--mode", mode, "nfqueue", "bridge").equals("bridge");
        checkTogether(bridging);
        GatewayOptions options = options();
        RuleSource source = this::load;
        if (!dryRun) {
            // Before the first packet is judged: a signal may come as soon as that is told.
            Signals.on("TERM", this::stop);
            Signals.on("INT", this::stop);
            Signals.on("HUP", this::hangUp);
        }
        try {
            if (dryRun) {
                System.out.print(
                        bridging
                                ? BridgeGateway.dryRun(options, between.get(0), between.get(1))
                                : NfQueueGateway.dryRun(options));
                return 0;
            }
            return bridging ? bridge(options, source, jsonLog) : nfqueue(options, source, jsonLog);
        } catch (GatewayException e) {
            throw new UserError(e.lines().toArray(String[]::new));
        }
    }

    /** An option that the mode does not know would be a misunderstanding. */
    private void checkTogether(boolean bridging) throws UserError {
        if (bridging && between.size() != 2) {
            throw new UserError("--mode bridge needs --between IF1,IF2");
        }
        if (!bridging && !between.isEmpty()) {
            throw new UserError("--between goes with --mode bridge");
        }
        if (!bridging && snapshot != null) {
            throw new UserError(
                    "--snapshot goes with --mode bridge",
                    "In mode nfqueue the kernel's own table survives a restart.");
        }
        if (bridging && queues != 1) {
            throw new UserError("--queues goes with --mode nfqueue: a bridge has one thread");
        }
    }

    private int nfqueue(GatewayOptions options, RuleSource source, boolean jsonLog)
            throws GatewayException, InterruptedException, UserError {
        try (NfQueueGateway gateway =
                NfQueueGateway.start(
                        options, source, new LiveEvents("live"), jsonLog, VersionCommand.text())) {
            serve(gateway, gateway::close);
        }
        return 0;
    }

    private int bridge(GatewayOptions options, RuleSource source, boolean jsonLog)
            throws GatewayException, InterruptedException, UserError {
        try (BridgeGateway gateway =
                BridgeGateway.start(
                        options,
                        between.get(0),
                        between.get(1),
                        source,
                        new LiveEvents("live"),
                        jsonLog,
                        VersionCommand.text())) {
            serve(gateway, gateway::close);
        }
        return 0;
    }

    /** Runs until a signal; every way out closes the gateway. */
    private void serve(InlineGateway gateway, Runnable close)
            throws InterruptedException, UserError {
        try (ControlServer control = controlOptions.start(gateway)) {
            if (control != null) {
                System.err.println("control API at " + control.address());
            }
            run(gateway, close);
        }
    }

    private void run(InlineGateway gateway, Runnable close) throws InterruptedException {
        Thread hook = new Thread(close, "pinhole-exit");
        Runtime.getRuntime().addShutdownHook(hook);
        running = gateway;
        if (stopAsked) {
            gateway.requestStop();
        }
        try (NotifySocket systemd =
                new NotifySocket(System.getenv().getOrDefault("NOTIFY_SOCKET", ""))) {
            systemd.send("READY=1\nSTATUS=judging packets");
            service = systemd;
            reloadIfAsked();
            long half = watchdogMillis() / 2;
            while (!gateway.await(half == 0 ? 60_000 : half)) {
                if (half > 0 && gateway.isAlive()) {
                    systemd.send("WATCHDOG=1");
                }
            }
            service = null;
            systemd.send("STOPPING=1");
        }
        close.run();
        summary(gateway, System.err);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is going down already, and the hook finds nothing to do.
        }
    }

    private void stop() {
        stopAsked = true;
        InlineGateway gateway = running;
        if (gateway != null) {
            gateway.requestStop();
        }
    }

    private void hangUp() {
        reloadAsked.set(true);
        reloadIfAsked();
    }

    /** At once, or as soon as the gateway runs. */
    private void reloadIfAsked() {
        InlineGateway gateway = running;
        if (gateway != null && reloadAsked.getAndSet(false)) {
            Thread.ofVirtual().start(() -> reload(gateway, service));
        }
    }

    private static long watchdogMillis() {
        String micros = System.getenv().getOrDefault("WATCHDOG_USEC", "");
        try {
            return micros.isEmpty() ? 0 : Long.parseLong(micros) / 1000;
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static void reload(InlineGateway gateway, @Nullable NotifySocket systemd) {
        // systemd tells this reload from an earlier one by its clock, CLOCK_MONOTONIC.
        tell(systemd, "RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / 1000);
        String status = "judging packets";
        try {
            ReloadResult result = gateway.reload(false);
            if (result.isRefused()) {
                result.errors().forEach(line -> System.err.println("pinhole: " + line));
                status += "; a reload was refused, the old rules stay in force";
            }
        } catch (RuntimeException e) {
            System.err.println("pinhole: reload failed: " + e.getMessage());
            status += "; a reload failed";
        }
        tell(systemd, "READY=1\nSTATUS=" + status);
    }

    private static void tell(@Nullable NotifySocket systemd, String message) {
        if (systemd != null) {
            systemd.send(message);
        }
    }

    private void summary(InlineGateway gateway, PrintStream err) {
        Stats stats = gateway.stats();
        String packets =
                stats.packets().entrySet().stream()
                        .filter(e -> e.getValue() > 0)
                        .sorted(Map.Entry.comparingByKey())
                        .map(e -> e.getKey() + " " + e.getValue())
                        .collect(Collectors.joining(", "));
        err.printf(
                "packets: %s; offloaded %d times; uninspected %d, lost %d%n",
                packets.isEmpty() ? "none" : packets,
                stats.counters().getOrDefault("offloads", 0L),
                stats.uninspected(),
                stats.lost());
        if (record != null) {
            err.println("verdict digest " + gateway.digest());
        }
    }

    private GatewayOptions options() throws UserError, SettingsException {
        SystemMemory.prepare();
        Set<Integer> ports = ports();
        Set<Integer> observed = new TreeSet<>(ports);
        observed.add(FTP);
        Settings settings = settingsOptions.load().settings();
        boolean attach = !ruleOptions.isBundled() && !ftpPorts.isEmpty();
        PathOptions path =
                asGateway(
                        new PathOptions(
                                settings,
                                observed,
                                attach ? ports : Set.of(),
                                List.of(),
                                new InterfaceMap(List.of()),
                                false,
                                new SecureRandom().nextLong(),
                                SystemMemory::reserve));
        inRange("--queues", queues, 1, MAX_QUEUES);
        if (Integer.bitCount(queues) != 1) {
            throw new UserError("--queues takes a power of two, not " + queues);
        }
        inRange("--queue-num", queueNumber, 0, 65_535 - queues + 1);
        inRange("--record-size", recordSize, MIN_FILE_MEBIBYTES, 1 << 20);
        inRange("--record-files", recordFiles, 1, 100_000);
        Path folder = record;
        return new GatewayOptions(
                path,
                queueNumber,
                queues,
                oneOf("--fail", fail, "closed", "open").equals("open"),
                GatewayOptions.Offload.valueOf(
                        oneOf("--offload", offload, "none", "data", "all")
                                .toUpperCase(Locale.ROOT)),
                parseMark(),
                32 << 20,
                folder == null
                        ? null
                        : new GatewayOptions.Recording(
                                folder, (long) recordSize << 20, recordFiles),
                snapshot,
                oneOf("--arp", arp, "allow", "drop").equals("allow"));
    }

    /** Flows begin with their first packet, or were taken over: no others are picked up. */
    static PathOptions asGateway(PathOptions options) {
        Settings s = options.settings();
        Settings.Tcp tcp = s.tcp();
        return options.withSettings(
                new Settings(
                        s.timeouts(),
                        s.limits(),
                        new Settings.Tcp(false, tcp.liberal(), tcp.maxRetrans(), tcp.checksum()),
                        s.helper(),
                        s.helpers()));
    }

    private RuleSource.Loaded load() throws RuleSource.Refused {
        try {
            RuleSet set =
                    ruleOptions.load(
                            ruleOptions.isBundled() && !ftpPorts.isEmpty()
                                    ? Map.of("ftp_ports", "{ " + join(ports()) + " }")
                                    : Map.of());
            if (!ruleOptions.isBundled() && !ftpPorts.isEmpty() && set.assignsHelper()) {
                throw new UserError(
                        "--ftp-port is for rule sets that assign no helper; "
                                + set.name()
                                + " does: change it there");
            }
            return new RuleSource.Loaded(set, ruleOptions.text());
        } catch (UserError e) {
            throw new RuleSource.Refused(e.lines());
        }
    }

    private Set<Integer> ports() throws UserError {
        Set<Integer> ports = new TreeSet<>();
        for (int port : ftpPorts) {
            inRange("--ftp-port", port, 1, 65_535);
            ports.add(port);
        }
        if (ports.isEmpty()) {
            ports.add(FTP);
        }
        return ports;
    }

    private static String join(Set<Integer> ports) {
        return ports.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private int parseMark() throws UserError {
        String text = mark;
        if (text == null) {
            return DEFAULT_MARK;
        }
        try {
            int bit = Integer.parseUnsignedInt(text.replaceFirst("^0[xX]", ""), 16);
            if (text.matches("0[xX].*") && Integer.bitCount(bit) == 1 && bit != 1) {
                return bit;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new UserError(
                "--mark " + SettingsText.quoted(text) + " is not one bit above the lowest: 0x100");
    }

    private static void inRange(String option, int value, int least, int most) throws UserError {
        if (value < least || value > most) {
            throw new UserError(option + " takes " + least + " to " + most + ", not " + value);
        }
    }

    private static String oneOf(String option, String value, String... known) throws UserError {
        for (String one : known) {
            if (one.equals(value)) {
                return value;
            }
        }
        throw new UserError(
                option
                        + " knows "
                        + String.join(", ", known)
                        + ", not "
                        + SettingsText.quoted(value));
    }
}
