package io.pinhole.path;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.Seeds;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.Settings;
import io.pinhole.core.Verdict;
import io.pinhole.decode.LinkType;
import io.pinhole.rule.CompiledRules;
import io.pinhole.rule.PacketFacts;
import io.pinhole.rule.RuleOrigin;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.Walk;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A path that remembers what rules have dropped says the same as one that does not. */
class KnownDropsTest {
    private static final int PACKETS = 6000;
    private static final String[] CLIENTS = {"198.51.100.7", "198.51.100.8", "2001:db8:1::7"};
    private static final String[] SERVERS = {"203.0.113.10", "203.0.113.11", "2001:db8:2::10"};
    private static final String[] FLAGS = {"A", "A", "A", "PA", "PA", "AU", "S", "SA", "FA", "RA"};
    private static final @Nullable String[] INTERFACES = {"eth0", "eth1", null};

    private static String rules(String rule) {
        return """
        table inet t {
          counter seen { }
          set known { type ipv4_addr; flags dynamic; size 64; }
          ct helper ftp { type "ftp" protocol tcp; }
          ct timeout short { protocol tcp; policy = { established: 5 } }
          chain pre {
            type filter hook prerouting priority -150;
            tcp dport 21 ct helper set "ftp"
          }
          chain forward {
            type filter hook forward priority 0; policy drop;
            ct state established accept
            %s
            ct state related ct helper "ftp" accept
            tcp dport 21 ct state new accept
            ip saddr 198.51.100.8 counter drop
            ct state invalid drop
          }
        }
        """
                .formatted(rule);
    }

    private static RuleSet read(String rule) {
        ReadResult read = NftReader.read("t.nft", rules(rule), Map.of(), IncludeResolver.NONE);
        assertThat(read).as(read.toString()).isInstanceOf(ReadResult.Loaded.class);
        return ((ReadResult.Loaded) read).rules();
    }

    /** What a path says of a run, packet by packet, and how often each rule matched. */
    private record Said(List<String> verdicts, List<String> events, String counts, long known) {}

    /** Rules that do not know again what they dropped, if they are told so. */
    private static final class Watched implements RuleProgram {
        private final CompiledRules rules;
        private final boolean forgets;
        private long known;

        private Watched(RuleSet set, boolean forgets) {
            rules = set.compile();
            this.forgets = forgets;
        }

        @Override
        public @Nullable Walk recallDrop(
                int memo, int tcpFlags, @Nullable String input, @Nullable String output) {
            Walk walk = forgets ? null : rules.recallDrop(memo, tcpFlags, input, output);
            known += walk == null ? 0 : 1;
            return walk;
        }

        @Override
        public Verdict run(Hook hook, int from, int to, PacketFacts facts) {
            return rules.run(hook, from, to, facts);
        }

        @Override
        public void watch(PacketFacts facts) {
            rules.watch(facts);
        }

        @Override
        public int remember(
                int memo, PacketFacts facts, Verdict verdict, Hook hook, RuleOrigin decidedBy) {
            return rules.remember(memo, facts, verdict, hook, decidedBy);
        }

        @Override
        public @Nullable Walk recall(int memo, PacketFacts facts) {
            return rules.recall(memo, facts);
        }

        @Override
        public @Nullable Walk recallOrdinary(
                int memo,
                Direction direction,
                @Nullable String input,
                @Nullable String output,
                int ctMark) {
            return rules.recallOrdinary(memo, direction, input, output, ctMark);
        }

        @Override
        public void count(Walk walk, int bytes) {
            rules.count(walk, bytes);
        }

        @Override
        public boolean replaces(RuleProgram earlier) {
            return rules.replaces(((Watched) earlier).rules);
        }

        @Override
        public boolean hasChains(Hook hook, int from, int to) {
            return rules.hasChains(hook, from, to);
        }

        @Override
        public boolean readsInterfaces() {
            return rules.readsInterfaces();
        }

        @Override
        public boolean hasGlobalState() {
            return rules.hasGlobalState();
        }

        @Override
        public boolean assignsHelper() {
            return rules.assignsHelper();
        }

        @Override
        public String name() {
            return rules.name();
        }
    }

    private static Said run(String rule, String later, long seed, boolean forgets) {
        List<String> verdicts = new ArrayList<>();
        List<String> events = new ArrayList<>();
        Watched first = new Watched(read(rule), forgets);
        Watched second = new Watched(read(later), forgets);
        PathOptions options =
                new PathOptions(
                        Settings.DEFAULTS,
                        Set.of(21),
                        Set.of(),
                        List.of(),
                        new InterfaceMap(List.of()),
                        false,
                        7);
        try (PacketPath path =
                new PacketPath(
                        options,
                        first,
                        (position, verdict, ct, hook, by, why) ->
                                verdicts.add(
                                        "%d %s %s %s %s %s"
                                                .formatted(
                                                        position, verdict, ct, hook, by.text(),
                                                        why)),
                        event -> events.add(Rig.text(event)))) {
            new Traffic(seed, path).run(() -> path.rules(second));
            path.finish();
        }
        return new Said(
                verdicts,
                events,
                first.rules.counts() + " " + second.rules.counts(),
                first.known + second.known);
    }

