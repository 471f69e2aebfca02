package io.pinhole.validate.record;

import io.pinhole.capture.CaptureException;
import io.pinhole.capture.CaptureFiles;
import io.pinhole.path.PathOptions;
import io.pinhole.rule.RuleSet;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Turns a capture into the text of a scenario. */
public final class Recorder {
    /** Says whether the tests of a scenario pass. */
    public interface Trial {
        boolean passes(String scenario);
    }

    /**
     * A scenario that passes.
     *
     * @param detail how closely it follows the capture
     * @param damage where the capture ends in damage, what is wrong with it
     */
    public record Recording(String text, Detail detail, @Nullable String damage) {}

    private static final int FTP = 21;

    private Recorder() {}

    /**
     * Records a capture: as dialogues if that passes, else packet by packet, else byte by byte.
     *
     * @param head lines before the hosts, which name the rule set
     * @param name of the test
     * @param trial runs the scenario under the same rules
     * @throws RecordException if no form passes, or the capture is too long
     */
    public static Recording record(
            CaptureFiles files,
            PathOptions options,
            RuleSet rules,
            String head,
            String name,
            Trial trial)
            throws CaptureException, RecordException {
        Listener listener = new Listener();
        String damage = listener.listen(files, options, rules.compile());
        if (listener.packets().isEmpty()) {
            throw new RecordException(
                    damage == null ? "the capture holds no packets that can be read" : damage);
        }
        Set<Integer> ports = new TreeSet<>(options.observedPorts());
        ports.add(FTP);
        Names names = new Names(listener.packets(), ports);
        for (Detail detail : Detail.values()) {
            String steps =
                    new Writer(listener.packets(), listener.events(), names, ports, detail).write();
            String text =
                    head
                            + names.lines()
                            + "\ntest \""
                            + name.replace("\\", "\\\\").replace("\"", "\\\"")
                            + "\"\n"
                            + steps;
            if (trial.passes(text)) {
                return new Recording(text, detail, damage);
            }
        }
        throw new RecordException("no scenario of it passes; please report this capture");
    }
}
