package io.pinhole.validate.check;

import io.pinhole.validate.space.Region;
import io.pinhole.validate.space.View;
import io.pinhole.validate.space.Witness;
import java.util.List;

/**
 * Packets that one rule set lets through and the other does not.
 *
 * @param kind what they are to the connections they belong to
 * @param opened true if they pass now and did not, false if they passed and do no longer
 * @param example one of them
 * @param before what may have to come before the example: control connections that can announce it
 */
public record Change(
        View view,
        Kind kind,
        boolean opened,
        String region,
        Region packets,
        Witness example,
        List<Witness> before) {
    public Change {
        before = List.copyOf(before);
    }

    /** What a packet is to its connection, in the order in which it matters. */
    public enum Kind {
        CONNECTION("new connections"),
        DATA("data connections through pinholes"),
        ESTABLISHED("packets of connections that both rule sets let in"),
        LOOSE("packets outside of connections"),
        ERROR("ICMP errors about connections");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        public String text() {
            return text;
        }
    }
}
