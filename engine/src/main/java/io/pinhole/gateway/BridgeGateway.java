package io.pinhole.gateway;

import io.pinhole.capture.linux.LinuxException;
import io.pinhole.capture.linux.PacketSocket;
import io.pinhole.control.api.GatewayBusyException;
import io.pinhole.control.api.Stats;
import io.pinhole.core.FlowKey;
import io.pinhole.path.JournalEntry;
import io.pinhole.rule.RuleSet;
import java.io.IOException;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gateway as a bump in the wire: the only path between two interfaces that are not connected
 * otherwise. If it does not run, nothing passes.
 */
public final class BridgeGateway extends InlineGateway implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("pinhole.gateway");
    private static final int SNAPSHOT_MILLIS = 5000;

    private final @Nullable Recorder recorder;
    private @Nullable BridgeShard shard;
    private @Nullable Thread saver;
    private int takenOver;
    private boolean closed;

    private BridgeGateway(
            GatewayOptions options,
            RuleSource source,
            RuleSet set,
            EventHub events,
            @Nullable Recorder recorder) {
        super(options, source, set, events);
        this.recorder = recorder;
    }

    /**
     * Opens both interfaces and begins to pass what the rules let through.
     *
     * @throws GatewayException if they cannot be joined without breaking traffic; says why
     */
    public static BridgeGateway start(
            GatewayOptions options,
            String first,
            String second,
            RuleSource source,
            EventRenderer renderer,
            boolean jsonLog,
            String program)
            throws GatewayException {
        if (options.failOpen()) {
            throw new GatewayException(
                    "--fail open is not possible with --mode bridge",
                    "Nothing but this program connects the two interfaces.");
        }
        check(first, second);
        RuleSource.Loaded loaded;
        try {
            loaded = source.load();
        } catch (RuleSource.Refused e) {
            throw new GatewayException(e.lines().toArray(String[]::new));
        }
        EventHub events = new EventHub(renderer, jsonLog);
        Clock clock = new Clock();
        Recorder recorder = null;
        GatewayOptions.Recording recording = options.recording();
        try {
            if (recording != null) {
                recorder = new Recorder(recording, clock, program, loaded.set().name(), events);
            }
        } catch (IOException e) {
            events.close();
            throw new GatewayException(
                    "cannot record in " + recording.folder() + ": " + e.getMessage());
        }
        BridgeGateway gateway =
                new BridgeGateway(options.withQueues(1), source, loaded.set(), events, recorder);
        try {
            gateway.open(clock, first, second);
            return gateway;
        } catch (LinuxException e) {
            gateway.close();
            throw new GatewayException(
                    String.valueOf(e.getMessage()), "Packet sockets need CAP_NET_RAW.");
        } catch (IOException e) {
            gateway.close();
            throw new GatewayException(String.valueOf(e.getMessage()));
        }
    }

    /**
     * What {@link #start} would do, for people.
     *
     * @throws GatewayException if the interfaces cannot be joined
     */
    public static String dryRun(GatewayOptions options, String first, String second)
            throws GatewayException {
        check(first, second);
        Path file = options.snapshot();
        return "# %s and %s would be joined, MTU %d; the kernel's rules stay as they are%n"
                        .formatted(first, second, PacketSocket.mtu(first))
                + (file == null
                        ? ""
                        : "# %d connections would be taken over from %s%n"
                                .formatted(left(file).size(), file));
    }

    /** What would go wrong later, and not be understood then. */
    private static void check(String first, String second) throws GatewayException {
        if (first.equals(second)) {
            throw new GatewayException("--between needs two interfaces, not " + first + " twice");
        }
        int[] mtu = new int[2];
        for (int i = 0; i < 2; i++) {
            String name = i == 0 ? first : second;
            if (!PacketSocket.exists(name)) {
                throw new GatewayException("there is no interface " + name);
            }
            if (!PacketSocket.isUp(name)) {
                throw new GatewayException(name + " is down", "ip link set " + name + " up");
            }
            mtu[i] = PacketSocket.mtu(name);
            if (hasAddress(name)) {
                LOG.warn("{} has an address: the host itself answers there, past the rules", name);
            }
            if (Files.exists(Path.of("/sys/class/net", name, "brport"))) {
                throw new GatewayException(
                        name + " is a port of a bridge, which would pass everything",
                        "ip link set " + name + " nomaster");
            }
            if (PacketSocket.mergesSegments(name)) {
                throw new GatewayException(
                        name
                                + " merges the segments it receives (large-receive-offload):"
                                + " they cannot be sent on",
                        "ethtool -K " + name + " lro off");
            }
        }
        if (mtu[0] != mtu[1]) {
            throw new GatewayException(
                    "%s has an MTU of %d, %s one of %d: frames would be lost"
                            .formatted(first, mtu[0], second, mtu[1]),
                    "ip link set %s mtu %d"
                            .formatted(mtu[0] > mtu[1] ? first : second, Math.min(mtu[0], mtu[1])));
        }
    }

    private static boolean hasAddress(String name) {
        try {
            NetworkInterface device = NetworkInterface.getByName(name);
            return device != null && device.inetAddresses().anyMatch(a -> !a.isLinkLocalAddress());
        } catch (SocketException e) {
            return false;
        }
    }

    private void open(Clock clock, String first, String second) throws IOException {
        PacketSocket one = PacketSocket.open(first, options.bufferBytes());
        PacketSocket two;
        try {
            two = PacketSocket.open(second, options.bufferBytes());
        } catch (LinuxException e) {
            one.close();
            throw e;
        }
        BridgeShard made =
                new BridgeShard(options.path(), options, set(), events, recorder, clock, one, two);
        shard = made;
        Path file = options.snapshot();
        if (file != null) {
            for (JournalEntry.TakeOver t : left(file)) {
                if (made.takeOver(t.key(), false, t.input(), t.output())) {
                    takenOver++;
                }
            }
            saver =
                    Thread.ofPlatform()
                            .daemon()
                            .name("pinhole-snapshot")
                            .start(() -> saveOften(made, file));
        }
        start(List.of(made));
        LOG.info(
                "judging by {} between {} and {}, {} connections taken over",
                set().name(),
                first,
                second,
                takenOver);
    }

    /** What an earlier run left; a file that cannot be used costs connections, not the start. */
    private static List<JournalEntry.TakeOver> left(Path file) {
        try {
            return Snapshot.read(file, System.currentTimeMillis());
        } catch (IOException e) {
            LOG.warn("no connection is taken over: {}", e.getMessage());
            return List.of();
        }
    }

    private void saveOften(BridgeShard of, Path file) {
        while (!isStopping()) {
            try {
                Thread.sleep(SNAPSHOT_MILLIS);
                save(of, file);
            } catch (InterruptedException e) {
                return;
            } catch (GatewayBusyException e) {
                LOG.debug("no snapshot this time: {}", e.getMessage());
            }
        }
    }

    private void save(BridgeShard of, Path file) {
        List<JournalEntry.TakeOver> connections = new ArrayList<>();
        for (List<JournalEntry.TakeOver> some : askAll(s -> established(of))) {
            connections.addAll(some);
        }
        write(file, connections);
    }

    private static List<JournalEntry.TakeOver> established(BridgeShard of) {
        List<JournalEntry.TakeOver> out = new ArrayList<>();
        of.control.forEachFlow(
                of.now(),
                row -> {
                    if (row.assured() && row.state().equals("ESTABLISHED")) {
                        out.add(new JournalEntry.TakeOver(row.key(), false, "", ""));
                    }
                });
        return out;
    }

    private static void write(Path file, List<JournalEntry.TakeOver> connections) {
        try {
            Snapshot.write(file, connections, System.currentTimeMillis());
        } catch (IOException e) {
            LOG.error("cannot write the snapshot {}: {}", file, e.getMessage());
        }
    }

    @Override
    String mode() {
        return "bridge";
    }

    @Override
    List<Stats.Queue> queues() {
        BridgeShard of = shard;
        if (of == null) {
            return List.of();
        }
        List<Stats.Queue> out = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            PacketSocket port = of.port(i);
            out.add(new Stats.Queue(port.name(), port.received(), port.dropped(), 0));
        }
        return out;
    }

    @Override
    void counters(Map<String, Long> into) {
        BridgeShard of = shard;
        if (of == null) {
            return;
        }
        into.put("arp_dropped", of.arpDropped);
        into.put("rejects_unsent", of.rejectsUnsent);
        into.put("fragments_passed", of.settled());
        into.put("send_errors", of.port(0).sendErrors() + of.port(1).sendErrors());
        into.put("receive_errors", of.port(0).receiveErrors() + of.port(1).receiveErrors());
        into.put("connections_taken_over", (long) takenOver);
        if (recorder != null) {
            into.put("recording_failed", recorder.failed() ? 1L : 0L);
            into.put("recording_files_deleted", recorder.deleted());
        }
    }

    @Override
    void recallInKernel(Set<FlowKey> keys) {
        // The kernel carries nothing here.
    }

    @Override
    void deleteInKernel(FlowKey key) {
        // The kernel does not know it.
    }

    @Override
    void renewKernelRules() {
        // The kernel was told nothing.
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        requestStop();
        stopShards();
        Thread saving = saver;
        if (saving != null) {
            saving.interrupt();
        }
        BridgeShard of = shard;
        if (of != null) {
            Path file = options.snapshot();
            if (file != null) {
                write(file, established(of));
            }
            of.close();
        }
        if (recorder != null) {
            recorder.close();
        }
        events.close();
    }
}
