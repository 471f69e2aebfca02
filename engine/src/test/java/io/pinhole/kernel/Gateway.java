package io.pinhole.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pinhole.decode.PacketBytes;
import io.pinhole.kernel.Linux.Conntrack;
import io.pinhole.kernel.Linux.PacketSocket;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A Linux router in a network namespace, with one link to each side, and packet sockets at the far
 * ends. No host answers there: what is captured is what the router forwarded.
 *
 * <p>The source hardware address of a frame is the number of its packet. A rule set of our own, the
 * observer, keeps by that number what the kernel knows of each packet.
 */
final class Gateway implements AutoCloseable {
    private static final int SHIFT = 331;
    private static final int PATIENCE = 60; // seconds, for machines with other things to do
    private static final int MARKER = 0x88b5; // IEEE 802: for local experiments

    private static final String SETUP =
            """
            set -e
            ip netns add $GW
            ip netns add $HOSTS
            for side in left right; do
              ip link add name $side netns $GW type veth peer name $side netns $HOSTS
              for ns in $GW $HOSTS; do
                n="ip netns exec $ns"
                $n sysctl -qw net.ipv6.conf.$side.addr_gen_mode=1 net.ipv6.conf.$side.accept_dad=0 \\
                  net.ipv4.conf.$side.rp_filter=0 net.ipv4.conf.all.rp_filter=0
                $n ethtool -K $side rx off tx off gro off gso off tso off >/dev/null 2>&1
                $n ip link set $side mtu 9000
              done
            done
            ip netns exec $HOSTS sysctl -qw net.ipv6.conf.all.disable_ipv6=1
            g="ip netns exec $GW"
            $g sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \\
              net.ipv6.conf.all.accept_dad=0 net.ipv4.conf.all.send_redirects=0 \\
              net.ipv4.ipfrag_time=2
            $g ip link set left address 02:00:00:00:00:01
            $g ip link set right address 02:00:00:00:00:02
            for ns in $GW $HOSTS; do
              for side in lo left right; do ip netns exec $ns ip link set $side up; done
            done
            for side in left right; do
              case $side in
                left) net4=198.51.100.0/24 net6=2001:db8:1::/48;;
                right) net4=203.0.113.0/24 net6=2001:db8:2::/48;;
              esac
              # Nobody has this hardware address: the far end's stack looks away.
              $g ip route add $net4 via 192.0.2.1 dev $side onlink
              $g ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:99 dev $side
              $g ip -6 route add $net6 via fe80::1 dev $side onlink
              $g ip neigh add fe80::1 lladdr 02:00:00:00:00:99 dev $side
            done
            # Conntrack's sysctls are there once it is in use.
            $g nft 'table inet observer { chain c { ct state new; }; }'
            $g sysctl -qw net.netfilter.nf_conntrack_frag6_timeout=2
            """;

    /** What the kernel knows of each packet; the output chain keeps the router itself quiet. */
    private static final String OBSERVER =
            """
            table inet observer {
              set states { type ether_addr . ct_state; size 65535; flags dynamic; }
              set entries { type ether_addr . ct_dir . mark; size 65535; flags dynamic; }
              set expected { type ether_addr; size 65535; flags dynamic; }
              set seen-reply { type ether_addr; size 65535; flags dynamic; }
              set assured { type ether_addr; size 65535; flags dynamic; }
              set confirmed { type ether_addr; size 65535; flags dynamic; }
              set expiries { typeof ether saddr . ct expiration; size 65535; flags dynamic; }
              set marks { type ether_addr . mark; size 65535; flags dynamic; }
              set ctmarks { type ether_addr . mark; size 65535; flags dynamic; }
              chain tracked {
                type filter hook prerouting priority -199;
                add @states { ether saddr . ct state }
                add @entries { ether saddr . ct direction . ct mark }
                ct status expected add @expected { ether saddr }
                ct status seen-reply add @seen-reply { ether saddr }
                ct status assured add @assured { ether saddr }
                ct status confirmed add @confirmed { ether saddr }
                add @expiries { ether saddr . ct expiration }
              }
              chain last {
                type filter hook postrouting priority 2147483647;
                add @marks { ether saddr . meta mark }
                add @ctmarks { ether saddr . ct mark }
              }
              chain quiet { type filter hook output priority -500; policy drop; }
            }
            """;

    private final String gateway;
    private final String hosts;
    private final Path rules;
    private final PacketSocket[] far = new PacketSocket[2];
    private final PacketSocket[] near = new PacketSocket[2];
    private final Conntrack[] conntrack = new Conntrack[1];
    private final Process shell;
    private final Writer commands;
    private final BufferedReader answers;
    private final Thread cleaner = new Thread(this::removeNamespaces); // also when interrupted
    private final JsonMapper json = new JsonMapper();

    // Added to the identification of every packet: what is left of an earlier sequence's fragments
    // must not meet the same numbers.
    private int shift;

