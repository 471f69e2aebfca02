package io.pinhole.validate.run;

import io.pinhole.core.CtState;
import io.pinhole.core.IpAddress;
import io.pinhole.decode.PacketView;
import io.pinhole.validate.scenario.PacketText;
import io.pinhole.validate.space.Witness;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Tells how a witness can come about, as the lines of a scenario: from nothing, through a dialogue
 * that announces it, or after the packets that open its connection.
 */
public final class Stories {
    private static final int SYN = TcpEnd.SYN;
    private static final int ACK = TcpEnd.ACK;

    private static final int V4_HEADER = 20;
    private static final int V6_HEADER = 40;

    private final Witness witness;
    private final Where where;
    private final Map<IpAddress, String> names = new LinkedHashMap<>();
    private final List<Story> out = new ArrayList<>();

    // Who opened the first connection of the story, and to whom.
    private String clientName = "";
    private String serverName = "";

    /** Which end of a connection the firewall host itself is. */
    public enum Own {
        NONE,
        CLIENT,
        SERVER
    }

    /**
     * Where the firewall stands.
     *
     * @param own an end of the connection that is its own, beside those that the test names
     * @param interfaces true if the rules read interfaces and the test does not say which address
     *     lives behind which
     */
    public record Where(Own own, boolean interfaces) {}

    private Stories(Witness witness, Where where) {
        this.witness = witness;
        this.where = where;
    }

    /**
     * Ways to bring a packet about, the likeliest first; empty where no line of a scenario can send
     * it.
     *
     * @param openings first packets of control connections that can announce it, or of connections
     *     that an ICMP error can be about
     */
    public static List<Story> of(Witness witness, List<Witness> openings, Where where) {
        Stories stories = new Stories(witness, where);
        if (stories.canBeSent()) {
            stories.tell(openings);
        }
        return stories.out;
    }

    private boolean canBeSent() {
        return switch (witness.protocol()) {
            case PacketView.SCTP, PacketView.DCCP, PacketView.UDPLITE -> false;
            case PacketView.ICMPV6 -> !witness.source().isV4();
            case PacketView.ICMP -> witness.source().isV4();
            default -> true;
        };
    }

    private void tell(List<Witness> openings) {
        switch (witness.state()) {
            case NEW, UNTRACKED -> first(List.of());
            case INVALID -> {
                first(List.of());
                for (int flags : new int[] {SYN | TcpEnd.FIN, SYN | ACK, TcpEnd.RST, 0}) {
                    stray(flags);
                }
                names.clear();
                add(List.of(), Story.Line.packet(body(witness.tcpFlags()) + " bad-checksum"));
            }
            case RELATED -> {
                for (Witness opening : openings) {
                    if (isAboutAnother()) {
                        error(opening);
                    } else {
                        first(announced(opening));
                    }
                }
            }
            case ESTABLISHED -> {
                if (witness.parent()) {
                    openings.forEach(o -> later(announced(o)));
                } else {
                    later(List.of());
                }
            }
        }
    }

    private boolean isIcmp() {
        return witness.protocol() == PacketView.ICMP || witness.protocol() == PacketView.ICMPV6;
    }

    /** The end that began the witness's connection. */
    private IpAddress client() {
        return witness.reply() ? witness.destination() : witness.source();
    }

    private IpAddress server() {
        return witness.reply() ? witness.source() : witness.destination();
    }

    private boolean isAboutAnother() {
        return isIcmp() && witness.state() == CtState.RELATED;
    }

    private boolean isTcp() {
        return witness.protocol() == PacketView.TCP;
    }

    // ---- stories ----

    private void add(List<Story.Line> before, Story.Line... last) {
        if (before.isEmpty() && !isAboutAnother()) {
            clientName = name(client(), "client");
            serverName = name(server(), "server");
        }
        List<Story.Line> lines = new ArrayList<>(before);
        lines.addAll(List.of(last));
        out.add(new Story(setup(), lines));
    }

    private void first(List<Story.Line> before) {
        add(before, packet(witness.tcpFlags()));
    }

    private void stray(int flags) {
        if (isTcp() && flags != witness.tcpFlags() && !witness.flagsMatter()) {
            names.clear();
            add(List.of(), packet(flags));
        }
    }

