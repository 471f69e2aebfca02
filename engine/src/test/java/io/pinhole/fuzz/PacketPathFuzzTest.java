package io.pinhole.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.pinhole.core.Anomaly;
import io.pinhole.core.IpAddress;
import io.pinhole.core.PinholeOutcome;
import io.pinhole.core.Settings;
import io.pinhole.core.Settings.HelperPolicy;
import io.pinhole.decode.LinkType;
import io.pinhole.path.Event;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PacketPath;
import io.pinhole.path.PathOptions;
import io.pinhole.path.Positions;
import io.pinhole.rule.RuleProgram;
import io.pinhole.rule.nft.IncludeResolver;
import io.pinhole.rule.nft.NftReader;
import io.pinhole.rule.nft.ReadResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Any bytes as a little world of packets, of the default rules or of rules that let nearly
 * everything pass, with one of several policies: every packet gets one verdict, and the same
 * whatever the secret of the tables' hashes; no pinhole leads where policy does not allow; no limit
 * is exceeded.
 */
class PacketPathFuzzTest {
    private static final int FLOWS = 64;
    private static final int CONTROLS = 4;
    private static final int EXPECTATIONS = 4;
    private static final long TABLES = 4 << 20;

    private static final RuleProgram BUNDLED = load(bundled());

    /** The helper, and no filter but of what is invalid: more gets as far as the helper. */
    private static final RuleProgram OPEN =
            load(
                    """
                    table inet t {
                      ct helper ftp { type "ftp" protocol tcp; }
                      chain pre { type filter hook prerouting priority filter; tcp dport { 21, 2121 } ct helper set "ftp"; }
                      chain most { type filter hook forward priority filter; meta l4proto udp drop; tcp flags fin ct state new drop; }
                    }
                    """);

    @FuzzTest(maxDuration = "60s")
    void judges(byte[] data) {
        fuzzerTestOneInput(data);
    }

    /** The inputs to begin with get as far as there is code, or nothing that comes of them will. */
    @Test
    void theInputsReachWhatMatters() throws IOException {
        Path inputs = Path.of("src/test/resources/io/pinhole/fuzz/PacketPathFuzzTestInputs/judges");
        StringBuilder told = new StringBuilder();
        List<Path> files;
        try (Stream<Path> all = Files.list(inputs)) {
            files = all.sorted().toList();
        }
        for (Path file : files) {
            byte[] data = Files.readAllBytes(file);
            new Judge(data[0] & 0xff, 7).play(data).forEach(line -> told.append(line).append('\n'));
        }
        assertThat(told)
                .contains("outcome=USED", "outcome=EXPIRED", "outcome=REFUSED", "outcome=CLOSED")
                .contains("mode=ACTIVE", "mode=PASSIVE", "mode=EPSV", "mode=EPRT", "mode=LPRT")
                .contains("kind=BOUNCE", "kind=PRIVILEGED_PORT", "kind=PINHOLE_WRONG_HOST")
                .contains("complete=true", "OVERLAP", "2001:db8:2::20, destination");
    }

