package io.pinhole.path;

import io.pinhole.core.Settings.Timeouts;
import io.pinhole.flow.TcpTracker;
import io.pinhole.rule.TimeoutObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What {@code ct timeout set} assigns, by the number that a flow keeps. As many as rule sets have
 * objects.
 */
final class TimeoutPolicies {
    private static final long SECOND = 1_000_000_000L;

    private final Timeouts usual;
    private final List<TimeoutObject> objects = new ArrayList<>();
    private final List<long[]> nanos = new ArrayList<>();

    TimeoutPolicies(Timeouts usual) {
        this.usual = usual;
    }

    /** The number of an object, from 1. */
    int number(TimeoutObject object) {
        int i = objects.indexOf(object);
        if (i < 0) {
            i = objects.size();
            objects.add(object);
            nanos.add(nanos(object));
        }
        return i + 1;
    }

    /**
     * The timeouts behind a number: for TCP by state, as {@link TcpTracker#timeouts} has them; for
     * UDP before and after a reply. Null for 0.
     */
    long @Nullable [] nanos(int number) {
        return number == 0 ? null : nanos.get(number - 1);
    }

    /** How long the first packet's flow waits (kernel nft_ct_timeout_obj_eval: entry 0). */
    long first(int number) {
        return nanos.get(number - 1)[0];
    }

    private long[] nanos(TimeoutObject object) {
        if (object.l4proto() != 6) {
            return new long[] {
                object.seconds().getOrDefault("unreplied", usual.udp()) * SECOND,
                object.seconds().getOrDefault("replied", usual.udpStream()) * SECOND
            };
        }
        long[] of = TcpTracker.timeouts(usual);
        for (int state = 0; state < of.length; state++) {
            Integer seconds =
                    object.seconds().get(TcpTracker.timeoutName(state).toLowerCase(Locale.ROOT));
            if (seconds != null) {
                of[state] = seconds * SECOND;
            }
        }
        of[TcpTracker.NONE] = of[TcpTracker.SYN_SENT];
        return of;
    }
}
