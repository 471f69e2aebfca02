package io.pinhole.validate.output;

import io.pinhole.validate.run.TestResult;
import io.pinhole.validate.run.TestResult.Failure;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Results as JUnit XML, the form that Jenkins, GitLab and most CI systems read. */
public final class JUnitResults {
    private JUnitResults() {}

    public static void write(List<TestResult> results, Writer to) throws IOException {
        Map<String, List<TestResult>> files = new LinkedHashMap<>();
        for (TestResult r : results) {
            files.computeIfAbsent(r.scenario().file(), f -> new ArrayList<>()).add(r);
        }
        try {
            XMLStreamWriter xml = XMLOutputFactory.newFactory().createXMLStreamWriter(to);
            xml.writeStartDocument("UTF-8", "1.0");
            line(xml, 0);
            xml.writeStartElement("testsuites");
            counts(xml, "pinhole", results);
            for (Map.Entry<String, List<TestResult>> file : files.entrySet()) {
                line(xml, 1);
                xml.writeStartElement("testsuite");
                counts(xml, file.getKey(), file.getValue());
                for (TestResult r : file.getValue()) {
                    test(xml, r);
                }
                line(xml, 1);
                xml.writeEndElement();
            }
            line(xml, 0);
            xml.writeEndElement();
            xml.writeEndDocument();
            xml.flush();
        } catch (XMLStreamException e) {
            throw new IOException(e);
        }
    }

    private static void line(XMLStreamWriter xml, int depth) throws XMLStreamException {
        xml.writeCharacters("\n" + "  ".repeat(depth));
    }

    private static void counts(XMLStreamWriter xml, String name, List<TestResult> of)
            throws XMLStreamException {
        long nanos = of.stream().mapToLong(TestResult::nanos).sum();
        attribute(xml, "name", name);
        attribute(xml, "tests", "" + of.size());
        attribute(xml, "failures", "" + of.stream().filter(r -> !r.passed()).count());
        attribute(xml, "errors", "0");
        attribute(xml, "skipped", "0");
        attribute(xml, "time", seconds(nanos));
    }

    private static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.3f", nanos / 1e9);
    }

    private static void attribute(XMLStreamWriter xml, String name, String value)
            throws XMLStreamException {
        xml.writeAttribute(name, Plain.text(value));
    }

    private static void test(XMLStreamWriter xml, TestResult r) throws XMLStreamException {
        line(xml, 2);
        xml.writeStartElement("testcase");
        attribute(xml, "name", r.test().name());
        attribute(xml, "classname", r.scenario().file());
        attribute(xml, "file", r.test().at().file());
        attribute(xml, "line", "" + r.test().at().line());
        attribute(xml, "time", seconds(r.nanos()));
        Failure failure = r.failure();
        if (failure != null) {
            line(xml, 3);
            xml.writeStartElement("failure");
            attribute(xml, "message", failure.message());
            attribute(xml, "type", "expectation");
            StringBuilder text = new StringBuilder();
            text.append(failure.at().file()).append(':').append(failure.at().line()).append(": ");
            text.append(r.scenario().line(failure.at().line()).strip());
            if (failure.packet() != null) {
                text.append("\npacket ").append(failure.packet().number()).append(": ");
                text.append(failure.packet().what());
            }
            failure.walk().forEach(w -> text.append('\n').append(w));
            failure.details().forEach(d -> text.append('\n').append(d));
            for (String one : text.toString().split("\n")) {
                xml.writeCharacters("\n" + Plain.text(one));
            }
            line(xml, 3);
            xml.writeEndElement();
        }
        if (!r.notes().isEmpty()) {
            line(xml, 3);
            xml.writeStartElement("system-out");
            xml.writeCharacters(Plain.text(String.join("; ", r.notes())));
            xml.writeEndElement();
        }
        line(xml, 2);
        xml.writeEndElement();
    }
}
