package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.core.Settings.PassiveAddress;
import io.pinhole.core.Settings.PrivilegedPorts;
import io.pinhole.core.Settings.ThirdParty;
import io.pinhole.core.TransferMode;

/** Judges a readable announcement by its endpoint alone; design section 5. */
final class Admission {
    /** Ports below are privileged (RFC 2577 section 3). */
    private static final int FIRST_UNPRIVILEGED = 1_024;

    private final IpAddress client;
    private final IpAddress server;
    private final HelperPolicy policy;

    Admission(IpAddress client, IpAddress server, HelperPolicy policy) {
        // As they are on the wire: a mapped address there is no IPv4 host's.
        this.client = client;
        this.server = server;
        this.policy = policy;
    }

    IpAddress server() {
        return server;
    }

    /**
     * Judges host and port, and says where the pinhole leads.
     *
     * @param address {@code announcement}'s own, which could be read
     * @return {@code NONE} if it may open
     */
    Anomaly judge(Announcement announcement, IpAddress address) {
        if (address.version() != client.version()) {
            return Anomaly.FAMILY_MISMATCH;
        }
        Anomaly host =
                announcement.mode().serverConnects()
                        ? judgeActive(address)
                        : judgePassive(announcement, address);
        if (host != Anomaly.NONE) {
            return host;
        }
        int port = announcement.port();
        if (port < FIRST_UNPRIVILEGED && policy.privilegedPorts() == PrivilegedPorts.REFUSE) {
            return Anomaly.PRIVILEGED_PORT;
        }
        return policy.denies(port) ? Anomaly.DENIED_PORT : Anomaly.NONE;
    }

    /** With third parties allowed, an empty list of peers means any. */
    private Anomaly judgeActive(IpAddress address) {
        if (address.equals(client)) {
            return Anomaly.NONE;
        }
        boolean allowed =
                policy.thirdParty() == ThirdParty.ALLOW
                        && (policy.thirdPartyPeers().isEmpty()
                                || policy.thirdPartyPeers().contains(address));
        return allowed ? Anomaly.NONE : Anomaly.BOUNCE;
    }

    private Anomaly judgePassive(Announcement announcement, IpAddress address) {
        if (address.equals(server)) {
            return Anomaly.NONE;
        }
        // 0.0.0.0 tells the client to use the control connection's host; all clients do.
        if (address.isUnspecified()) {
            announcement.leadTo(server);
            return Anomaly.NONE;
        }
        // RFC 2428 section 3: what a 229 names must be the control connection's.
        if (announcement.mode() == TransferMode.EPSV) {
            return Anomaly.ADDRESS_MISMATCH;
        }
        return switch (policy.passiveAddress()) {
            case USE_CONTROL_ADDRESS -> {
                announcement.leadTo(server);
                yield Anomaly.NONE;
            }
            case REFUSE -> Anomaly.ADDRESS_MISMATCH;
            case ALLOW -> Anomaly.NONE;
        };
    }

    /** True if a 227 or 228 named another host and its pinhole leads to the server all the same. */
    boolean substituted(Announcement announcement, IpAddress address) {
        return !announcement.mode().serverConnects()
                && policy.passiveAddress() == PassiveAddress.USE_CONTROL_ADDRESS
                && !address.isUnspecified()
                && !address.equals(server);
    }
}
