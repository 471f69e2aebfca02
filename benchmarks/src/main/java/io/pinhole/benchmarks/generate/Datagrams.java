package io.pinhole.benchmarks.generate;

import java.io.IOException;
import java.util.function.LongSupplier;

/** What is no TCP: name lookups, echo, a stream over UDP, ARP and neighbour discovery. */
final class Datagrams extends Conversation {
    private enum Kind {
        LOOKUP,
        UNREACHABLE,
        ECHO,
        STREAM,
        ARP,
        NEIGHBOUR
    }

    private static final Kind[] MIX = {
        Kind.LOOKUP,
        Kind.LOOKUP,
        Kind.LOOKUP,
        Kind.LOOKUP,
        Kind.LOOKUP,
        Kind.UNREACHABLE,
        Kind.ECHO,
        Kind.STREAM,
        Kind.ARP,
        Kind.NEIGHBOUR
    };

    private final Dice dice;
    private final Contents contents;
    private final Kind kind;
    private final Host client;
    private final Host server;
    private final int port;
    private int left;
    private int sent;

    Datagrams(Hosts hosts, Contents contents, Dice dice) {
        super(dice);
        this.dice = dice;
        this.contents = contents;
        kind = dice.oneOf(MIX);
        boolean v4 = kind == Kind.ARP || (kind != Kind.NEIGHBOUR && dice.percent(75));
        client = hosts.client(v4);
        server = hosts.server(v4);
        port = client.nextPort();
        left =
                switch (kind) {
                    case ECHO -> 2 * dice.between(1, 5);
                    case STREAM -> dice.spread(4, 400);
                    default -> 2;
                };
    }

    @Override
    boolean goOn(Frames frames) {
        if (left == 0) {
            return false;
        }
        left--;
        boolean answer = sent++ % 2 != 0;
        then(
                switch (kind) {
                    case LOOKUP -> packet(f -> lookup(f, answer), () -> 3_000_000);
                    case UNREACHABLE -> packet(f -> unreachable(f, answer), () -> 2_000_000);
                    case ECHO ->
                            packet(f -> echo(f, answer), () -> answer ? 900_000_000 : 4_000_000);
                    case STREAM -> packet(this::stream, () -> 150_000);
                    case ARP -> packet(f -> arp(f, answer), () -> 300_000);
                    case NEIGHBOUR -> packet(f -> neighbour(f, answer), () -> 300_000);
                });
        return true;
    }

    private interface Sending {
        void to(Frames frames) throws IOException;
    }

    private static Act packet(Sending sending, LongSupplier pause) {
        return new Act() {
            @Override
            public boolean send(Frames frames) throws IOException {
                sending.to(frames);
                return true;
            }

            @Override
            public long pause() {
                return pause.getAsLong();
            }
        };
    }

    /** A DNS message (RFC 1035 section 4.1) for one name, with one address in the answer. */
    private int dns(Frames f, boolean answer) {
        int at = f.payload();
        f.u16(at, port);
        f.u16(at + 2, answer ? 0x8180 : 0x0100);
        f.u16(at + 4, 1);
        f.u16(at + 6, answer ? 1 : 0);
        f.u32(at + 8, 0);
        byte[] bytes = f.bytes();
        int i = at + 12;
        for (String label : new String[] {"host" + (port & 1023), "example", "net"}) {
            bytes[i++] = (byte) label.length();
            for (int c = 0; c < label.length(); c++) {
                bytes[i++] = (byte) label.charAt(c);
            }
        }
        bytes[i++] = 0;
        f.u32(i, 0x0001_0001);
        i += 4;
        if (answer) {
            f.u16(i, 0xc00c);
            f.u32(i + 2, 0x0001_0001);
            f.u32(i + 6, 300);
            f.u16(i + 10, 4);
            f.u32(i + 12, 0xc613_1001);
            i += 16;
        }
        return i - at;
    }

    private void lookup(Frames f, boolean answer) throws IOException {
        int length = dns(f, answer);
        if (answer) {
            f.udp(server, 53, client, port, length);
        } else {
            f.udp(client, port, server, 53, length);
        }
    }

    /** A lookup at a host without a name server, and what it says to that (RFC 792, RFC 4443). */
    private void unreachable(Frames f, boolean answer) throws IOException {
        if (!answer) {
            f.udp(client, port, server, 53, dns(f, false));
            return;
        }
        int at = f.payload();
        boolean v4 = client.isV4();
        f.u32(at, v4 ? 0x0303_0000 : 0x0104_0000);
        f.u32(at + 4, 0);
        int ip = v4 ? 20 : 40;
        int quoted = at + 8;
        int udp = quoted + ip;
        int length = 40;
        f.u16(udp, port);
        f.u16(udp + 2, 53);
        f.u16(udp + 4, length);
        f.u16(udp + 6, 0x1234);
        for (int i = 8; i < length; i += 8) {
            f.u64(udp + i, 0);
        }
        f.internetHeader(quoted, client, server, Frames.UDP, length, client.ttl);
        f.icmp(server, client, 8 + ip + length);
    }

    private void echo(Frames f, boolean answer) throws IOException {
        int at = f.payload();
        boolean v4 = client.isV4();
        int type = v4 ? (answer ? 0 : 8) : (answer ? 129 : 128);
        f.u32(at, type << 24);
        f.u16(at + 4, port);
        f.u16(at + 6, (sent + 1) / 2);
        for (int i = 0; i < 56; i += 8) {
            f.u64(at + 8 + i, 0x1011_1213_1415_1617L + i);
        }
        f.icmp(answer ? server : client, answer ? client : server, 64);
    }

    private void stream(Frames f) throws IOException {
        int length = f.wantsLarger() ? 1252 : dice.between(24, 160);
        f.put(contents.binary, dice.below(1 << 20), length);
        if (dice.percent(80)) {
            f.udp(server, 443, client, port, length);
        } else {
            f.udp(client, port, server, 443, 40);
        }
    }

    /** RFC 826. */
    private void arp(Frames f, boolean answer) throws IOException {
        Host from = answer ? server : client;
        Host to = answer ? client : server;
        int at = f.payload();
        f.u64(at, 0x0001_0800_0604_0000L | (answer ? 2 : 1));
        f.u16(at + 8, (int) (from.mac >>> 32));
        f.u32(at + 10, (int) from.mac);
        f.u32(at + 14, from.address.v4Bits());
        long target = answer ? to.mac : 0;
        f.u16(at + 18, (int) (target >>> 32));
        f.u32(at + 20, (int) target);
        f.u32(at + 24, to.address.v4Bits());
        f.link(from.mac, answer ? to.mac : 0xffff_ffff_ffffL, 0x0806, 28);
    }

    /** Neighbour solicitation and advertisement (RFC 4861 section 4), unicast as in a probe. */
    private void neighbour(Frames f, boolean answer) throws IOException {
        Host from = answer ? server : client;
        Host to = answer ? client : server;
        Host about = server;
        int at = f.payload();
        f.u32(at, (answer ? 136 : 135) << 24);
        f.u32(at + 4, answer ? 0x6000_0000 : 0);
        f.u64(at + 8, about.address.high());
        f.u64(at + 16, about.address.low());
        f.u16(at + 24, answer ? 0x0201 : 0x0101);
        f.u16(at + 26, (int) (from.mac >>> 32));
        f.u32(at + 28, (int) from.mac);
        f.icmp(from, to, 32, 255);
    }
}
