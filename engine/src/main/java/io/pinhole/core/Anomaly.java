package io.pinhole.core;

import static io.pinhole.core.Anomaly.Severity.ALERT;
import static io.pinhole.core.Anomaly.Severity.INFO;
import static io.pinhole.core.Anomaly.Severity.WARN;

import java.util.Locale;

/**
 * The one catalogue of reasons. A constant in lower case with hyphens is the metric's label, the
 * log key, the JSON {@code kind} and the expected value in tests. Code returns it; sinks count it.
 */
public enum Anomaly {
    NONE(INFO, "no anomaly"),

    // Packets that a host discards before any hook (undecodable).
    LINK_TRUNCATED(WARN, "fewer bytes than the link-layer header needs"),
    LINK_UNSUPPORTED(WARN, "link-layer type that is not read"),
    IP_TRUNCATED(WARN, "fewer bytes than the IP header declares"),
    IP_BAD_VERSION(WARN, "IP version is neither 4 nor 6, or not what the link layer says"),
    IP_BAD_HEADER_LENGTH(WARN, "IPv4 header length below 20 bytes"),
    IP_BAD_TOTAL_LENGTH(
            WARN, "IP total length is shorter than the headers or longer than the frame"),
    IP_BAD_CHECKSUM(WARN, "IPv4 header checksum is wrong"),
    IPV6_BAD_EXTENSION(WARN, "IPv6 extension header chain is malformed or too long"),

    ENCAPSULATED(INFO, "IP inside MPLS, PPPoE, GRE or the like, which is not looked into"),

    // Fragments.
    FRAGMENT_OVERLAP(ALERT, "fragments of one datagram overlap"),
    FRAGMENT_DUPLICATE(INFO, "fragment repeats bytes that are already held"),
    FRAGMENT_MALFORMED(WARN, "fragment offset and length cannot be part of a datagram"),
    FRAGMENT_TIMEOUT(WARN, "datagram was never completed"),
    FRAGMENTS_FULL(WARN, "reassembly limit reached"),

    // Transport headers: the packet is judged, with ct state invalid.
    TCP_TRUNCATED(WARN, "fewer bytes than the TCP header declares"),
    TCP_BAD_DATA_OFFSET(WARN, "TCP data offset below 5 or past the segment"),
    TCP_BAD_FLAGS(WARN, "combination of TCP flags that no host sends"),
    TCP_BAD_PORT(WARN, "TCP port 0"),
    UDP_TRUNCATED(WARN, "fewer bytes than the UDP header declares"),
    UDP_BAD_LENGTH(WARN, "UDP length below 8 or past the datagram"),
    ICMP_TRUNCATED(WARN, "ICMP message too short"),
    ICMP_UNTRACKABLE(INFO, "ICMP error that quotes no tracked flow"),
    ICMP_UNEXPECTED(INFO, "ICMP reply or message that no tracked request explains"),
    TTL_EXCEEDED(WARN, "time to live is used up: a router does not forward it"),
    BAD_CHECKSUM(WARN, "transport checksum is wrong"),

    // TCP tracking.
    INVALID_STATE(WARN, "TCP flags do not fit the state of the flow"),
    NOT_A_FLOW_START(INFO, "packet belongs to no tracked flow and may not start one"),
    OUT_OF_WINDOW(WARN, "sequence or acknowledgement number outside the window"),
    INVALID_RST(WARN, "RST outside the window"),
    UNEXPECTED_SYN(WARN, "SYN in an established flow"),

    // Tables.
    FLOWS_FULL(ALERT, "flow limit reached and nothing could be evicted"),
    CONTROLS_FULL(ALERT, "limit of inspected control connections reached"),
    DATA_FULL(WARN, "limit of data connections followed at one time reached"),
    EXPECTATIONS_FULL(ALERT, "expectation limit reached, in all or of one client"),

    // The control stream.
    OVERLAP(ALERT, "retransmitted segment carries different bytes"),
    STREAM_GAP(
            WARN, "bytes of the control stream are missing; inspection waits until it is in step"),
    REASSEMBLY_FULL(WARN, "out-of-order limit of the control stream reached"),
    SNAP_LENGTH(INFO, "capture cut the packet; part of the control stream is unknown"),
    OVERLONG_LINE(ALERT, "control line longer than the limit"),
    BARE_LF(INFO, "control line ended by LF without CR"),
    NUL_IN_LINE(ALERT, "NUL byte in a control line"),
    NOT_FTP(WARN, "control connection does not speak FTP"),
    PIPELINE_FULL(WARN, "more commands outstanding than the limit"),

    // The dialogue.
    BOUNCE(ALERT, "PORT names another host than the client (RFC 2577 section 3)"),
    PRIVILEGED_PORT(ALERT, "announced port is below 1024 (RFC 2577 section 3)"),
    DENIED_PORT(ALERT, "announced port is on the denied list"),
    UNSOLICITED_REPLY(ALERT, "reply announces an address that no command asked for"),
    ADDRESS_MISMATCH(ALERT, "passive reply names another host than the server"),
    MALFORMED_ANNOUNCEMENT(ALERT, "announcement cannot be read"),
    ODD_ANNOUNCEMENT(INFO, "announcement in an odd but readable form"),
    FAMILY_MISMATCH(ALERT, "announced address family is not that of the control connection"),
    EPSV_ALL_VIOLATION(ALERT, "announcement after EPSV ALL (RFC 2428 section 4)"),
    COMMAND_REFUSED(INFO, "server refused the announcement"),
    NOT_LOGGED_IN(ALERT, "announcement before login"),
    WRONG_DIRECTION(ALERT, "reply from the client, or command from the server"),
    AUTH_REFUSED(ALERT, "AUTH is not allowed by the helper's policy"),
    STARTTLS_VIOLATION(ALERT, "plain text after AUTH was accepted"),
    ENCRYPTED(INFO, "control connection turned to TLS; announcements cannot be read"),

    STRICT_VIOLATION(
            ALERT, "control connection broke the strict policy of its helper and is reset"),

    // Pinholes.
    PINHOLE_WRONG_HOST(ALERT, "connection to a pinhole's port from another host"),
    PINHOLE_REUSED(ALERT, "second connection to a pinhole that was already used"),
    UNANNOUNCED_CONNECTION(
            ALERT, "dropped connection between the hosts of a session that nobody announced"),
    PINHOLE_CLASH(
            ALERT,
            "two sessions announced the same end points; the newer pinhole replaces the older");

    /** How much a person should care. */
    public enum Severity {
        /** Worth a count. */
        INFO,
        /** Broken or unusual, not by itself an attack. */
        WARN,
        /** Reported as an {@code alert} event. */
        ALERT
    }

    private final Severity severity;
    private final String text;
    private final String label = name().toLowerCase(Locale.ROOT).replace('_', '-');

    Anomaly(Severity severity, String text) {
        this.severity = severity;
        this.text = text;
    }

    public Severity severity() {
        return severity;
    }

    /** One sentence without a full stop, for people. */
    public String text() {
        return text;
    }

    /** Lower case with hyphens: the stable name for machines. */
    public String label() {
        return label;
    }
}
