package io.pinhole.gateway;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.FlowKey;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.path.Event;
import io.pinhole.path.JournalEntry;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathControl;
import io.pinhole.path.PathOptions;
import io.pinhole.path.VerdictDigest;
import io.pinhole.path.VerdictSink;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleSet;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A path, the thread that owns it and what it counts. Counters may be read from any thread; all
 * else belongs to the shard's own, which others reach through the {@link Mailbox}.
 */
abstract class Shard implements VerdictSink, AutoCloseable {
    final Mailbox mailbox;
    final PathControl control;
    final @Nullable Recorder recorder;
    final VerdictDigest digest = new VerdictDigest();
    final long[] verdicts = new long[Verdict.values().length];
    final long[] anomalies = new long[Anomaly.values().length];
    long bytes;
    long offloads;
    long internalErrors;
    volatile long seen;

    private final PacketPath path;
    private final Clock clock;
    private final int index;
    private final int shards;
    private final Recorder.Stamp stamp = new Recorder.Stamp();
    private CompiledRules rules;
    private CompiledRules trial;
    private long count;
    private long current;
    private @Nullable Verdict result;

    /**
     * @param index of this shard, 0-based
     * @param shards how many there are
     */
    Shard(
            PathOptions options,
            RuleSet set,
            EventHub events,
            @Nullable Recorder recorder,
            Clock clock,
            int index,
            int shards) {
        rules = set.compile();
        trial = set.compile();
        path =
                new PacketPath(
                        options,
                        rules,
                        this,
                        event -> {
                            if (event instanceof Event.Data data) {
                                ended(data);
                            }
                            events.event(event);
                        },
                        index,
                        shards);
        control = path.control();
        this.recorder = recorder;
        this.clock = clock;
        this.index = index;
        this.shards = shards;
        mailbox = new Mailbox(this::wake);
    }

    /** Makes the shard's thread look into its mailbox; from any thread. */
    abstract void wake();

    /** Runs until {@link #stop}, then judges what is left and ends. */
    abstract void run();

    /** From any thread. */
    abstract void stop();

    /** A data connection is over. */
    void ended(Event.Data data) {}

    /** The verdict of a packet that had to wait for others: a fragment. */
    abstract void late(long position, Verdict verdict);

    /**
     * Judges one packet.
     *
     * @param now what the clock shows; a recording has a time of its own
     * @return null if the verdict comes later
     */
    final @Nullable Verdict judge(
            MemorySegment data,
            long offset,
            int captured,
            int wire,
            LinkType link,
            @Nullable String input,
            @Nullable String output,
            boolean checksumPending,
            boolean outOfWindow,
            long now) {
        count++;
        long position = count * shards + index;
        long time = now;
        Recorder to = recorder;
        if (to != null) {
            to.packet(
                    data,
                    offset,
                    captured,
                    wire,
                    link,
                    input,
                    output,
                    checksumPending,
                    outOfWindow,
                    stamp);
            position = stamp.position;
            time = stamp.timeNanos;
        }
        current = position;
        result = null;
        bytes += wire;
        path.hint(checksumPending, outOfWindow);
        path.process(data, offset, captured, wire, link, time, position, input, output);
        return result;
    }

    /** Position of the packet judged last. */
    final long position() {
        return current;
    }

    @Override
    public final void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        verdicts[verdict.ordinal()]++;
        if (why != Anomaly.NONE) {
            anomalies[why.ordinal()]++;
        }
        if (recorder != null) {
            digest.add(position, verdict, ct, hook, rule, why);
        }
        if (position == current) {
            result = verdict;
        } else {
            late(position, verdict);
        }
    }

    final void note(JournalEntry entry) {
        if (recorder != null) {
            recorder.note(entry);
        }
    }

    final long now() {
        return clock.nanos();
    }

    /** Nothing comes just now: lets time go on. */
    final void tick() {
        path.tick(now());
        publish();
    }

    /** Makes what was counted visible to other threads. */
    final void publish() {
        seen = count;
    }

    // ---- commands, on the shard's thread ----

    final CompiledRules rules() {
        return rules;
    }

    final void rules(CompiledRules next) {
        rules = next;
        trial = next.source().compile();
        control.forgetKept();
        path.rules(next);
    }

    /** Whether the rules in force let the kernel carry the flow of the packet judged last. */
    final boolean mayOffload(String input, String output) {
        boolean forth = control.isOriginal();
        return control.mayOffload(
                trial, blank(forth ? input : output), blank(forth ? output : input), now());
    }

    final boolean takeOver(FlowKey key, boolean offloaded, String input, String output) {
        boolean taken = control.takeOver(key, offloaded, rules, blank(input), blank(output), now());
        if (taken && index == 0) {
            note(new JournalEntry.TakeOver(key, offloaded, input, output));
        }
        return taken;
    }

    private static @Nullable String blank(String name) {
        return name.isEmpty() ? null : name;
    }

    final boolean removeCarried(FlowKey key) {
        boolean removed = control.removeCarried(key, now());
        if (removed) {
            note(new JournalEntry.Remove(key));
        }
        return removed;
    }

    final boolean remove(FlowKey key) {
        boolean removed = control.remove(key, now());
        if (removed) {
            note(new JournalEntry.Remove(key));
        }
        return removed;
    }

    final int flows() {
        return path.flows();
    }

    final long tableBytes() {
        return path.tableBytes();
    }

    /** The end: what is open is told as it stands. */
    final void finish() {
        mailbox.close();
        path.finish();
        publish();
    }

    @Override
    public void close() {
        path.close();
    }
}