    /** FTP sessions, and strays between the same few ends, so that they get in each other's way. */
    private static final class Traffic {
        private final Random random;
        private final PacketPath path;
        private final Wire wire = new Wire(this::send);
        private long nanos = 1_700_000_000_000_000_000L;
        private long number;

        private Traffic(long seed, PacketPath path) {
            random = new Random(seed);
            this.path = path;
        }

        private void run(Runnable reload) {
            boolean loaded = false;
            while (number < PACKETS) {
                if (!loaded && number > PACKETS / 2) {
                    reload.run();
                    loaded = true;
                }
                if (random.nextInt(100) == 0) {
                    session();
                } else {
                    send(stray());
                }
            }
        }

        private void session() {
            int host = random.nextInt(3);
            String client = CLIENTS[host];
            Wire.Tcp control =
                    wire.connect(client, 41_000 + random.nextInt(3), SERVERS[host % 2 * 2], 21);
            control.s("220 ready").c("USER a").s("331 ?").c("PASS b").s("230 in");
            control.c("EPSV").s("229 (|||" + (50_000 + random.nextInt(3)) + "|)");
            for (int i = random.nextInt(20); i > 0; i--) {
                send(stray());
            }
            if (random.nextBoolean()) {
                control.c("QUIT").s("221 bye");
            }
        }

        private byte[] stray() {
            boolean v6 = random.nextInt(4) == 0;
            String client = v6 ? CLIENTS[2] : CLIENTS[random.nextInt(2)];
            String server = v6 ? SERVERS[2] : SERVERS[random.nextInt(2)];
            int from = 41_000 + random.nextInt(3);
            int to = 50_000 + random.nextInt(3);
            boolean back = random.nextInt(4) == 0;
            if (random.nextInt(5) == 0) {
                return (back
                                ? Packets.udp(server, to, client, from)
                                : Packets.udp(client, from, server, to))
                        .payload("hello")
                        .ip();
            }
            Packets tcp =
                    (back
                                    ? Packets.tcp(server, to, client, from)
                                    : Packets.tcp(client, from, server, to))
                            .flags(FLAGS[random.nextInt(FLAGS.length)])
                            .seq(random.nextInt())
                            .ack(random.nextInt())
                            .window(random.nextInt(65_536));
            return switch (random.nextInt(60)) {
                case 0 -> tcp.payload("331 password, please\r\n").ip();
                case 1, 2, 3 -> tcp.payload("data").ip();
                default -> tcp.ip();
            };
        }

        private void send(byte[] ip) {
            nanos += random.nextInt(200) == 0 ? 20_000_000_000L : random.nextInt(2_000_000);
            path.process(
                    MemorySegment.ofArray(ip),
                    0,
                    ip.length,
                    ip.length,
                    LinkType.RAW,
                    nanos,
                    ++number,
                    INTERFACES[random.nextInt(3)],
                    INTERFACES[random.nextInt(3)]);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "counter",
                "counter name seen",
                "tcp flags & psh == psh accept",
                "tcp flags & (urg | psh) == psh counter drop",
                "iifname \"eth1\" accept",
                "oifname != \"eth0\" counter reject",
                "ct mark 7 accept",
                "ct mark set 7",
                "ct mark set 7 drop",
                "meta mark set 7",
                "ct status assured accept",
                "ct expiration > 1m drop",
                "limit rate 20/second burst 5 packets accept",
                "quota over 2000 bytes drop",
                "add @known { ip saddr } ip saddr 198.51.100.8 accept",
                "tcp dport 50000 accept",
                "tcp dport 50000 ct timeout set \"short\"",
                "tcp dport 50000 ct helper set \"ftp\"",
                "udp dport 50001 accept",
                "meta length 45 accept",
                "ip ttl 64 drop"
            })
    void saysTheSame(String rule) {
        long seed = Seeds.seed();
        Said said = run(rule, "tcp dport 50002 accept", seed, false);
        Said expected = run(rule, "tcp dport 50002 accept", seed, true);
        assertThat(said.verdicts()).isEqualTo(expected.verdicts());
        assertThat(said.events()).isEqualTo(expected.events());
        assertThat(said.counts()).isEqualTo(expected.counts());
        // It is of some use: the second rule set at least drops what it knows.
        assertThat(said.known()).isGreaterThan(100);
        assertThat(expected.known()).isZero();
    }

    @Test
    void anIdIsOfEachPacketWhereNoFlowBegins() {
        // Whatever the ids are, packets of one 5-tuple do not all have the first one's.
        Said said = run("ct id < 2147483648 drop", "ct id < 2147483648 drop", 1, false);
        Said expected = run("ct id < 2147483648 drop", "ct id < 2147483648 drop", 1, true);
        assertThat(said.verdicts()).isEqualTo(expected.verdicts());
        assertThat(said.known()).isZero();
    }
}
