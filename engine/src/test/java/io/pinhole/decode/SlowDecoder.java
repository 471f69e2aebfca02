package io.pinhole.decode;

import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads a packet the obvious way, to be compared with {@link PacketView}: a byte array, an
 * exception where something is wrong, a line of text as the result. {@link #describe} says the same
 * of a view, calling every accessor its contract allows.
 */
final class SlowDecoder {
    private static final class Bad extends Exception {
        private static final long serialVersionUID = 1L;
        final Anomaly why;

        Bad(Anomaly why) {
            this.why = why;
        }
    }

    private final byte[] bytes;
    private final int wire;
    private final List<String> out = new ArrayList<>();

    private SlowDecoder(byte[] bytes, int wire) {
        this.bytes = bytes;
        this.wire = Math.max(wire, bytes.length);
    }

    /** What there is to say of a frame of which {@code bytes} were captured. */
    static String decode(LinkType link, byte[] bytes, int wire) {
        try {
            SlowDecoder decoder = new SlowDecoder(bytes, wire);
            decoder.link(link);
            return String.join(" ", decoder.out);
        } catch (Bad bad) {
            return bad.why.label();
        }
    }

    private void link(LinkType link) throws Bad {
        if (bytes.length < link.headerLength()) {
            throw new Bad(Anomaly.LINK_TRUNCATED);
        }
        int at = link.headerLength();
        int type =
                switch (link) {
                    case ETHERNET -> number(12, 2);
                    case LINUX_SLL -> number(14, 2);
                    case LINUX_SLL2 -> number(0, 2);
                    case NULL, LOOP -> {
                        int big = number(0, 4);
                        int family = big >>> 16 == 0 ? big : Integer.reverseBytes(big);
                        yield family == 2
                                ? 0x800
                                : List.of(10, 24, 28, 30).contains(family) ? 0x86dd : 0;
                    }
                    case IPV4 -> 0x800;
                    case IPV6 -> 0x86dd;
                    case RAW -> {
                        if (bytes.length == 0) {
                            throw new Bad(Anomaly.IP_TRUNCATED);
                        }
                        int version = bytes[0] >> 4 & 15;
                        if (version != 4 && version != 6) {
                            throw new Bad(Anomaly.IP_BAD_VERSION);
                        }
                        yield version == 4 ? 0x800 : 0x86dd;
                    }
                };
        int tags = 0;
        while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
            if (tags == 4) {
                throw new Bad(Anomaly.LINK_UNSUPPORTED);
            }
            if (bytes.length < at + 4) {
                throw new Bad(Anomaly.LINK_TRUNCATED);
            }
            type = number(at + 2, 2);
            at += 4;
            tags++;
        }
        say("type", Integer.toHexString(type));
        say("tags", tags);
        String source = "-";
        String destination = "-";
        if (link == LinkType.ETHERNET) {
            destination = mac(0);
            source = mac(6);
        } else if (link == LinkType.LINUX_SLL && number(4, 2) == 6) {
            source = mac(6);
        } else if (link == LinkType.LINUX_SLL2 && number(11, 1) == 6) {
            source = mac(12);
        }
        say("mac", source + ">" + destination);
        if (type == 0x800) {
            ipv4(at);
        } else if (type == 0x86dd) {
            ipv6(at);
        } else {
            say("ip", "none");
        }
    }

    private void ipv4(int ip) throws Bad {
        if (bytes.length - ip < 20) {
            throw new Bad(Anomaly.IP_TRUNCATED);
        }
        if (number(ip, 1) >> 4 != 4) {
            throw new Bad(Anomaly.IP_BAD_VERSION);
        }
        int header = (number(ip, 1) & 15) * 4;
        if (header < 20) {
            throw new Bad(Anomaly.IP_BAD_HEADER_LENGTH);
        }
        if (bytes.length - ip < header) {
            throw new Bad(Anomaly.IP_TRUNCATED);
        }
        if (number(ip + 10, 2) != 0 && PacketBytes.slowSum(bytes, ip, ip + header, 0) != 0xffff) {
            throw new Bad(Anomaly.IP_BAD_CHECKSUM);
        }
        int total = number(ip + 2, 2);
        if (total == 0 && wire - ip > 1500) {
            total = wire - ip;
        }
        if (total < header || total > wire - ip) {
            throw new Bad(Anomaly.IP_BAD_TOTAL_LENGTH);
        }
        boolean more = (number(ip + 6, 1) & 0x20) != 0;
        int offset = (number(ip + 6, 2) & 0x1fff) * 8;
        say("ip", "4@" + ip + "+" + total + "/" + Math.min(total, bytes.length - ip));
        say("from", IpAddress.v4(number(ip + 12, 4)) + ">" + IpAddress.v4(number(ip + 16, 4)));
        say("hops", number(ip + 8, 1));
        say("cut", bytes.length - ip < total);
        fragment(more || offset > 0, more, offset, number(ip + 4, 2), 0);
        transport(4, number(ip + 9, 1), ip + header, total - header, more || offset > 0);
    }

    private void ipv6(int ip) throws Bad {
        if (bytes.length - ip < 40) {
            throw new Bad(Anomaly.IP_TRUNCATED);
        }
        if (number(ip, 1) >> 4 != 6) {
            throw new Bad(Anomaly.IP_BAD_VERSION);
        }
        int next = number(ip + 6, 1);
        int payload = number(ip + 4, 2);
        if (payload == 0 && next != 59 && wire - ip > 1500) {
            payload = wire - ip - 40;
        }
        int end = ip + 40 + payload;
        if (end > wire) {
            throw new Bad(Anomaly.IP_BAD_TOTAL_LENGTH);
        }
        int at = ip + 40;
        int fragmentAt = 0;
        boolean fragment = false;
        boolean more = false;
        int offset = 0;
        int id = 0;
        int seen = 0;
        while (List.of(0, 43, 44, 51, 60).contains(next) && offset == 0) {
            if (seen++ == 16 || at + 8 > end) {
                throw new Bad(Anomaly.IPV6_BAD_EXTENSION);
            }
            if (at + 8 > bytes.length) {
                throw new Bad(Anomaly.IP_TRUNCATED);
            }
            int length = (number(at + 1, 1) + 1) * 8;
            if (next == 51) {
                length = (number(at + 1, 1) + 2) * 4;
            } else if (next == 44) {
                if (fragmentAt != 0) {
                    throw new Bad(Anomaly.IPV6_BAD_EXTENSION);
                }
                length = 8;
                fragmentAt = at;
                more = (number(at + 3, 1) & 1) == 1;
                offset = number(at + 2, 2) / 8 * 8;
                id = number(at + 4, 4);
                fragment = more || offset > 0;
            }
            next = number(at, 1);
            at += length;
            if (at > end) {
                throw new Bad(Anomaly.IPV6_BAD_EXTENSION);
            }
        }
        say("ip", "6@" + ip + "+" + (end - ip) + "/" + Math.min(end, bytes.length) + "-" + ip);
        say("from", ipv6Address(ip + 8) + ">" + ipv6Address(ip + 24));
        say("hops", number(ip + 7, 1));
        say("cut", bytes.length < end);
        fragment(fragment, more, offset, id, fragmentAt);
        transport(6, next, at, end - at, fragment);
    }

    private void fragment(boolean is, boolean more, int offset, int id, int header) {
        say("fragment", is ? offset + (more ? "+" : ".") + Integer.toHexString(id) : "no");
        say("fragmentHeader", header);
    }

    private void transport(int version, int protocol, int at, int length, boolean fragment)
            throws Bad {
        int present = Math.max(0, Math.min(length, bytes.length - at));
        say("proto", protocol);
        say("at", at + "+" + length + "/" + present);
        boolean ported = List.of(6, 17, 33, 132, 136).contains(protocol) && !fragment;
        String ports = ported && present >= 4 ? number(at, 2) + ">" + number(at + 2, 2) : "no";
        say("ports", ports);
        if (fragment) {
            say("transport", "none");
            return;
        }
        if (ported && present < 4) {
            say("transport", protocol == 17 ? "udp-truncated" : "tcp-truncated");
        } else if (protocol == 6) {
            tcp(at, length, present);
        } else if (protocol == 17) {
            if (present < 8) {
                say("transport", "udp-truncated");
            } else if (number(at + 4, 2) < 8 || number(at + 4, 2) > length) {
                say("transport", "udp-bad-length");
            } else {
                int payload = number(at + 4, 2) - 8;
                say("transport", "none");
                say("payload", at + 8 + "+" + payload + "/" + Math.min(payload, present - 8));
            }
        } else if (protocol == 1 || protocol == 58) {
            if (present < 8) {
                say("transport", "icmp-truncated");
                return;
            }
            say("transport", "none");
            int type = number(at, 1);
            say("icmp", type + "/" + number(at + 1, 1) + "#" + number(at + 4, 2));
            boolean error4 = protocol == 1 && List.of(3, 4, 5, 11, 12).contains(type);
            say("error", version == 4 ? error4 : protocol == 58 && type < 128);
        } else {
            say("transport", "none");
        }
    }

    private void tcp(int at, int length, int present) throws Bad {
        if (present < 20) {
            say("transport", "tcp-truncated");
            return;
        }
        int header = number(at + 12, 1) / 16 * 4;
        if (header < 20 || header > length) {
            say("transport", "tcp-bad-data-offset");
            return;
        }
        say("transport", "none");
        say("flags", number(at + 13, 1));
        say("seq", number(at + 4, 4) + "," + number(at + 8, 4));
        say("win", number(at + 14, 2) + "," + number(at + 18, 2));
        say("header", header + "/" + Math.min(header, present));
        int payload = length - header;
        say("payload", at + header + "+" + payload + "/" + Math.max(0, present - header));
    }

    private void say(String what, Object value) {
        out.add(what + "=" + value);
    }

    private int number(int at, int size) {
        int value = 0;
        for (int i = 0; i < size; i++) {
            value = value << 8 | bytes[at + i] & 0xff;
        }
        return value;
    }

    private String mac(int at) {
        return Long.toHexString((long) number(at, 2) << 32 | number(at + 2, 4) & 0xffff_ffffL);
    }

    private IpAddress ipv6Address(int at) {
        return IpAddress.v6(
                (long) number(at, 4) << 32 | number(at + 4, 4) & 0xffff_ffffL,
                (long) number(at + 8, 4) << 32 | number(at + 12, 4) & 0xffff_ffffL);
    }

    /** What a view says, in the words of {@link #decode}; {@code base} is where the frame began. */
    static String describe(PacketView v, Anomaly read, long base) {
        if (read != Anomaly.NONE) {
            return read.label();
        }
        List<String> out = new ArrayList<>();
        out.add("type=" + Integer.toHexString(v.etherType()));
        out.add("tags=" + v.vlanTags());
        out.add("mac=" + mac(v.sourceMac()) + ">" + mac(v.destinationMac()));
        if (v.ipVersion() == 0) {
            out.add("ip=none");
            return String.join(" ", out);
        }
        long ip = v.networkStart() - base;
        out.add(
                v.isV4()
                        ? "ip=4@" + ip + "+" + v.ipLength() + "/" + v.ipCaptured()
                        : "ip=6@"
                                + ip
                                + "+"
                                + v.ipLength()
                                + "/"
                                + (ip + v.ipCaptured())
                                + "-"
                                + ip);
        out.add("from=" + v.source() + ">" + v.destination());
        out.add("hops=" + v.hopLimit());
        out.add("cut=" + v.truncated());
        out.add(
                "fragment="
                        + (v.isFragment()
                                ? v.fragmentOffset()
                                        + (v.moreFragments() ? "+" : ".")
                                        + Integer.toHexString(v.fragmentId())
                                : "no"));
        out.add("fragmentHeader=" + (v.fragmentHeader() == 0 ? 0 : v.fragmentHeader() - base));
        out.add("proto=" + v.protocol());
        out.add(
                "at="
                        + (v.transportStart() - base)
                        + "+"
                        + v.transportLength()
                        + "/"
                        + v.transportCaptured());
        out.add("ports=" + (v.hasPorts() ? v.sourcePort() + ">" + v.destinationPort() : "no"));
        Anomaly transport = v.transportAnomaly();
        out.add("transport=" + transport.label());
        boolean error = v.isIcmpError();
        if (transport != Anomaly.NONE || v.isFragment()) {
            return String.join(" ", out);
        }
        if (v.protocol() == PacketView.TCP) {
            out.add("flags=" + v.tcpFlags());
            out.add("seq=" + v.tcpSequence() + "," + v.tcpAcknowledgement());
            out.add("win=" + v.tcpWindow() + "," + v.tcpUrgentPointer());
            out.add("header=" + v.tcpHeaderLength() + "/" + v.tcpHeaderCaptured());
        }
        if (v.protocol() == PacketView.TCP || v.protocol() == PacketView.UDP) {
            out.add(
                    "payload="
                            + (v.payloadStart() - base)
                            + "+"
                            + v.payloadLength()
                            + "/"
                            + v.payloadCaptured());
        }
        if (v.protocol() == PacketView.ICMP || v.protocol() == PacketView.ICMPV6) {
            out.add("icmp=" + v.icmpType() + "/" + v.icmpCode() + "#" + v.icmpId());
            out.add("error=" + error);
        }
        return String.join(" ", out);
    }

    private static String mac(long value) {
        return value < 0 ? "-" : Long.toHexString(value);
    }
}
