package io.pinhole.benchmarks.generate;

import io.pinhole.core.IpAddress;
import io.pinhole.core.TransferMode;
import java.util.StringJoiner;

/** Addresses and ports as FTP writes them. */
final class EndPoints {
    private EndPoints() {}

    /** {@code h1,h2,h3,h4,p1,p2}: RFC 959 section 4.1.2. */
    static String rfc959(IpAddress address, int port) {
        StringJoiner list = new StringJoiner(",");
        octets(list, address.v4Bits() & 0xffff_ffffL, 4);
        octets(list, port, 2);
        return list.toString();
    }

    /** {@code 4,4,h1..h4,2,p1,p2} or {@code 6,16,h1..h16,2,p1,p2}: RFC 1639 section 2. */
    static String rfc1639(IpAddress address, int port) {
        StringJoiner list = new StringJoiner(",");
        if (address.isV4()) {
            list.add("4").add("4");
            octets(list, address.v4Bits() & 0xffff_ffffL, 4);
        } else {
            list.add("6").add("16");
            octets(list, address.high(), 8);
            octets(list, address.low(), 8);
        }
        list.add("2");
        octets(list, port, 2);
        return list.toString();
    }

    private static void octets(StringJoiner list, long bits, int count) {
        for (int i = count - 1; i >= 0; i--) {
            list.add(Long.toString(bits >>> 8 * i & 0xff));
        }
    }

    /** {@code |1|address|port|}: RFC 2428 section 2. */
    static String rfc2428(IpAddress address, int port, char delimiter) {
        String text = "|" + (address.isV4() ? 1 : 2) + "|" + address + "|" + port + "|";
        return text.replace('|', delimiter);
    }

    /** What a client sends to announce or to ask for a data connection. */
    static String command(TransferMode mode, Host client, int port, Dice dice) {
        return switch (mode) {
            case ACTIVE -> "PORT " + rfc959(client.address, port);
            case EPRT -> "EPRT " + rfc2428(client.address, port, dice.percent(3) ? '!' : '|');
            case LPRT -> "LPRT " + rfc1639(client.address, port);
            case PASSIVE -> "PASV";
            case EPSV -> dice.percent(5) ? "EPSV " + (client.isV4() ? 1 : 2) : "EPSV";
            case LPSV -> "LPSV";
        };
    }
}