    /** A packet of a connection that is there already. */
    private void later(List<Story.Line> before) {
        boolean reply = witness.reply();
        if (isTcp()) {
            boolean chosen = witness.flagsMatter();
            Story.Line syn = opens(SYN);
            Story.Line synAck = answers(SYN | ACK);
            Story.Line ack = opens(ACK);
            int flags = chosen ? witness.tcpFlags() : reply ? SYN | ACK : ACK;
            if (reply) {
                add(before, syn, packet(flags));
                add(before, syn, synAck, ack, packet(chosen ? flags : ACK));
            } else {
                add(before, syn, synAck, packet(flags));
                add(before, syn, synAck, ack, packet(flags));
            }
            return;
        }
        if (reply) {
            add(before, opens(0), packet(0));
        } else {
            add(before, opens(0), answers(0), packet(0));
        }
    }

    /** Login and announcement on a control connection. */
    private List<Story.Line> announced(Witness control) {
        names.clear();
        boolean reply = witness.reply();
        IpAddress from = client();
        IpAddress to = server();
        int port = reply ? witness.sourcePort() : witness.destinationPort();
        boolean passive = control.source().equals(from);
        String client = name(control.source(), "client");
        String server = name(control.destination(), "server");
        clientName = client;
        serverName = server;
        String a = at(client, control.sourcePort());
        String b = at(server, control.destinationPort());
        List<Story.Line> lines = new ArrayList<>();
        lines.add(
                new Story.Line(
                        "connect " + a + " -> " + b,
                        "",
                        true,
                        List.of(
                                Story.Line.packet(a + " -> " + b + " syn"),
                                Story.Line.packet(b + " -> " + a + " syn+ack"),
                                Story.Line.packet(a + " -> " + b + " ack"))));
        lines.add(Story.Line.say("S", "220 ready"));
        lines.add(Story.Line.say("C", "USER alice"));
        lines.add(Story.Line.say("S", "331 password, please"));
        lines.add(Story.Line.say("C", "PASS secret"));
        lines.add(Story.Line.say("S", "230 logged in"));
        String split = "," + (port >>> 8) + "," + (port & 0xff);
        if (passive) {
            lines.add(Story.Line.say("C", to.isV4() ? "PASV" : "EPSV"));
            lines.add(
                    Story.Line.say(
                            "S",
                            to.isV4()
                                    ? "227 Entering Passive Mode ("
                                            + to.toString().replace('.', ',')
                                            + split
                                            + ")"
                                    : "229 Entering Extended Passive Mode (|||" + port + "|)"));
        } else {
            lines.add(
                    Story.Line.say(
                            "C",
                            to.isV4()
                                    ? "PORT " + to.toString().replace('.', ',') + split
                                    : "EPRT |2|" + to + "|" + port + "|"));
            lines.add(Story.Line.say("S", "200 command successful"));
        }
        return lines;
    }

    /** An ICMP error about a connection that has just begun. */
    private void error(Witness opening) {
        names.clear();
        String client = name(opening.source(), "client");
        String server = name(opening.destination(), "server");
        clientName = client;
        serverName = server;
        boolean ports =
                opening.protocol() == PacketView.TCP || opening.protocol() == PacketView.UDP;
        if (!ports) {
            return;
        }
        String a = at(client, opening.sourcePort());
        String b = at(server, opening.destinationPort());
        boolean udp = opening.protocol() == PacketView.UDP;
        Story.Line open = Story.Line.packet(a + " -> " + b + (udp ? " udp" : " syn"));
        String about = " about ";
        if (witness.destination().equals(opening.source())) {
            about += a + " -> " + b + (udp ? " udp" : "");
            add(List.of(open), Story.Line.packet(body(0) + about));
        } else {
            Story.Line answer = Story.Line.packet(b + " -> " + a + (udp ? " udp" : " syn+ack"));
            about += b + " -> " + a + (udp ? " udp" : "");
            add(List.of(open, answer), Story.Line.packet(body(0) + about));
        }
    }

    // ---- lines ----

    private Story.Line packet(int flags) {
        return Story.Line.packet(body(flags));
    }

    private String sender() {
        return isAboutAnother() ? "router" : witness.reply() ? "server" : "client";
    }

    private String receiver() {
        return witness.reply() ? "client" : "server";
    }

