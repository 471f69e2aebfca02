package io.pinhole.gateway;

import io.pinhole.capture.linux.NfQueue;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the kernel is told: which packets to queue, and that an offloaded connection's stay with it.
 * A table of our own where nft can queue, else chains of our own in iptables' mangle tables.
 *
 * <p>In the forward hook, in this order: a packet that conntrack finds invalid is marked so; one of
 * an offloaded connection goes on, unless it has SYN, FIN or RST: those are queued too, so that the
 * engine sees connections end, but pass if no engine runs; everything else is queued. In
 * postrouting the mark that a verdict set is saved in the connection, then taken off the packet.
 */
final class KernelRules {
    private static final int TIMEOUT_SECONDS = 20;
    private static final String CHAIN = "PINHOLE-FORWARD";
    private static final String SAVE = "PINHOLE-SAVE";

    /** How iptables and nft write the first number of a queue or of several. */
    private static final Pattern QUEUE = Pattern.compile("queue(?:-num|-balance|.* to) (\\d+)");

    /** How the kernel can be made to queue. */
    enum Tool {
        NFT,
        IPTABLES
    }

    private final Tool tool;
    private final int offload;
    private final int invalid;
    private final int firstQueue;
    private final int queues;
    private final boolean failOpen;
    private final List<String> tables = new ArrayList<>();

    KernelRules(Tool tool, GatewayOptions options) {
        this.tool = tool;
        offload = options.mark();
        invalid = options.invalidMark();
        firstQueue = options.firstQueue();
        queues = options.queues();
        failOpen = options.failOpen();
    }

    Tool tool() {
        return tool;
    }

    /**
     * Finds out what this kernel and its tools can do.
     *
     * @throws GatewayException if neither way works; says what is missing
     */
    static Tool detect(GatewayOptions options) throws GatewayException {
        Result nft = run(new KernelRules(Tool.NFT, options).nftText(), "nft", "-c", "-f", "-");
        if (nft.status == 0) {
            return Tool.NFT;
        }
        Result iptables = run("", "iptables", "-w", "-t", "mangle", "-S", "FORWARD");
        if (iptables.status == 0) {
            return Tool.IPTABLES;
        }
        throw new GatewayException(
                "the kernel cannot be told to queue packets",
                "nft says: " + firstLine(nft),
                "iptables says: " + firstLine(iptables),
                "Needed are CAP_NET_ADMIN, and nft with the queue statement (nft_queue) or"
                        + " iptables and ip6tables with the NFQUEUE target.");
    }

    /** What {@link #install} will do, for people. */
    String text() {
        return tool == Tool.NFT ? nftText() : iptablesText("iptables");
    }

    private String queueTarget(boolean bypass) {
        String numbers =
                queues == 1
                        ? "--queue-num " + firstQueue
                        : "--queue-balance " + firstQueue + ":" + (firstQueue + queues - 1);
        return "NFQUEUE " + numbers + (bypass ? " --queue-bypass" : "");
    }

    private String nftQueue(boolean bypass) {
        String numbers =
                queues == 1 ? "" + firstQueue : firstQueue + "-" + (firstQueue + queues - 1);
        return (bypass ? "queue flags bypass" : "queue") + " to " + numbers;
    }

    private static String hex(int mark) {
        return String.format(Locale.ROOT, "0x%08x", mark);
    }

    private String nftText() {
        String off = hex(offload);
        String inv = hex(invalid);
        return """
        table inet pinhole
        delete table inet pinhole
        table inet pinhole {
        	chain forward {
        		type filter hook forward priority mangle; policy accept;
        		ct state invalid meta mark set meta mark or %2$s
        		meta l4proto tcp ct mark and %1$s == %1$s tcp flags & (syn | fin | rst) == 0 return
        		meta l4proto tcp ct mark and %1$s == %1$s %3$s
        		%4$s
        	}
        	chain save {
        		type filter hook postrouting priority mangle; policy accept;
        		meta mark and %1$s == %1$s ct mark set ct mark or %1$s
        		meta mark and %5$s != 0 meta mark set meta mark and %6$s
        	}
        }
        """
                .formatted(
                        off,
                        inv,
                        nftQueue(true),
                        nftQueue(failOpen),
                        hex(offload | invalid),
                        hex(~(offload | invalid)));
    }

