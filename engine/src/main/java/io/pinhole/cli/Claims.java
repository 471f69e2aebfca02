package io.pinhole.cli;

import io.pinhole.core.Settings;
import io.pinhole.path.InterfaceMap;
import io.pinhole.path.PathOptions;
import io.pinhole.report.JsonLine;
import io.pinhole.report.Page;
import io.pinhole.rule.RuleSet;
import io.pinhole.validate.run.ExactProofs;
import io.pinhole.validate.run.Proofs;
import io.pinhole.validate.run.Trial;
import io.pinhole.validate.scenario.Claim;
import io.pinhole.validate.scenario.ReadScenario;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioFiles;
import io.pinhole.validate.scenario.ScenarioReader;
import io.pinhole.validate.scenario.ScenarioTest;
import io.pinhole.validate.scenario.Setup;
import io.pinhole.validate.scenario.Step;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Proofs on the command line: {@code check --never} and {@code --always}. */
final class Claims {
    private static final int FTP = 21;

    private final List<Claim> claims = new ArrayList<>();
    private final Setup setup;
    private final ExactProofs proofs = new ExactProofs();

    /**
     * @param never what {@code never} lines of a scenario say behind the word
     * @param locals addresses of the firewall host itself
     */
    Claims(List<String> never, List<String> always, List<String> locals) throws UserError {
        StringBuilder text = new StringBuilder("test \"claims\"\n");
        locals.forEach(local -> text.append("local ").append(line(local)).append('\n'));
        never.forEach(claim -> text.append("never ").append(line(claim)).append('\n'));
        always.forEach(claim -> text.append("always ").append(line(claim)).append('\n'));
        ReadScenario read =
                ScenarioReader.read(
                        "claims",
                        text.toString().getBytes(StandardCharsets.UTF_8),
                        ScenarioFiles.NONE);
        switch (read) {
            case ReadScenario.Loaded(Scenario scenario) -> {
                ScenarioTest test = scenario.tests().getFirst();
                setup = test.setup();
                for (Step step : test.steps()) {
                    if (step instanceof Step.Prove(Claim claim)) {
                        claims.add(claim);
                    }
                }
            }
            case ReadScenario.Refused refused ->
                    throw new UserError(refused.format().lines().toArray(String[]::new));
        }
    }

    /** One line of it. */
    private static String line(String text) {
        return text.replace('\n', ' ').replace('\r', ' ');
    }

    /**
     * Answers them for one rule set.
     *
     * @return true if all were proved
     */
    boolean prove(
            RuleSet rules, Settings settings, OutputStream out, boolean json, boolean colour) {
        PathOptions options =
                new PathOptions(
                        settings,
                        Set.of(FTP),
                        Set.of(),
                        setup.locals(),
                        new InterfaceMap(List.of()),
                        false,
                        1);
        boolean all = true;
        for (Claim claim : claims) {
            Proofs.Answer answer = proofs.answer(claim, rules, setup, options);
            all &= answer instanceof Proofs.Answer.Proved;
            if (json) {
                json(out, rules, claim, answer);
            } else {
                text(out, colour, rules, claim, answer);
            }
        }
        return all;
    }

    private static void text(
            OutputStream out, boolean colour, RuleSet rules, Claim claim, Proofs.Answer answer) {
        Page page = new Page(out, colour);
        page.put(Page.Style.BOLD, rules.name() + ": " + claim + ": ");
        switch (answer) {
            case Proofs.Answer.Proved() -> {
                page.put(Page.Style.GOOD, "holds, for every packet");
                page.end(4);
            }
            case Proofs.Answer.NotRefuted(String how) -> {
                page.put(Page.Style.WARN, how);
                page.end(4);
            }
            case Proofs.Answer.Refuted r -> {
                page.put(Page.Style.BAD, "does not hold: " + r.packet().verdictText());
                page.end(4);
                page.put("  packet: ").put(Page.Style.CODE, r.packet().what());
                page.put(", " + r.how());
                page.end(4);
                for (String line : r.walk()) {
                    page.put("  " + line);
                    page.end(8);
                }
                if (!r.steps().isEmpty()) {
                    page.put("  as a test:");
                    page.end();
                    for (String line : Trial.test("refuted", r.steps())) {
                        page.put("    " + line);
                        page.end(8);
                    }
                }
            }
        }
        page.flush();
    }

    private static void json(OutputStream out, RuleSet rules, Claim claim, Proofs.Answer answer) {
        JsonLine line = new JsonLine(out);
        line.open().field("event", "proof").field("file", rules.name());
        line.field("claim", claim.toString());
        switch (answer) {
            case Proofs.Answer.Proved() -> line.field("answer", "proved");
            case Proofs.Answer.NotRefuted(String how) ->
                    line.field("answer", "not-refuted").field("detail", how);
            case Proofs.Answer.Refuted r -> {
                line.field("answer", "refuted").field("packet", r.packet().what());
                line.field("verdict", r.packet().verdict().label());
                line.field("rule", r.packet().rule().text());
                line.name("steps").raw("[");
                String comma = "";
                for (String step : r.steps()) {
                    line.raw(comma);
                    line.raw(JsonLine.quoted(step));
                    comma = ",";
                }
                line.raw("]");
            }
        }
        line.close().endLine();
        line.flush();
    }
}