    Gateway(String name) throws Exception {
        gateway = name + "-gw";
        hosts = name + "-hosts";
        rules = Files.createTempFile("pinhole-kernel", ".nft");
        Runtime.getRuntime().addShutdownHook(cleaner);
        try {
            ProcessBuilder setup = new ProcessBuilder("sh", "-c", SETUP);
            setup.environment().put("GW", gateway);
            setup.environment().put("HOSTS", hosts);
            finish(setup);
            inNamespace(
                    hosts,
                    () -> {
                        for (Side side : Side.values()) {
                            far[side.ordinal()] = new PacketSocket(side.device(), 3, PATIENCE);
                        }
                    });
            inNamespace(
                    gateway,
                    () -> {
                        for (Side side : Side.values()) {
                            near[side.ordinal()] =
                                    new PacketSocket(side.device(), MARKER, PATIENCE);
                        }
                        conntrack[0] = new Conntrack();
                    });
            shell =
                    new ProcessBuilder("ip", "netns", "exec", gateway, "sh")
                            .redirectErrorStream(true)
                            .start();
            commands = new OutputStreamWriter(shell.getOutputStream(), StandardCharsets.UTF_8);
            answers =
                    new BufferedReader(
                            new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
            Linux.stayOnOneProcessor(); // last: what was started before may run anywhere
        } catch (Exception e) {
            removeNamespaces();
            throw e;
        }
    }

    /** Skips the test where it cannot run, and fails it if CI is set: there it must run. */
    static void assumeAvailable() throws IOException, InterruptedException {
        List<String> missing = new ArrayList<>();
        for (String tool : List.of("ip", "nft", "ethtool", "sysctl")) {
            if (!succeeds("command -v " + tool)) {
                missing.add("the command " + tool);
            }
        }
        String name = "pinhole-try-" + ProcessHandle.current().pid();
        if (missing.isEmpty() && !succeeds("ip netns add " + name + " && ip netns del " + name)) {
            missing.add("the right to make network namespaces (root)");
        }
        String text = "needs " + String.join(", ", missing);
        if ("true".equals(System.getenv("CI"))) {
            assertThat(missing).as(text).isEmpty();
        }
        assumeTrue(missing.isEmpty(), text);
    }

    private static boolean succeeds(String command) throws IOException, InterruptedException {
        return new ProcessBuilder("sh", "-c", command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }

    private static void inNamespace(String name, Runnable what) throws InterruptedException {
        Throwable[] failure = new Throwable[1];
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                Linux.enterNamespace(name);
                                what.run();
                            } catch (Throwable t) {
                                failure[0] = t;
                            }
                        });
        thread.start();
        thread.join();
        if (failure[0] != null) {
            throw new IllegalStateException("in namespace " + name, failure[0]);
        }
    }

    private static String finish(ProcessBuilder builder) throws IOException, InterruptedException {
        Process process = builder.redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new IllegalStateException(builder.command() + ": " + out);
        }
        return out;
    }

    /** Runs shell commands in the gateway; returns what they print. */
    private String run(String command) throws IOException {
        commands.write(command + "; echo \"@@ $?\"\n");
        commands.flush();
        StringBuilder out = new StringBuilder();
        while (true) {
            String line = answers.readLine();
            if (line == null) {
                throw new IllegalStateException("the gateway's shell ended: " + out);
            }
            int mark = line.indexOf("@@ ");
            if (mark >= 0) {
                out.append(line, 0, mark);
                String status = line.substring(mark + 3);
                if (!status.equals("0")) {
                    throw new RefusedException(out.toString());
                }
                return out.toString();
            }
            out.append(line).append('\n');
        }
    }

    /** nft said no. */
    static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /**
     * Loads a rule set and forgets what was tracked before.
     *
     * @throws RefusedException with nft's words
     */
    void load(String ruleSet) throws IOException {
        Files.writeString(rules, "flush ruleset\n" + OBSERVER + ruleSet);
        run("nft -f " + rules);
        conntrack[0].flush();
    }

    /** Whether nft loads a rule set. */
    boolean accepts(String ruleSet) throws IOException {
        // Not nft -c: the kernel checks some things only when a rule set is to take effect.
        Files.writeString(rules, "flush ruleset\n" + ruleSet);
        try {
            run("nft -f " + rules);
            return true;
        } catch (RefusedException e) {
            return false;
        }
    }

    /** Longer than a jiffy, within which nf_conncount.c takes nothing off a list. */
    private static void pause() {
        try {
            Thread.sleep(9);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Sends packets one after another; returns what became of them.
     *
     * @param slowly true if each is to come in a jiffy of its own
     */
    Observation send(List<Sent> packets, boolean slowly) throws IOException {
        Observation seen = new Observation();
        shift += SHIFT;
        for (Sent packet : packets) {
            far[packet.from().ordinal()].send(frame(packet));
            if (slowly) {
                pause();
            }
        }
        // One processor handles everything in order: behind the marker nothing is under way.
        for (Side side : Side.values()) {
            far[side.ordinal()].send(marker());
            near[side.ordinal()].receive();
        }
        for (Side side : Side.values()) {
            near[side.ordinal()].send(marker());
            while (true) {
                byte[] frame = far[side.ordinal()].receive();
                int type = u16(frame, 12);
                if (type == MARKER) {
                    break;
                }
                if (type == 0x0800) {
                    seen.forwarded.add(u16(frame, 14 + 4) - shift & 0xffff);
                } else if (type == 0x86dd) {
                    seen.forwarded.add((frame[15] & 0xf) << 16 | u16(frame, 14 + 2));
                }
            }
        }
        readBack(seen);
        Set<Integer> ids = packets.stream().map(Sent::id).collect(Collectors.toSet());
        seen.forwarded.retainAll(ids); // what the router said itself before it was made quiet
        return seen;
    }

    private void readBack(Observation seen) throws IOException {
        for (JsonNode item : json.readTree(run("nft -j list ruleset")).get("nftables")) {
            JsonNode set = item.get("set");
            if (set != null && set.get("table").asString().equals("observer")) {
                JsonNode elements = set.get("elem");
                if (elements != null) {
                    for (JsonNode element : elements) {
                        keep(seen, set.get("name").asString(), parts(element));
                    }
                }
            }
            JsonNode counter = item.get("counter");
            if (counter != null) {
                seen.counters.put(
                        counter.get("name").asString(),
                        counter.get("packets").asLong()
                                + " packets "
                                + counter.get("bytes").asLong());
            }
        }
    }

    private static List<String> parts(JsonNode element) {
        if (element.isString()) {
            return List.of(element.asString());
        }
        List<String> out = new ArrayList<>();
        for (JsonNode part : element.get("concat")) {
            out.add(part.isString() ? part.asString() : part.toString());
        }
        return out;
    }

    private static void keep(Observation seen, String set, List<String> parts) {
        String mac = parts.getFirst();
        int id = Integer.parseInt(mac.substring(6).replace(":", ""), 16);
        String rest = String.join(" ", parts.subList(1, parts.size()));
        switch (set) {
            case "states" -> Observation.note(seen.state, id, rest);
            case "entries" -> Observation.note(seen.entry, id, rest);
            case "expiries" -> seen.expiry.merge(id, Long.parseLong(rest), Math::max);
            case "marks" -> Observation.note(seen.marks, id, "meta " + rest);
            case "ctmarks" -> Observation.note(seen.marks, id, "ct " + rest);
            default -> Observation.note(seen.status, id, set);
        }
    }

    private byte[] frame(Sent packet) {
        byte[] frame = new byte[14 + packet.ip().length];
        frame[0] = 2;
        frame[5] = (byte) (packet.from() == Side.LEFT ? 1 : 2);
        frame[6] = 2;
        frame[8] = (byte) (packet.id() >>> 24);
        frame[9] = (byte) (packet.id() >>> 16);
        frame[10] = (byte) (packet.id() >>> 8);
        frame[11] = (byte) packet.id();
        boolean v4 = packet.ip()[0] >> 4 == 4;
        frame[12] = (byte) (v4 ? 0x08 : 0x86);
        frame[13] = (byte) (v4 ? 0x00 : 0xdd);
        byte[] ip = packet.ip().clone();
        if (v4) {
            PacketBytes.put16(ip, 4, u16(ip, 4) + shift);
            PacketBytes.ttl(ip, ip[8] & 0xff); // for the header's checksum
        } else if (fragmentHeader(ip) > 0) {
            PacketBytes.put16(ip, fragmentHeader(ip) + 4, shift);
        }
        System.arraycopy(ip, 0, frame, 14, ip.length);
        return frame;
    }

    /** Where an IPv6 packet has its fragment header, 0 if it has none. */
    static int fragmentHeader(byte[] ip) {
        int at = 40;
        for (int next = ip[6]; next == 0 || next == 60 || next == 44; ) {
            if (next == 44) {
                return at;
            }
            next = ip[at];
            at += (ip[at + 1] & 0xff) * 8 + 8;
        }
        return 0;
    }

    private static byte[] marker() {
        byte[] frame = new byte[60];
        frame[0] = 2;
        frame[6] = 2;
        frame[12] = (byte) (MARKER >>> 8);
        frame[13] = (byte) MARKER;
        return frame;
    }

    private static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
    }

    private void removeNamespaces() {
        for (String name : List.of(gateway, hosts)) {
            try {
                new ProcessBuilder("ip", "netns", "del", name)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor();
            } catch (IOException | InterruptedException e) {
                System.err.println("namespace " + name + " stays: " + e);
            }
        }
    }

    @Override
    public void close() throws Exception {
        commands.close();
        if (!shell.waitFor(10, TimeUnit.SECONDS)) {
            shell.destroyForcibly();
        }
        for (int i = 0; i < 2; i++) {
            far[i].close();
            near[i].close();
        }
        conntrack[0].close();
        Runtime.getRuntime().removeShutdownHook(cleaner);
        removeNamespaces();
        Files.delete(rules);
    }
}
