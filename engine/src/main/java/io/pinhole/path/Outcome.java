package io.pinhole.path;

import io.pinhole.core.Anomaly;
import io.pinhole.core.Hook;
import io.pinhole.rule.RuleOrigin;

/** What decided about the packet being judged, and why; one for each path. */
final class Outcome {
    Hook hook = Hook.FORWARD;
    RuleOrigin rule = RuleOrigin.NONE;
    Anomaly why = Anomaly.NONE;
}
