package io.pinhole.capture;

import io.pinhole.decode.LinkType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Names for link types that cannot be read, so that a message says more than a number.
 *
 * @see <a href="https://www.tcpdump.org/linktypes.html">tcpdump.org/linktypes.html</a>
 */
final class LinkNames {
    private static final Map<Integer, String> KNOWN =
            Map.ofEntries(
                    Map.entry(6, "IEEE 802.5 token ring"),
                    Map.entry(7, "ARCNET"),
                    Map.entry(8, "SLIP"),
                    Map.entry(9, "PPP"),
                    Map.entry(10, "FDDI"),
                    Map.entry(50, "PPP in HDLC-like framing"),
                    Map.entry(51, "PPPoE session"),
                    Map.entry(100, "LLC/SNAP-encapsulated ATM"),
                    Map.entry(104, "Cisco HDLC"),
                    Map.entry(105, "IEEE 802.11"),
                    Map.entry(107, "Frame Relay"),
                    Map.entry(109, "OpenBSD enc"),
                    Map.entry(117, "OpenBSD pflog"),
                    Map.entry(119, "IEEE 802.11 with Prism header"),
                    Map.entry(122, "IP over Fibre Channel"),
                    Map.entry(127, "IEEE 802.11 with radiotap header"),
                    Map.entry(129, "ARCNET, Linux"),
                    Map.entry(138, "IP over IEEE 1394, Apple"),
                    Map.entry(163, "IEEE 802.11 with AVS header"),
                    Map.entry(166, "PPP with direction"),
                    Map.entry(187, "Bluetooth HCI H4"),
                    Map.entry(189, "USB, Linux"),
                    Map.entry(192, "PPI"),
                    Map.entry(195, "IEEE 802.15.4"),
                    Map.entry(201, "Bluetooth HCI H4 with direction"),
                    Map.entry(204, "PPP with direction byte"),
                    Map.entry(220, "USB, Linux, padded"),
                    Map.entry(226, "Solaris ipnet"),
                    Map.entry(227, "CAN, SocketCAN"),
                    Map.entry(239, "Linux NFLOG"),
                    Map.entry(240, "netANALYZER"),
                    Map.entry(247, "IP over InfiniBand"),
                    Map.entry(249, "USBPcap"),
                    Map.entry(252, "Wireshark upper PDU"),
                    Map.entry(253, "Linux netlink"),
                    Map.entry(258, "Apple PKTAP"),
                    Map.entry(274, "Ethernet with IEEE 802.3br mPackets"));

    private static final String SUPPORTED =
            Arrays.stream(LinkType.values())
                    .map(type -> type.number() + " " + type.name().toLowerCase(Locale.ROOT))
                    .collect(Collectors.joining(", "));

    private LinkNames() {}

    /** For example {@code link type 105 (IEEE 802.11) is not supported; supported: 0 null, …}. */
    static String unsupported(int number) {
        return describe(number) + " is not supported; supported: " + SUPPORTED;
    }

    static String describe(int number) {
        String name = KNOWN.get(number);
        return "link type " + number + (name == null ? "" : " (" + name + ")");
    }
}
