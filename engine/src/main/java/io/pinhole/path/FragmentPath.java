package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Verdict;
import io.pinhole.decode.PacketView;
import io.pinhole.flow.Fragments;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;

/** Fragments on their way: they wait for their datagram, and have its verdict. */
final class FragmentPath {
    private static final long SECOND = 1_000_000_000L;
    private static final RuleOrigin UNDECODABLE = new RuleOrigin("undecodable", "");
    private static final RuleOrigin REASSEMBLY = new RuleOrigin("fragment reassembly", "");

    /** Judges a whole datagram. */
    interface Judge {
        Verdict judge(PacketView datagram, long position);
    }

    /** The datagram that was completed last. */
    final PacketView datagram = new PacketView();

    private final Fragments fragments;
    private final VerdictSink verdicts;
    private final ShardNotes notes;
    private final PacketFacts facts;
    private final Outcome outcome;
    private final Judge judge;
    private long held;
    private long heldSince;

    FragmentPath(
            PathOptions options,
            VerdictSink verdicts,
            ShardNotes notes,
            PacketFacts facts,
            Outcome outcome,
            Judge judge) {
        var limits = options.settings().limits();
        fragments =
                new Fragments(
                        limits.fragmentBytes(),
                        limits.fragmentDatagrams(),
                        options.settings().timeouts().fragment() * SECOND,
                        this::lost);
        if (options.compatLinux()) {
            fragments.forgetDead();
        }
        this.verdicts = verdicts;
        this.notes = notes;
        this.facts = facts;
        this.outcome = outcome;
        this.judge = judge;
    }

    /**
     * Gives up what is overdue.
     *
     * @param count packets of the run so far
     */
    void expire(long now, long count) {
        if (held > 0) {
            fragments.expire(now);
            if (count - heldSince > PacketPath.MAX_HELD_PACKETS) {
                fragments.finish();
            }
        }
    }

    void finish() {
        fragments.finish();
    }

    /**
     * IPv6 fragments that Linux does not hold but lets meet their rules, as invalid (kernel
     * nf_ct_frag6_gather): a first one that ends within the transport header (RFC 8200 section
     * 4.5), one that is not the last and no multiple of eight bytes, one beyond the largest packet.
     */
    boolean passesAlone(PacketView p) {
        if (p.isV4()) {
            return false;
        }
        int length = p.transportLength();
        int offset = p.fragmentOffset();
        if (offset == 0) {
            int header =
                    switch (p.protocol()) {
                        case PacketView.TCP -> 20;
                        case PacketView.UDP, PacketView.ICMPV6 -> 8;
                        default -> 1;
                    };
            if (length < header) {
                return true;
            }
        }
        if (offset + length > 65_535) {
            return true;
        }
        if (p.moreFragments() && (length & 7) != 0) {
            fragments.abandon(p);
            return true;
        }
        return false;
    }

    void add(PacketView p, int wire, long now, long count, long position) {
        switch (fragments.add(p, wire, now, position)) {
            case HELD -> {
                if (held++ == 0) {
                    heldSince = count;
                }
            }
            case DROPPED ->
                    verdicts.verdict(
                            position, Verdict.DROP, null, null, REASSEMBLY, fragments.anomaly());
            case COMPLETE -> complete();
        }
    }

    private void complete() {
        Anomaly bad =
                datagram.wrapIp(
                        fragments.datagram(),
                        0,
                        fragments.datagramCaptured(),
                        fragments.datagramLength());
        Verdict verdict = Verdict.UNDECODABLE;
        int n = fragments.fragmentCount();
        long last = fragments.fragmentPosition(n - 1);
        if (bad == Anomaly.NONE && !datagram.isFragment()) {
            verdict = judge.judge(datagram, last);
        } else {
            outcome.why = bad;
            outcome.rule = UNDECODABLE;
        }
        boolean judged = verdict != Verdict.UNDECODABLE;
        if (verdict != Verdict.ACCEPT && datagram.ipVersion() != 0) {
            notes.datagram(Sessions.key(datagram));
        }
        held -= n - 1;
        for (int i = 0; i < n; i++) {
            verdicts.verdict(
                    fragments.fragmentPosition(i),
                    verdict,
                    judged ? facts.ctState : null,
                    judged ? outcome.hook : null,
                    outcome.rule,
                    outcome.why);
        }
    }

    private void lost(Anomaly reason, long position, int frameLength) {
        held--;
        verdicts.verdict(position, Verdict.DROP, null, null, REASSEMBLY, reason);
    }

    // ---- the rest ----

    /** Bytes of incomplete datagrams. */
    long bytes() {
        return fragments.bytes();
    }
}
