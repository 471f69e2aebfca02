package io.pinhole.core;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything an administrator may set, in force for one run. Keys in YAML and in {@code --set} are
 * the component names in lower case with hyphens: {@code timeouts.syn-sent}, {@code limits.flows},
 * {@code helper.third-party}, {@code helpers.NAME.third-party}.
 *
 * @param helper what holds for every ct helper object without an entry of its own
 * @param helpers whole policies by the name of a ct helper object, in order of the names
 */
public record Settings(
        Timeouts timeouts,
        Limits limits,
        Tcp tcp,
        HelperPolicy helper,
        Map<String, HelperPolicy> helpers) {
    public static final Settings DEFAULTS =
            new Settings(
                    Timeouts.DEFAULTS,
                    Limits.DEFAULTS,
                    Tcp.DEFAULTS,
                    HelperPolicy.DEFAULTS,
                    Map.of());

    public Settings {
        helpers = Collections.unmodifiableMap(new TreeMap<>(helpers));
    }

    /** The policy of the ct helper object of that name, in whatever table it stands. */
    public HelperPolicy helper(String objectName) {
        return helpers.getOrDefault(objectName, helper);
    }

    /**
     * How long an idle flow stays, in seconds of packet time. Defaults are netfilter's
     * (Documentation/networking/nf_conntrack-sysctl.rst).
     */
    public record Timeouts(
            int synSent,
            int synRecv,
            int established,
            int finWait,
            int closeWait,
            int lastAck,
            int timeWait,
            int close,
            int synSent2,
            int retransmitted,
            int unacknowledged,
            int udp,
            int udpStream,
            int icmp,
            int generic,
            int expectation,
            int fragment) {
        public static final Timeouts DEFAULTS =
                new Timeouts(
                        120, 60, 432_000, 120, 60, 30, 120, 10, 120, 300, 300, 30, 120, 30, 600,
                        300, 30);
    }

    /**
     * Hard limits. At a limit the engine degrades in a stated way and never grows.
     *
     * @param flows tracked flows in all
     * @param controls control connections whose dialogue is read at one time
     * @param expectations pinholes waiting at one time, and data connections followed for the
     *     report
     * @param expectationsPerParent pinholes one control connection may have waiting; a new
     *     announcement replaces the oldest
     * @param expectationsPerClient pinholes waiting for sessions of one client address
     * @param reassemblyBytes out-of-order bytes held per direction of a control connection
     * @param lineBytes longest control line, in bytes without its CRLF
     * @param pipeline commands outstanding on one control connection
     * @param fragmentBytes bytes of incomplete datagrams held in all
     * @param fragmentDatagrams incomplete datagrams held in all
     */
    public record Limits(
            int flows,
            int controls,
            int expectations,
            int expectationsPerParent,
            int expectationsPerClient,
            int reassemblyBytes,
            int lineBytes,
            int pipeline,
            int fragmentBytes,
            int fragmentDatagrams) {
        public static final Limits DEFAULTS =
                new Limits(
                        4_194_304, 65_536, 65_536, 1, 1_024, 65_536, 4_096, 64, 4_194_304, 4_096);
    }

    /**
     * TCP tracking, as the sysctls nf_conntrack_tcp_* of the same names.
     *
     * @param loose flows may be picked up in mid-stream
     * @param liberal only RST outside the window is invalid
     * @param maxRetrans retransmissions without an answer before the shorter timeout applies
     * @param checksum whether a segment with a wrong checksum is kept from the control parser
     */
    public record Tcp(boolean loose, boolean liberal, int maxRetrans, boolean checksum) {
        public static final Tcp DEFAULTS = new Tcp(true, false, 3, true);
    }

    /**
     * What the FTP helper allows; design section 5.
     *
     * @param thirdPartyPeers where third parties are allowed: the only hosts that may be named;
     *     empty for any
     * @param deniedPorts ports that no announcement may name
     * @param lifetimeSeconds how long a pinhole waits, in seconds; 0 for {@code
     *     timeouts.expectation}
     */
    public record HelperPolicy(
            ThirdParty thirdParty,
            List<IpAddress> thirdPartyPeers,
            PrivilegedPorts privilegedPorts,
            PassiveAddress passiveAddress,
            Auth auth,
            boolean requireLogin,
            List<PortRange> deniedPorts,
            ActiveSourcePort activeSourcePort,
            boolean strict,
            int lifetimeSeconds) {
        public static final HelperPolicy DEFAULTS =
                new HelperPolicy(
                        ThirdParty.REFUSE,
                        List.of(),
                        PrivilegedPorts.REFUSE,
                        PassiveAddress.USE_CONTROL_ADDRESS,
                        Auth.ALLOW,
                        false,
                        List.of(),
                        ActiveSourcePort.ANY,
                        false,
                        0);

        public HelperPolicy {
            thirdPartyPeers = List.copyOf(thirdPartyPeers);
            deniedPorts = List.copyOf(deniedPorts);
        }

        public boolean denies(int port) {
            for (PortRange range : deniedPorts) {
                if (port >= range.first() && port <= range.last()) {
                    return true;
                }
            }
            return false;
        }
    }

    /** PORT, EPRT or LPRT that names another host than the control connection's client. */
    public enum ThirdParty {
        REFUSE,
        ALLOW
    }

    /** Announced ports below 1024. */
    public enum PrivilegedPorts {
        REFUSE,
        ALLOW
    }

    /** 227 or 228 that names another host than the control connection's server. */
    public enum PassiveAddress {
        /** The pinhole leads to the control connection's server, whatever was announced. */
        USE_CONTROL_ADDRESS,
        REFUSE,
        /** The pinhole leads to the announced host. */
        ALLOW
    }

    /** AUTH TLS and its kin. */
    public enum Auth {
        ALLOW,
        REFUSE
    }

    /** Source port of active data connections. */
    public enum ActiveSourcePort {
        ANY,
        /** 20 only; RFC 959 section 3.2 asks for it, many servers do otherwise. */
        FTP_DATA
    }

    /** Ports from first to last, both included. */
    public record PortRange(int first, int last) {
        public PortRange {
            if (first < 0 || last > 65_535 || first > last) {
                throw new IllegalArgumentException("port range " + first + "-" + last);
            }
        }
    }
}
