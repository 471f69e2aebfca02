package io.pinhole.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * Real FTP servers and clients in network namespaces around a gateway, by {@code lab.sh}. Under
 * {@code CI=true} what is missing is a failure, elsewhere the test is skipped and says what.
 */
final class Lab implements AutoCloseable {
    /** Whether the whole matrix is asked for and not the covering part. */
    static final boolean WHOLE = Boolean.getBoolean("pinhole.matrix");

    private static final boolean CI = "true".equals(System.getenv("CI"));
    private static final Path BASE = Path.of("/tmp/pinhole-lab");
    private static final String[] TOOLS = {
        "ip",
        "iptables",
        "ip6tables",
        "nft",
        "conntrack",
        "ethtool",
        "vsftpd",
        "curl",
        "lftp",
        "ncftpget",
        "tnftp",
        "nmap",
        "setpriv",
        "openssl"
    };

    record Ran(int status, String output) {
        Ran ok() {
            assertThat(status).as(output).isZero();
            return this;
        }
    }

    private final String name;
    private final Path script;
    private final List<String> prefix = new ArrayList<>();

    private Lab(String name, Path script) {
        this.name = name;
        this.script = script;
    }

    /**
     * @param topology routed, bridge or wire, as lab.sh has them
     */
    static Lab up(String name, String topology) throws IOException {
        List<String> missing = new ArrayList<>();
        if (!"root".equals(System.getProperty("user.name"))) {
            missing.add("root");
        }
        for (String tool : TOOLS) {
            boolean found =
                    Arrays.stream((System.getenv("PATH") + ":/usr/sbin:/sbin").split(":"))
                            .anyMatch(p -> Files.isExecutable(Path.of(p, tool)));
            if (!found) {
                missing.add(tool);
            }
        }
        if (!Files.isExecutable(packages().resolve("usr/sbin/proftpd"))) {
            missing.add("proftpd and pure-ftpd in " + packages() + " (.ci/run unpacks them)");
        }
        if (!missing.isEmpty()) {
            String what = "the gateway's tests need " + String.join(", ", missing);
            if (CI) {
                fail(what);
            }
            Assumptions.abort(what);
        }
        Path script = Files.createTempFile("lab", ".sh");
        try (InputStream in = Lab.class.getResourceAsStream("/lab/lab.sh")) {
            Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
        }
        Lab lab = new Lab(name, script);
        lab.run("up", topology).ok();
        return lab;
    }

    /**
     * From now on servers and clients run on one processor, and with them all that the kernel does
     * with their packets: one after the other.
     */
    Lab onOneProcessor() {
        prefix.addAll(List.of("taskset", "-c", "0"));
        return this;
    }

    private static Path packages() {
        String given = System.getenv("LAB_PKG");
        return given == null ? BASE.resolve("pkg") : Path.of(given);
    }

    /** Runs lab.sh. */
    Ran run(String... arguments) {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of("bash", script.toString()));
        command.addAll(List.of(arguments));
        return execute(60, command);
    }

    Ran server(String... arguments) {
        List<String> command = new ArrayList<>(List.of("server"));
        command.addAll(List.of(arguments));
        return run(command.toArray(String[]::new)).ok();
    }

    /** {@code transfer} with its options in one string. */
    Ran transfer(String options) {
        List<String> command = new ArrayList<>(List.of("transfer"));
        command.addAll(List.of(options.trim().split(" +")));
        return run(command.toArray(String[]::new));
    }

    /** Runs a shell command in {@code client}, {@code gw} or {@code server}. */
    Ran in(String where, String shell) {
        return execute(60, inside(where, shell));
    }

    /** Starts a shell command there. */
    Process start(String where, String shell, Path output) throws IOException {
        return new ProcessBuilder(inside(where, shell))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
    }

    private List<String> inside(String where, String shell) {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of("ip", "netns", "exec", name + "-" + where, "sh", "-c", shell));
        return command;
    }

    String namespace(String where) {
        return name + "-" + where;
    }

    /** Where lab.sh keeps its files. */
    Path folder() {
        return BASE.resolve(name);
    }

    private Ran execute(int seconds, List<String> command) {
        try {
            Path output = Files.createTempFile("lab", ".out");
            ProcessBuilder builder =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectInput(Path.of("/dev/null").toFile())
                            .redirectOutput(output.toFile());
            builder.environment().put("LAB_NAME", name);
            builder.environment().put("LAB_PKG", packages().toString());
            Process process = builder.start();
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return new Ran(-1, "no end after " + seconds + " s: " + command);
            }
            String text = Files.readString(output);
            Files.delete(output);
            return new Ran(process.exitValue(), text);
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() throws IOException {
        run("down");
        Files.deleteIfExists(script);
    }
}