    private static String bundled() {
        try (InputStream in =
                PacketPathFuzzTest.class.getResourceAsStream("/io/pinhole/rules/ftp-gateway.nft")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RuleProgram load(String text) {
        return switch (NftReader.read("fuzz.nft", text, Map.of(), IncludeResolver.NONE)) {
            case ReadResult.Loaded loaded -> loaded.rules().compile();
            case ReadResult.Refused refused -> throw new AssertionError(refused.format());
        };
    }

    public static void fuzzerTestOneInput(byte[] data) {
        int first = data.length == 0 ? 0 : data[0] & 0xff;
        List<String> once = new Judge(first, 7).play(data);
        List<String> again = new Judge(first, 77).play(data);
        assertThat(again).isEqualTo(once);
    }

    /** Plays a world into a path. */
    private static final class Judge implements FuzzWorld.Sink {
        private final HelperPolicy policy;
        private final boolean compat;
        private final RuleProgram rules;
        private final List<String> told = new ArrayList<>();
        private final PacketPath path;
        private final Set<Anomaly> seen = EnumSet.noneOf(Anomaly.class);
        private long packets;
        private long verdicts;
        private long digest;

        /**
         * @param choice bit 0: rules; 1: as Linux; 2 to 4: policy
         */
        Judge(int choice, long seed) {
            rules = (choice & 1) == 0 ? BUNDLED : OPEN;
            compat = (choice & 2) != 0;
            policy = policy(choice >> 2 & 7);
            Settings settings =
                    new Settings(
                            Settings.Timeouts.DEFAULTS,
                            new Settings.Limits(
                                    FLOWS, CONTROLS, EXPECTATIONS, 1, 2, 4096, 512, 8, 65_536, 16),
                            // Nobody would guess a checksum.
                            new Settings.Tcp(true, false, 3, false),
                            policy,
                            Map.of());
            path =
                    new PacketPath(
                            new PathOptions(
                                    settings,
                                    Set.of(21, 2121),
                                    Set.of(),
                                    List.of(),
                                    new InterfaceMap(List.of()),
                                    compat,
                                    seed),
                            rules,
                            (position, verdict, ct, hook, rule, why) -> {
                                verdicts++;
                                digest = 31 * digest + position;
                                digest = 31 * digest + verdict.ordinal();
                                digest = 31 * digest + (ct == null ? -1 : ct.ordinal());
                                digest = 31 * digest + rule.hashCode();
                                digest = 31 * digest + why.ordinal();
                                seen.add(why);
                            },
                            this::event);
        }

        private static HelperPolicy policy(int choice) {
            HelperPolicy d = HelperPolicy.DEFAULTS;
            return new HelperPolicy(
                    choice == 1 ? Settings.ThirdParty.ALLOW : d.thirdParty(),
                    d.thirdPartyPeers(),
                    choice == 2 ? Settings.PrivilegedPorts.ALLOW : d.privilegedPorts(),
                    choice == 1
                            ? Settings.PassiveAddress.ALLOW
                            : choice == 3 ? Settings.PassiveAddress.REFUSE : d.passiveAddress(),
                    choice == 4 ? Settings.Auth.REFUSE : d.auth(),
                    choice == 5,
                    List.of(new Settings.PortRange(50_001, 50_001)),
                    choice == 6 ? Settings.ActiveSourcePort.FTP_DATA : d.activeSourcePort(),
                    choice == 7,
                    0);
        }

        List<String> play(byte[] data) {
            try (path) {
                new FuzzWorld(data, this).run();
                path.finish();
                assertThat(verdicts).isEqualTo(packets);
            }
            told.add("verdicts " + Long.toHexString(digest) + " " + seen);
            return told;
        }

        private void event(Event event) {
            told.add(event.getClass().getSimpleName() + event);
            if (event instanceof Event.Pinhole p && p.outcome() == PinholeOutcome.USED && !compat) {
                IpAddress client = p.control().source();
                IpAddress server = p.control().destination();
                boolean low = policy.privilegedPorts() == Settings.PrivilegedPorts.ALLOW;
                assertThat(p.destinationPort()).isBetween(low ? 1 : 1024, 65_535);
                assertThat(p.destinationPort()).isNotEqualTo(50_001);
                assertThat(p.source()).isIn(client, server);
                if (policy.thirdParty() == Settings.ThirdParty.REFUSE) {
                    assertThat(p.destination()).isIn(client, server);
                }
            }
        }

        @Override
        public void packet(byte[] bytes, LinkType link, int cut, long now) {
            packets++;
            path.process(
                    MemorySegment.ofArray(bytes),
                    0,
                    bytes.length - cut,
                    bytes.length,
                    link,
                    now,
                    Positions.of(0, packets),
                    null,
                    null);
            assertThat(path.flows()).isLessThanOrEqualTo(2 * FLOWS);
            assertThat(path.tableBytes()).isLessThan(TABLES);
            assertThat(path.control().sessions()).isLessThanOrEqualTo(CONTROLS);
            assertThat(path.control().waiting()).isLessThanOrEqualTo(EXPECTATIONS);
        }

        @Override
        public void reload(boolean other, long now) {
            path.rules(other ? (rules == BUNDLED ? OPEN : BUNDLED) : rules);
            path.tick(now);
            assertThat(path.pinholes(now)).hasSizeLessThanOrEqualTo(EXPECTATIONS);
        }
    }
}