    /** The witness, in words. */
    private String body(int flags) {
        String from = name(witness.source(), sender());
        String to = name(witness.destination(), receiver());
        return line(from, witness.sourcePort(), to, witness.destinationPort(), flags, true);
    }

    /** A packet of the witness's flow in its original direction, that comes before it. */
    private Story.Line opens(int flags) {
        return other(flags, witness.reply());
    }

    private Story.Line answers(int flags) {
        return other(flags, !witness.reply());
    }

    private Story.Line other(int flags, boolean turned) {
        String from = name(witness.source(), sender());
        String to = name(witness.destination(), receiver());
        boolean icmp = isIcmp();
        int type = witness.sourcePort();
        if (icmp && turned) {
            type = PacketText.icmpAnswer(type, witness.source().isV4());
        }
        String text =
                turned
                        ? line(
                                to,
                                icmp ? type : witness.destinationPort(),
                                from,
                                icmp ? 0 : witness.sourcePort(),
                                flags,
                                false)
                        : line(
                                from,
                                witness.sourcePort(),
                                to,
                                witness.destinationPort(),
                                flags,
                                false);
        return Story.Line.packet(text);
    }

    /**
     * @param sourcePort for ICMP its type
     * @param destinationPort for ICMP its code
     */
    private String line(
            String from, int sourcePort, String to, int destinationPort, int flags, boolean last) {
        StringBuilder line = new StringBuilder();
        switch (witness.protocol()) {
            case PacketView.TCP, PacketView.UDP -> {
                line.append(at(from, sourcePort)).append(" -> ").append(at(to, destinationPort));
                line.append(isTcp() ? " " + PacketText.flags(flags) : " udp");
            }
            case PacketView.ICMP, PacketView.ICMPV6 -> {
                line.append(from).append(" -> ").append(to).append(' ');
                line.append(PacketText.icmp(sourcePort, destinationPort, witness.source().isV4()));
            }
            default ->
                    line.append(from)
                            .append(" -> ")
                            .append(to)
                            .append(" proto ")
                            .append(witness.protocol());
        }
        if (last) {
            more(line);
        }
        return line.toString();
    }

    /** Its length and hop limit, where rules read them. */
    private void more(StringBuilder line) {
        boolean v4 = witness.source().isV4();
        int header = v4 ? V4_HEADER : V6_HEADER;
        int transport = isTcp() ? 20 : witness.protocol() == PacketView.UDP ? 8 : 0;
        int data = witness.length() - header - transport;
        if (data > 0 && !isIcmp()) {
            line.append(" data ").append(data);
        }
        Long ttl = witness.more().get(v4 ? "ip ttl" : "ip6 hoplimit");
        if (ttl != null || witness.hopLimitMatters()) {
            line.append(v4 ? " ttl=" : " hoplimit=").append(ttl == null ? 0 : ttl);
        }
    }

    private String name(IpAddress address, String usual) {
        String known = names.get(address);
        if (known != null) {
            return known;
        }
        String name = usual;
        for (int i = 2; names.containsValue(name); i++) {
            name = usual.equals("client") || usual.equals("server") ? "other" : usual + i;
            if (names.containsValue(name)) {
                name = "other" + i;
            }
        }
        names.put(address, name);
        return name;
    }

    private static String at(String name, int port) {
        return name + ":" + port;
    }

    private List<String> setup() {
        List<String> lines = new ArrayList<>();
        names.forEach((address, name) -> lines.add("host " + name + " " + address));
        if (where.own() != Own.NONE) {
            lines.add("local " + (where.own() == Own.CLIENT ? clientName : serverName));
        }
        if (where.interfaces()) {
            Map<String, List<String>> behind = new TreeMap<>();
            behind(behind, witness.input(), witness.source());
            behind(behind, witness.output(), witness.destination());
            behind.forEach(
                    (name, networks) -> {
                        lines.add("interface " + name + " " + String.join(" ", networks));
                    });
            if (behind.isEmpty()) {
                // Says that interfaces are known; none of these addresses lives behind one.
                lines.add("interface lo 127.0.0.0/8");
            }
        }
        return lines;
    }

    private static void behind(
            Map<String, List<String>> behind, @Nullable String name, IpAddress address) {
        if (name != null) {
            behind.computeIfAbsent(name, n -> new ArrayList<>())
                    .add(address + (address.isV4() ? "/32" : "/128"));
        }
    }
}
