package io.pinhole.validate.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.pinhole.core.IpAddress;
import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleFixture;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.SourcePos;
import io.pinhole.validate.scenario.Claim;
import io.pinhole.validate.scenario.Endpoint;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExactProofsTest {
    private static final RuleSet GATEWAY =
            RuleFixture.load(
                    """
                    table inet t {
                      ct helper ftp { type "ftp" protocol tcp; }
                      chain pre {
                        type filter hook prerouting priority 0
                        tcp dport 21 ct helper set "ftp"
                      }
                      chain forward {
                        type filter hook forward priority 0; policy drop
                        ct state established accept
                        ct helper "ftp" ct state related accept
                        ip saddr 10.0.0.0/8 tcp dport 21 ct state new accept
                        udp dport 53 ct state new accept
                        limit rate 1/second tcp dport 80 ct state new accept
                      }
                    }
                    """);

    private final Proofs proofs = new ExactProofs();

    @ParameterizedTest(name = "{0} {1} -> {2}: {4}")
    @CsvSource({
        "never, any, any:22, 6, Proved",
        "never, any, any:1023, 6, Proved",
        "never, any, any:21, 6, Refuted",
        "never, 10.0.0.1, 203.0.113.10:21, 6, Refuted",
        "never, 11.0.0.1, 203.0.113.10:21, 6, Proved",
        // Through a pinhole, and not where no dialogue can be.
        "never, 10.0.0.1, 203.0.113.10:3306, 6, Refuted",
        "never, 203.0.113.10, 10.0.0.1:3306, 6, Refuted",
        "never, 11.0.0.1, 203.0.113.10:3306, 6, Proved",
        "never, any, any:22, 17, Proved",
        "never, any, any:53, 17, Refuted",
        "always, any, any:53, 17, Proved",
        "always, 10.0.0.1, 203.0.113.10:21, 6, Proved",
        "always, any, 203.0.113.10:21, 6, Refuted",
        "never, any, any:80, 6, Refuted",
    })
    void answers(String claim, String from, String to, int protocol, String expected) {
        Proofs.Answer answer =
                proofs.answer(
                        claim(claim.equals("never"), from, to, protocol),
                        GATEWAY,
                        null,
                        options(Settings.DEFAULTS));
        assertThat(answer.getClass().getSimpleName()).as("%s", answer).isEqualTo(expected);
    }

    /** One rule set, asked under two policies: each has its own answer. */
    @Test
    void policiesDecide() {
        Settings d = Settings.DEFAULTS;
        Settings.HelperPolicy h = d.helper();
        Settings denied =
                new Settings(
                        d.timeouts(),
                        d.limits(),
                        d.tcp(),
                        new Settings.HelperPolicy(
                                h.thirdParty(),
                                h.thirdPartyPeers(),
                                h.privilegedPorts(),
                                h.passiveAddress(),
                                h.auth(),
                                h.requireLogin(),
                                List.of(new Settings.PortRange(3306, 3306)),
                                h.activeSourcePort(),
                                h.strict(),
                                h.lifetimeSeconds()),
                        d.helpers());
        Claim claim = claim(true, "10.0.0.1", "203.0.113.10:3306", 6);
        assertThat(proofs.answer(claim, GATEWAY, null, options(d)))
                .isInstanceOf(Proofs.Answer.Refuted.class);
        assertThat(proofs.answer(claim, GATEWAY, null, options(denied)))
                .isInstanceOf(Proofs.Answer.Proved.class);
    }

    private static Claim claim(boolean never, String from, String to, int protocol) {
        return new Claim(never, endpoint(from), endpoint(to), protocol, new SourcePos("x", 1, 1));
    }

    private static PathOptions options(Settings settings) {
        return new PathOptions(
                settings, Set.of(21), Set.of(), List.of(), new InterfaceMap(List.of()), false, 1);
    }

    private static Endpoint endpoint(String text) {
        int colon = text.indexOf(':');
        String host = colon < 0 ? text : text.substring(0, colon);
        int port = colon < 0 ? Endpoint.NO_PORT : Integer.parseInt(text.substring(colon + 1));
        return new Endpoint(
                host,
                host.equals("any") ? null : Objects.requireNonNull(IpAddress.parse(host)),
                port);
    }
}
