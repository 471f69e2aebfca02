package io.pinhole.report;

import io.pinhole.core.Anomaly;
import io.pinhole.core.FlowKey;
import io.pinhole.core.IpAddress;
import io.pinhole.path.Event;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What to do about each cause: a sentence, and lines to copy. */
final class Cures {
    private Cures() {}

    /**
     * @param text one sentence without a full stop
     * @param lines rules, commands or settings, each with a comment where to put it
     */
    record Cure(String text, List<String> lines) {}

    static final String ASSIGN_HELPER =
            "assign the helper (since Linux 6.0 none is assigned by itself) and accept what it"
                    + " announces";

    static final Cure CLIENT_BEHIND_NAT =
            new Cure("use passive mode in the client: it announces no client address", List.of());

    static final Cure LINUX_HELPER =
            new Cure(
                    "judge without --compat=linux: Pinhole reads the stream as its receiver does;"
                            + " on a Linux gateway, have the client use EPSV and send one command a"
                            + " packet",
                    List.of());

    static final Cure SNAP_LENGTH =
            new Cure("capture again with whole packets", List.of("tcpdump -s 0 -w FILE"));

    static final Cure CAPTURE_LOSS =
            new Cure(
                    "capture again with a larger buffer, where both directions pass",
                    List.of("tcpdump -B 65536 -s 0 -w FILE"));

    static final Cure ONE_DIRECTION =
            new Cure(
                    "capture where both directions pass: on one of the two hosts, or on the"
                            + " gateway",
                    List.of("tcpdump -i any -s 0 -w FILE tcp"));

    static final Cure LATE_START =
            new Cure("start the capture before the client logs in", List.of());

    /** How to put up with what a policy refuses, for alerts that come with a refusal. */
    static @Nullable Cure byPolicy(Anomaly kind) {
        return switch (kind) {
            case BOUNCE ->
                    new Cure(
                            "leave it: this is how FTP bounce attacks look (RFC 2577); if transfers"
                                    + " between two servers are wanted, allow them",
                            List.of("--set helper.third-party=allow"));
            case PRIVILEGED_PORT ->
                    new Cure(
                            "leave it, or have the sender use ports from 1024 up; to allow it all"
                                    + " the same",
                            List.of("--set helper.privileged-ports=allow"));
            case DENIED_PORT ->
                    new Cure(
                            "keep the port out of the sender's range, or take it off the list"
                                    + " helper.denied-ports",
                            List.of());
            case ADDRESS_MISMATCH ->
                    new Cure(
                            "have the server announce its own address, or open the pinhole to the"
                                    + " control connection's server",
                            List.of("--set helper.passive-address=use-control-address"));
            case NOT_LOGGED_IN ->
                    new Cure(
                            "log in before the first transfer, or drop the requirement",
                            List.of("--set helper.require-login=false"));
            case EPSV_ALL_VIOLATION ->
                    new Cure(
                            "have the client stay with EPSV once it has sent EPSV ALL (RFC 2428"
                                    + " section 4)",
                            List.of());
            case FAMILY_MISMATCH ->
                    new Cure(
                            "have the client announce an address of the control connection's"
                                    + " family",
                            List.of());
            default -> null;
        };
    }

    /** nft lines that assign the helper to this control port and accept what it announces. */
    static List<String> assignHelper(int controlPort, @Nullable String blockedBy) {
        return List.of(
                "ct helper ftp { type \"ftp\" protocol tcp; }  # in the table",
                "tcp dport "
                        + controlPort
                        + " ct helper set \"ftp\"  # in a filter chain at hook prerouting, priority"
                        + " 0",
                "ct state established accept" + where(blockedBy),
                "ct helper \"ftp\" ct state related accept" + where(blockedBy),
                "# to try it first, where the rule set assigns no helper: --ftp-port "
                        + controlPort);
    }

    static List<String> acceptRelated(@Nullable String blockedBy) {
        return List.of("ct helper \"ftp\" ct state related accept" + where(blockedBy));
    }

    private static String where(@Nullable String blockedBy) {
        if (blockedBy == null) {
            return "";
        }
        return blockedBy.startsWith("policy ")
                ? "  # in the chain with " + blockedBy
                : "  # before " + blockedBy;
    }

    static Cure controlBlocked(FlowKey control, String rule) {
        return new Cure(
                "accept new control connections to the server",
                List.of(
                        to(control.destination())
                                + " tcp dport "
                                + control.destinationPort()
                                + " ct state new accept"
                                + where(rule),
                        "ct state established accept"));
    }

    static Cure controlAnswers() {
        return new Cure(
                "accept both directions of what was let in",
                List.of("ct state established accept  # as the chain's first rule"));
    }

    static Cure serverAddress(IpAddress seenAs) {
        return new Cure(
                "tell the server the address its clients use, or have clients use EPSV, which"
                        + " announces none",
                List.of(
                        "pasv_address=" + seenAs + "  # vsftpd.conf",
                        "MasqueradeAddress " + seenAs + "  # proftpd.conf",
                        "ForcePassiveIP " + seenAs + "  # pure-ftpd.conf"));
    }

    static Cure otherPort(int port) {
        return new Cure(
                "name the port to Pinhole, or assign the helper there",
                List.of(
                        "--ftp-port 21," + port,
                        "tcp dport " + port + " ct helper set \"ftp\"  # beside that for port 21"));
    }

    /** TLS: rules for a fixed range of passive ports, or no TLS on the control connection. */
    static Cure tls(Event.Control control) {
        FlowKey flow = control.flow();
        boolean active =
                !control.unseen().isEmpty()
                        && control.unseen().getFirst().flow().source().equals(flow.destination());
        String use = active ? "use passive mode, " : "";
        List<String> lines = new ArrayList<>(passiveRange(flow));
        lines.add("--set helper.auth=refuse  # passwords are then readable on the wire");
        return new Cure(
                use + PASSIVE_RANGE + "; or refuse AUTH, so that clients speak in the clear",
                lines);
    }

    static Cure implicitTls(FlowKey control) {
        List<String> lines = new ArrayList<>(passiveRange(control));
        lines.add(
                to(control.destination())
                        + " tcp dport "
                        + control.destinationPort()
                        + " ct state new accept");
        return new Cure(PASSIVE_RANGE + ", and the control port", lines);
    }

    private static final String PASSIVE_RANGE =
            "give the server a fixed range of passive ports and accept it by a rule";

    private static List<String> passiveRange(FlowKey control) {
        return List.of(
                "pasv_min_port=50000  # vsftpd.conf",
                "pasv_max_port=50100",
                to(control.destination()) + " tcp dport 50000-50100 ct state new accept");
    }

    private static String to(IpAddress address) {
        return (address.isV4() ? "ip daddr " : "ip6 daddr ") + address;
    }
}
