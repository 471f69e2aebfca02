package io.pinhole.validate.run;

import io.pinhole.core.FlowKey;

/** Packets in words. */
final class Words {
    private static final String[] FLAGS = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

    private Words() {}

    /** {@code tcp 198.51.100.7:50001 > 203.0.113.10:21 psh+ack, 12 bytes}. */
    static String tcp(FlowKey flow, int flags, int bytes) {
        String text = "tcp " + flow + " " + flags(flags);
        return bytes == 0 ? text : text + ", " + bytes + (bytes == 1 ? " byte" : " bytes");
    }

    static String flags(int bits) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < FLAGS.length; i++) {
            if ((bits & 1 << i) != 0) {
                out.append(out.isEmpty() ? "" : "+").append(FLAGS[i]);
            }
        }
        return out.isEmpty() ? "none" : out.toString();
    }

    /** {@code icmp 198.51.100.7 > 203.0.113.10}. */
    static String portless(FlowKey flow) {
        boolean ports = flow.sourcePort() != 0 || flow.destinationPort() != 0;
        return flow.protocolName()
                + " "
                + (ports ? flow.toString() : flow.source() + " > " + flow.destination());
    }
}
