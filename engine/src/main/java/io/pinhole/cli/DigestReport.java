package io.pinhole.cli;

import io.pinhole.core.Anomaly;
import io.pinhole.core.CtState;
import io.pinhole.core.Hook;
import io.pinhole.core.Verdict;
import io.pinhole.path.Event;
import io.pinhole.path.VerdictDigest;
import io.pinhole.report.FlowSource;
import io.pinhole.report.Report;
import io.pinhole.report.Totals;
import io.pinhole.rule.RuleOrigin;
import org.jspecify.annotations.Nullable;

/** A report that also takes the fingerprint of the verdicts it is told. */
final class DigestReport implements Report {
    private final Report to;
    private final VerdictDigest digest = new VerdictDigest();

    DigestReport(Report to) {
        this.to = to;
    }

    VerdictDigest digest() {
        return digest;
    }

    @Override
    public void beginFile(int index, String name, int timeDigits) {
        to.beginFile(index, name, timeDigits);
    }

    @Override
    public void packet(long position, long timeNanos, int wireBytes, FlowSource flow) {
        to.packet(position, timeNanos, wireBytes, flow);
    }

    @Override
    public void endFile(boolean truncated) {
        to.endFile(truncated);
    }

    @Override
    public void finish() {
        to.finish();
    }

    @Override
    public void flush() {
        to.flush();
    }

    @Override
    public Totals totals() {
        return to.totals();
    }

    @Override
    public void verdict(
            long position,
            Verdict verdict,
            @Nullable CtState ct,
            @Nullable Hook hook,
            RuleOrigin rule,
            Anomaly why) {
        digest.add(position, verdict, ct, hook, rule, why);
        to.verdict(position, verdict, ct, hook, rule, why);
    }

    @Override
    public void event(Event event) {
        to.event(event);
    }
}
