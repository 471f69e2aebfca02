package io.pinhole.validate.scenario;

import io.pinhole.core.IpAddress;
import io.pinhole.path.InterfaceMap;
import io.pinhole.rule.SourcePos;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a test stands on: the lines before the first {@code test}, and its own on top.
 *
 * @param rules null where no line names a rule set
 * @param defines replaced definitions of the rule set, as {@code -D}
 * @param hosts by name, in order of their lines
 * @param locals addresses of the firewall host itself
 * @param settings {@code KEY=VALUE}, the last of equal keys wins
 * @param ftpPorts as {@code --ftp-port}: empty for 21
 * @param compatLinux judge as Linux does
 * @param ignoreNat judge without address translation
 */
public record Setup(
        @Nullable Named rules,
        Map<String, String> defines,
        Map<String, IpAddress> hosts,
        List<IpAddress> locals,
        List<InterfaceMap.Entry> interfaces,
        List<Named> settings,
        Set<Integer> ftpPorts,
        boolean compatLinux,
        boolean ignoreNat) {
    /** A text and where it stands. */
    public record Named(String text, SourcePos at) {}

    public static final Setup EMPTY =
            new Setup(
                    null, Map.of(), Map.of(), List.of(), List.of(), List.of(), Set.of(), false,
                    false);

    public Setup {
        defines = new LinkedHashMap<>(defines);
        hosts = new LinkedHashMap<>(hosts);
        locals = List.copyOf(locals);
        interfaces = List.copyOf(interfaces);
        settings = List.copyOf(settings);
        ftpPorts = Set.copyOf(ftpPorts);
    }
}
