package io.pinhole.gateway;

import io.pinhole.capture.linux.Conntrack;
import io.pinhole.capture.linux.ConntrackEntry;
import io.pinhole.capture.linux.LinuxException;
import io.pinhole.capture.linux.NfQueue;
import io.pinhole.capture.linux.RawIp;
import io.pinhole.capture.linux.Waiter;
import io.pinhole.control.api.Stats;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Settings;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gateway on a routing or bridging host: the kernel forwards and queues, the shards judge. The
 * kernel's own connection tracking carries offloaded connections and survives a restart.
 */
public final class NfQueueGateway extends InlineGateway implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("pinhole.gateway");
    private static final int EPERM = 1;
    private static final int WATCH_MILLIS = 1000;

    private final KernelRules kernel;
    private final List<QueueShard> lanes = new ArrayList<>();
    private final List<NfQueue> unowned = new ArrayList<>();
    private final @Nullable Recorder recorder;
    private @Nullable RawIp raw;
    private @Nullable Conntrack table;
    private @Nullable Conntrack ends;
    private @Nullable Conntrack lookups;
    private @Nullable Waiter watch;
    private @Nullable Thread watcher;
    private boolean installed;
    private boolean closed;
    private int takenOver;
    private final AtomicLong endEvents = new AtomicLong();

    private NfQueueGateway(
            GatewayOptions options,
            RuleSource source,
            RuleSet set,
            EventHub events,
            @Nullable Recorder recorder,
            KernelRules kernel) {
        super(options, source, set, events);
        this.recorder = recorder;
        this.kernel = kernel;
    }

    /**
     * Starts: binds the queues, tells the kernel to fill them, takes over established connections,
     * then begins to judge. What comes meanwhile waits in the queues.
     *
     * @throws GatewayException if the host cannot do it; everything is undone then
     */
    public static NfQueueGateway start(
            GatewayOptions options,
            RuleSource source,
            EventRenderer renderer,
            boolean jsonLog,
            String program)
            throws GatewayException {
        RuleSource.Loaded loaded;
        try {
            loaded = source.load();
        } catch (RuleSource.Refused e) {
            throw new GatewayException(e.lines().toArray(String[]::new));
        }
        RuleSet set = loaded.set();
        GatewayOptions used = options;
        if (options.queues() > 1) {
            String why = needsOneShard(set, options.path().settings());
            if (why != null) {
                LOG.warn("one queue instead of {}: {}", options.queues(), why);
                used = options.withQueues(1);
            }
        }
        KernelRules kernel = new KernelRules(KernelRules.detect(used), used);
        EventHub events = new EventHub(renderer, jsonLog);
        Clock clock = new Clock();
        Recorder recorder = null;
        GatewayOptions.Recording recording = used.recording();
        try {
            if (recording != null) {
                recorder = new Recorder(recording, clock, program, set.name(), events);
            }
        } catch (IOException e) {
            events.close();
            throw new GatewayException(
                    "cannot record in " + recording.folder() + ": " + e.getMessage());
        }
        NfQueueGateway gateway = new NfQueueGateway(used, source, set, events, recorder, kernel);
        try {
            gateway.open(clock);
            return gateway;
        } catch (LinuxException e) {
            gateway.close();
            boolean queue = String.valueOf(e.getMessage()).contains("NFQUEUE");
            String cure =
                    e.errno() == EPERM && !queue
                            ? "It takes CAP_NET_RAW and CAP_NET_ADMIN, or root."
                            : e.errno() == EPERM
                                    ? "Another program listens there (see"
                                            + " /proc/net/netfilter/nfnetlink_queue; --queue-num chooses"
                                            + " others), or CAP_NET_ADMIN and CAP_NET_RAW are missing."
                                    : "The kernel needs NFQUEUE and conntrack over netlink"
                                            + " (nfnetlink_queue, nf_conntrack_netlink).";
            throw new GatewayException(String.valueOf(e.getMessage()), cure);
        } catch (GatewayException e) {
            gateway.close();
            throw e;
        }
    }

    /**
     * What {@link #start} would do, for people.
     *
     * @throws GatewayException if the host cannot do it
     */
    public static String dryRun(GatewayOptions options) throws GatewayException {
        KernelRules kernel = new KernelRules(KernelRules.detect(options), options);
        StringBuilder out = new StringBuilder();
        out.append("# ")
                .append(kernel.tool() == KernelRules.Tool.NFT ? "nft -f" : "iptables-restore");
        out.append("\n").append(kernel.text());
        try (Conntrack table = Conntrack.open()) {
            int[] counts = new int[2];
            table.list(
                    0,
                    0,
                    entry -> {
                        if (entry.isEstablishedTcp()) {
                            counts[0]++;
                            counts[1] += (entry.mark() & options.mark()) != 0 ? 1 : 0;
                        }
                    });
            out.append(
                    "# %d established connections would be taken over, %d of them offloaded\n"
                            .formatted(counts[0], counts[1]));
        } catch (LinuxException e) {
            throw new GatewayException(String.valueOf(e.getMessage()));
        }
        return out.toString();
    }

    /** Why verdicts would depend on what another shard knows; null if they do not. */
    private static @Nullable String needsOneShard(RuleSet set, Settings settings) {
        if (set.hasGlobalState()) {
            return set.name() + " has limits, quotas or counts over all flows";
        }
        List<Settings.HelperPolicy> policies = new ArrayList<>(settings.helpers().values());
        policies.add(settings.helper());
        for (Settings.HelperPolicy policy : policies) {
            if (policy.thirdParty() == Settings.ThirdParty.ALLOW
                    || policy.passiveAddress() == Settings.PassiveAddress.ALLOW) {
                return "the helper lets third parties take part, whose packets meet another queue";
            }
        }
        return null;
    }

    private void open(Clock clock) throws LinuxException, GatewayException {
        for (int i = 0; i < options.queues(); i++) {
            unowned.add(
                    NfQueue.open(
                            options.firstQueue() + i, options.failOpen(), options.bufferBytes()));
        }
        raw = RawIp.open();
        table = Conntrack.open();
        Conntrack events = Conntrack.openEvents();
        ends = events;
        lookups = Conntrack.open();
        PathOptions path = options.path().divided(options.queues());
        for (int i = 0; i < options.queues(); i++) {
            lanes.add(
                    new QueueShard(
                            path,
                            options,
                            set(),
                            this.events,
                            recorder,
                            clock,
                            i,
                            unowned.get(i),
                            offloads,
                            raw,
                            lanes));
        }
        unowned.clear();
        int other = kernel.queueOfAnother();
        if (other >= 0) {
            throw new GatewayException(
                    "another gateway judges here by queue " + other,
                    "Two cannot: the second would take the packets from the first. Stop that one"
                            + " (its process is in the network namespace of this host).");
        }
        installed = true;
        kernel.install();
        takeOver();
        start(lanes);
        Waiter wait = new Waiter(events.descriptor());
        watch = wait;
        watcher =
                Thread.ofPlatform()
                        .daemon()
                        .name("pinhole-conntrack")
                        .start(() -> watch(events, wait));
        LOG.info(
                "judging by {} on queues {}-{} ({}), {} connections taken over, fail {}",
                set().name(),
                options.firstQueue(),
                options.firstQueue() + options.queues() - 1,
                kernel.tool() == KernelRules.Tool.NFT ? "nft" : "iptables",
                takenOver,
                options.failOpen() ? "open" : "closed");
    }

    /** Before the shards run: their state is still this thread's. */
    private void takeOver() throws LinuxException {
        Conntrack from = table;
        if (from == null) {
            return;
        }
        List<ConntrackEntry> found = new ArrayList<>();
        from.list(0, 0, found::add);
        for (ConntrackEntry entry : found) {
            if (!entry.isEstablishedTcp()) {
                continue;
            }
            boolean carried = (entry.mark() & options.mark()) != 0;
            FlowKey key = entry.forwarded();
            boolean taken = false;
            // The kernel's choice of queue is its secret: each shard may get the packets.
            for (QueueShard lane : lanes) {
                taken |= lane.takeOver(key, carried, "", "");
            }
            if (taken) {
                takenOver++;
                offloads.add(new Offloads.Carried(key, carried, "", ""));
            }
        }
    }

    /** Learns of connections that the kernel has forgotten. */
    private void watch(Conntrack events, Waiter wait) {
        long overflows = 0;
        while (!isStopping()) {
            wait.await(WATCH_MILLIS);
            events.ended(this::ended);
            if (events.overflows() != overflows) {
                overflows = events.overflows();
                compare();
            }
        }
    }

    /**
     * The news may come late: the ports may belong to a new connection by now, which the kernel may
     * carry too. Only the end of the one that is known is believed.
     */
    private void ended(ConntrackEntry entry) {
        FlowKey key = entry.forwarded();
        Offloads.Carried carried = offloads.get(key);
        if (carried == null || (carried.offloaded() && (entry.mark() & options.mark()) == 0)) {
            return;
        }
        ConntrackEntry now = lookUp(entry);
        if (now != null) {
            if ((now.mark() & options.mark()) == 0) {
                offloads.remove(carried);
            }
            return;
        }
        endEvents.incrementAndGet();
        offloads.remove(carried);
        for (QueueShard lane : lanes) {
            lane.mailbox.offer(() -> lane.removeCarried(key));
        }
    }

    private @Nullable ConntrackEntry lookUp(ConntrackEntry entry) {
        Conntrack in = lookups;
        try {
            ConntrackEntry now = in == null ? null : in.find(entry.original());
            return now == null || (now.status() & ConntrackEntry.DYING) != 0 ? null : now;
        } catch (LinuxException e) {
            LOG.debug("no answer about {}", entry, e);
            return null;
        }
    }

    /** Events were lost: what the kernel no longer has is over. */
    private void compare() {
        Set<FlowKey> there = new HashSet<>();
        try (Conntrack list = Conntrack.open()) {
            list.list(0, 0, entry -> there.add(entry.forwarded()));
        } catch (LinuxException e) {
            LOG.warn("cannot compare the tables: {}", e.getMessage());
            return;
        }
        for (Offloads.Carried carried : offloads.all()) {
            if (!there.contains(carried.key())) {
                offloads.remove(carried.key());
                for (QueueShard lane : lanes) {
                    lane.mailbox.offer(() -> lane.removeCarried(carried.key()));
                }
            }
        }
    }

    @Override
    String mode() {
        return "nfqueue";
    }

    @Override
    List<Stats.Queue> queues() {
        List<Stats.Queue> out = new ArrayList<>();
        for (QueueShard lane : lanes) {
            NfQueue queue = lane.queue();
            out.add(
                    new Stats.Queue(
                            "queue " + queue.number(),
                            queue.received(),
                            queue.lost(),
                            queue.overflows()));
        }
        return out;
    }

    @Override
    void counters(Map<String, Long> into) {
        long verdictErrors = 0;
        long rejectsUnsent = 0;
        long errands = 0;
        for (QueueShard lane : lanes) {
            verdictErrors += lane.queue().verdictErrors();
            rejectsUnsent += lane.rejectsUnsent;
            errands += lane.errands;
        }
        into.put("verdict_errors", verdictErrors);
        into.put("rejects_unsent", rejectsUnsent);
        into.put("icmp_errands", errands);
        into.put("connections_taken_over", (long) takenOver);
        into.put("kernel_end_events", endEvents.get());
        if (recorder != null) {
            into.put("recording_failed", recorder.failed() ? 1L : 0L);
            into.put("recording_files_deleted", recorder.deleted());
        }
    }

    @Override
    synchronized void recallInKernel(Set<FlowKey> keys) {
        if (!keys.isEmpty()) {
            unmark(keys);
        }
    }

    /** Takes the mark off these connections, or off all. */
    private void unmark(@Nullable Set<FlowKey> keys) {
        Conntrack in = table;
        if (in == null) {
            return;
        }
        try {
            List<ConntrackEntry> marked = new ArrayList<>();
            in.list(options.mark(), options.mark(), marked::add);
            for (ConntrackEntry entry : marked) {
                if (keys == null || keys.contains(entry.forwarded())) {
                    in.mark(entry, 0, options.mark());
                }
            }
        } catch (LinuxException e) {
            LOG.error("connections stay with the kernel: {}", e.getMessage());
        }
    }

    @Override
    synchronized void renewKernelRules() {
        try {
            kernel.install();
        } catch (GatewayException e) {
            LOG.error("the kernel does not queue packets: {}", String.join(" / ", e.lines()));
        }
    }

    @Override
    synchronized void deleteInKernel(FlowKey key) {
        Conntrack in = table;
        if (in == null) {
            return;
        }
        try {
            List<ConntrackEntry> found = new ArrayList<>();
            in.list(
                    0,
                    0,
                    entry -> {
                        FlowKey forwarded = entry.forwarded();
                        if (forwarded.equals(key) || forwarded.equals(key.reversed())) {
                            found.add(entry);
                        }
                    });
            for (ConntrackEntry entry : found) {
                in.delete(entry);
            }
        } catch (LinuxException e) {
            LOG.error("the kernel keeps {}: {}", key, e.getMessage());
        }
    }

    /**
     * Ends: takes the rules away so that nothing more is queued, judges what still waits, and
     * leaves no mark in the kernel.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        requestStop();
        if (installed) {
            kernel.remove();
        }
        stopShards();
        Thread watching = watcher;
        Waiter waking = watch;
        if (watching != null && waking != null) {
            waking.wake();
            try {
                watching.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            waking.close();
        }
        if (installed) {
            unmark(null);
        }
        for (QueueShard lane : lanes) {
            lane.close();
        }
        unowned.forEach(NfQueue::close);
        closeIf(ends);
        closeIf(lookups);
        closeIf(table);
        closeIf(raw);
        if (recorder != null) {
            recorder.close();
        }
        events.close();
    }

    private static void closeIf(@Nullable AutoCloseable resource) {
        try {
            if (resource != null) {
                resource.close();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e); // none of ours throws
        }
    }
}
