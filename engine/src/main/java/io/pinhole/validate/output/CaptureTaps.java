package io.pinhole.validate.output;

import io.pinhole.capture.CapturedPacket;
import io.pinhole.capture.PcapngWriter;
import io.pinhole.decode.LinkType;
import io.pinhole.validate.run.PacketTap;
import io.pinhole.validate.run.ScenarioRunner;
import io.pinhole.validate.scenario.Scenario;
import io.pinhole.validate.scenario.ScenarioTest;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Writes each test as a capture, {@code FILE-NN-NAME.pcapng}; the verdict of a packet is its
 * comment.
 */
public final class CaptureTaps implements ScenarioRunner.Taps {
    private static final int NAME_LENGTH = 60;

    private final Path folder;
    private final String application;

    /**
     * @param folder exists
     * @param application name and version of the program, for the captures
     */
    public CaptureTaps(Path folder, String application) {
        this.folder = folder;
        this.application = application;
    }

    @Override
    public PacketTap tap(Scenario scenario, ScenarioTest test) {
        int number = scenario.tests().indexOf(test) + 1;
        String file = Path.of(scenario.file()).getFileName().toString();
        int dot = file.lastIndexOf('.');
        String name =
                String.format(
                        Locale.ROOT,
                        "%s-%02d-%s.pcapng",
                        slug(dot > 0 ? file.substring(0, dot) : file),
                        number,
                        slug(test.name()));
        try {
            return new Tap(
                    new PcapngWriter(
                            new BufferedOutputStream(Files.newOutputStream(folder.resolve(name))),
                            application));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Letters and digits, everything else a hyphen. */
    private static String slug(String text) {
        String slug =
                text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
        return slug.length() > NAME_LENGTH ? slug.substring(0, NAME_LENGTH) : slug;
    }

    @Override
    public void ended(PacketTap tap) {
        if (tap instanceof Tap t) {
            try {
                t.writer.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static final class Tap implements PacketTap {
        private final PcapngWriter writer;
        private final CapturedPacket packet = new CapturedPacket();

        Tap(PcapngWriter writer) {
            this.writer = writer;
            packet.timeDigits = 6;
        }

        @Override
        public void packet(
                MemorySegment data,
                int length,
                int wire,
                LinkType link,
                long timeNanos,
                String comment) {
            packet.data = data;
            packet.offset = 0;
            packet.capturedLength = length;
            packet.wireLength = wire;
            packet.linkType = link;
            packet.linkNumber = link.number();
            packet.timeNanos = timeNanos;
            try {
                writer.write(packet, comment);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