    private String iptablesText(String command) {
        String off = hex(offload) + "/" + hex(offload);
        String connection = "-p tcp -m connmark --mark " + off;
        String both = hex(offload | invalid);
        StringBuilder out = new StringBuilder("*mangle\n");
        out.append(":" + CHAIN + " - [0:0]\n:" + SAVE + " - [0:0]\n");
        rule(out, CHAIN, "-m conntrack --ctstate INVALID", "MARK --or-mark " + hex(invalid));
        rule(out, CHAIN, connection + " -m tcp --tcp-flags SYN,FIN,RST NONE", "RETURN");
        rule(out, CHAIN, connection, queueTarget(true));
        rule(out, CHAIN, "", queueTarget(failOpen));
        rule(
                out,
                SAVE,
                "-m mark --mark " + off,
                "CONNMARK --save-mark --nfmask " + hex(offload) + " --ctmask " + hex(offload));
        rule(
                out,
                SAVE,
                "-m mark ! --mark 0x0/" + both,
                "MARK --and-mark " + hex(~(offload | invalid)));
        if (run("", command, "-w", "-t", "mangle", "-C", "FORWARD", "-j", CHAIN).status != 0) {
            out.append("-I FORWARD 1 -j " + CHAIN + "\n");
        }
        if (run("", command, "-w", "-t", "mangle", "-C", "POSTROUTING", "-j", SAVE).status != 0) {
            out.append("-I POSTROUTING 1 -j " + SAVE + "\n");
        }
        return out.append("COMMIT\n").toString();
    }

    private static void rule(StringBuilder out, String chain, String match, String target) {
        out.append("-A ").append(chain);
        if (!match.isEmpty()) {
            out.append(' ').append(match);
        }
        out.append(" -j ").append(target).append('\n');
    }

    /**
     * The queue that rules of ours name and somebody listens to who is not this gateway.
     *
     * @return -1 if there is none; what a crash left is nobody's
     */
    int queueOfAnother() {
        Result there =
                tool == Tool.NFT
                        ? run("", "nft", "list", "table", "inet", "pinhole")
                        : run("", "iptables", "-w", "-t", "mangle", "-S", CHAIN);
        Matcher named = QUEUE.matcher(there.status == 0 ? there.output : "");
        while (named.find()) {
            int number = Integer.parseInt(named.group(1));
            if ((number < firstQueue || number >= firstQueue + queues) && NfQueue.isBound(number)) {
                return number;
            }
        }
        return -1;
    }

    /** Puts the rules in place, each table at once; those of an earlier run are replaced. */
    void install() throws GatewayException {
        if (tool == Tool.NFT) {
            need(run(nftText(), "nft", "-f", "-"), "nft");
            return;
        }
        for (String command : List.of("iptables", "ip6tables")) {
            String family = command.equals("iptables") ? "ip" : "ip6";
            if (run("", "nft", "list", "table", family, "mangle").status != 0) {
                tables.add(family);
            }
            Result done = run(iptablesText(command), command + "-restore", "-w", "--noflush");
            if (done.status != 0) {
                remove();
                need(done, command + "-restore");
            }
        }
    }

    /** Takes everything away that {@link #install} brought. */
    void remove() {
        if (tool == Tool.NFT) {
            run("", "nft", "delete", "table", "inet", "pinhole");
            return;
        }
        for (String command : List.of("iptables", "ip6tables")) {
            run("", command, "-w", "-t", "mangle", "-D", "FORWARD", "-j", CHAIN);
            run("", command, "-w", "-t", "mangle", "-D", "POSTROUTING", "-j", SAVE);
            for (String chain : List.of(CHAIN, SAVE)) {
                run("", command, "-w", "-t", "mangle", "-F", chain);
                run("", command, "-w", "-t", "mangle", "-X", chain);
            }
        }
        for (String family : tables) {
            Result left = run("", "nft", "list", "table", family, "mangle");
            // iptables-nft leaves the chains it made behind: take them away if they hold nothing.
            boolean empty =
                    left.output
                            .lines()
                            .map(String::strip)
                            .allMatch(
                                    l ->
                                            l.isEmpty()
                                                    || l.equals("}")
                                                    || l.startsWith("#")
                                                    || l.startsWith("table ")
                                                    || l.startsWith("chain ")
                                                    || (l.startsWith("type ")
                                                            && l.endsWith("policy accept;")));
            if (left.status == 0 && empty) {
                run("", "nft", "delete", "table", family, "mangle");
            }
        }
        tables.clear();
    }

    private static void need(Result done, String tool) throws GatewayException {
        if (done.status != 0) {
            throw new GatewayException(
                    "the kernel refused the rules that queue packets",
                    tool + " says: " + firstLine(done));
        }
    }

    private record Result(int status, String output) {}

    private static String firstLine(Result result) {
        return result.output.lines().filter(l -> !l.isBlank()).findFirst().orElse("nothing");
    }

    private static Result run(String input, String... command) {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            try (OutputStream to = process.getOutputStream()) {
                to.write(input.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // It did not want to read: its status says why.
            }
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return new Result(-1, command[0] + " did not end");
            }
            return new Result(process.exitValue(), output);
        } catch (IOException e) {
            return new Result(127, command[0] + " cannot be run: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Result(-1, "interrupted");
        }
    }
}
