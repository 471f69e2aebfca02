package io.pinhole.cli;

import io.pinhole.core.CtState;
import io.pinhole.core.Direction;
import io.pinhole.core.Hook;
import io.pinhole.core.IpAddress;
import io.pinhole.report.ExplainJson;
import io.pinhole.report.ExplainText;
import io.pinhole.report.TextReport;
import io.pinhole.rule.RuleSet;
import io.pinhole.rule.explain.Explainer;
import io.pinhole.rule.explain.Explanation;
import io.pinhole.rule.explain.PacketSpec;
import io.pinhole.rule.explain.PacketText;
import io.pinhole.rule.explain.PacketTextException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code pinhole explain}: what a rule set does with one packet, and why. */
@Command(
        name = "explain",
        sortOptions = false,
        header = "Walk one packet through a rule set and say what decided.",
        description = {
            "Walk one packet through a rule set: which rules it met, what failed first in each,",
            "what decided, and the smallest changes that would have let it pass."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  pinhole explain /etc/nftables.conf 'tcp 198.51.100.7:40000 > 203.0.113.10:21 syn'",
            "  pinhole explain rules.nft 'tcp 203.0.113.10:20 > 198.51.100.7:50001' --state"
                    + " related",
            "  pinhole explain rules.nft 'udp [2001:db8::1]:53 > [2001:db8::2]:40000 in eth0'",
            "  pinhole explain rules.nft 'icmp 192.0.2.1 > 192.0.2.2 echo-request'",
            "  pinhole explain rules.v4 --ipset sets.save 'tcp 192.0.2.1 > 192.0.2.2:21'",
            "",
            "A packet of a capture: pinhole analyze --explain NUMBER FILE.",
            "Exit status: 0 whatever the verdict, 2 bad usage, rule set or packet."
        })
final class ExplainCommand implements Callable<Integer> {
    /** Rules of one chain that are shown without --all, beside those that matched. */
    static final int SHOWN = 40;

    @Parameters(index = "0", paramLabel = "RULES", description = "Rule set to explain.")
    private String rules = "";

    @Parameters(
            index = "1",
            paramLabel = "PACKET",
            description = {
                "PROTOCOL SOURCE[:PORT] > DESTINATION[:PORT], then any of: TCP",
                "flags or an ICMP type, len N, ttl N, mark N, in IFACE, out IFACE."
            })
    private String packet = "";

    @Option(
            names = "--state",
            paramLabel = "STATE",
            description = {
                "What connection tracking says of it: new (default), established,",
                "related, invalid, untracked."
            })
    private String state = "new";

    @Option(
            names = "--helper",
            paramLabel = "TYPE",
            description = {
                "Helper that announced the flow, such as ftp; the default of",
                "--state related is ftp, none says there was no helper."
            })
    private @Nullable String helper;

    @Option(names = "--direction", paramLabel = "DIR", description = "original (default) or reply.")
    private String direction = "original";

    @Option(names = "--ct-mark", paramLabel = "MARK", description = "Mark of its flow.")
    private String ctMark = "0";

    @Option(
            names = "--local",
            paramLabel = "ADDR",
            description = {
                "An address of this host; repeatable. A packet to it walks input,",
                "one from it output; without it all packets are forwarded."
            })
    private List<String> locals = new ArrayList<>();

    @Mixin private ReadingOptions reading = new ReadingOptions();

    @Option(
            names = "--ignore-nat",
            description = "Explain a rule set that translates addresses as if it did not.")
    private boolean ignoreNat;

    @Option(names = "--all", description = "Show every rule that did not match, too.")
    private boolean all;

    @Option(names = "--json", description = "One JSON object, see docs/explain.md.")
    private boolean json;

    private final OutputStream output;

    ExplainCommand() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    /**
     * @param output what goes to standard output otherwise
     */
    ExplainCommand(OutputStream output) {
        this.output = output;
    }

    @Override
    public Integer call() throws Exception {
        PacketSpec spec = spec();
        Hook main = main(spec);
        RuleOptions options = reading.of(List.of(rules));
        options.ignoreNat = ignoreNat;
        RuleSet set = options.load(Map.of());
        int lines = all ? Integer.MAX_VALUE : SHOWN;
        Explanation explanation = new Explainer(set, main, lines).explain(spec);
        if (json) {
            new ExplainJson(output).write(explanation);
        } else {
            boolean colour = TextReport.Options.colour(Terminal.isOutTerminal(), System.getenv());
            new ExplainText(output, colour, rules).write(explanation);
        }
        return 0;
    }

    private PacketSpec spec() throws UserError {
        CtState tracked = null;
        for (CtState s : CtState.values()) {
            tracked = s.label().equals(state.toLowerCase(Locale.ROOT)) ? s : tracked;
        }
        if (tracked == null) {
            throw new UserError(
                    "--state knows new, established, related, invalid and untracked, not "
                            + SettingsText.quoted(state));
        }
        Direction seen =
                switch (direction) {
                    case "original" -> Direction.ORIGINAL;
                    case "reply" -> Direction.REPLY;
                    default ->
                            throw new UserError(
                                    "--direction knows original and reply, not "
                                            + SettingsText.quoted(direction));
                };
        String by = helper == null && tracked == CtState.RELATED ? "ftp" : helper;
        try {
            return PacketText.parse(
                    packet, tracked, "none".equals(by) ? null : by, seen, mark(ctMark));
        } catch (PacketTextException e) {
            throw new UserError(e.format());
        }
    }

    private static int mark(String text) throws UserError {
        try {
            long mark = Long.decode(text);
            if (mark >= 0 && mark <= 0xffff_ffffL) {
                return (int) mark;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new UserError("--ct-mark " + SettingsText.quoted(text) + " is no 32-bit number");
    }

    private Hook main(PacketSpec spec) throws UserError {
        List<IpAddress> own = new ArrayList<>();
        for (String text : locals) {
            IpAddress address = IpAddress.parse(text);
            if (address == null) {
                throw new UserError("--local " + SettingsText.quoted(text) + " is no IP address");
            }
            own.add(address);
        }
        return own.contains(spec.destination())
                ? Hook.INPUT
                : own.contains(spec.source()) ? Hook.OUTPUT : Hook.FORWARD;
    }
}
