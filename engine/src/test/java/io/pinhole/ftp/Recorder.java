package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes down what a dialogue tells, one line an event; see {@link Transcript} for the words. */
final class Recorder implements DialogueListener {
    final List<String> events = new ArrayList<>();
    final List<Announcement> opened = new ArrayList<>();
    final List<Announcement> announced = new ArrayList<>();

    /** Every text that a listener could log; no password may be in it. */
    final List<String> texts = new ArrayList<>();

    @Override
    public void announced(Announcement a) {
        announced.add(a);
        texts.add(a.text());
        events.add("announced " + a);
    }

    @Override
    public void open(Announcement a) {
        opened.add(a);
        String said = "announced " + a;
        // Passive announcements are opened at once; one line says it.
        if (!a.mode().serverConnects() && events.getLast().equals(said)) {
            events.removeLast();
        }
        events.add("open " + a);
    }

    @Override
    public void refused(Announcement a, Anomaly why, String detail) {
        texts.add(a.text());
        texts.add(detail);
        events.add("refused " + a.mode().label() + " " + why.label());
    }

    @Override
    public void transfer(
            @Nullable Announcement a, String command, @Nullable String file, long position) {
        texts.add(String.valueOf(file));
        events.add(
                "transfer "
                        + command
                        + (file == null ? "" : " " + file)
                        + (a == null ? " without announcement" : " by " + a));
    }

    @Override
    public void transferEnded(@Nullable Announcement a, int code, long position) {
        events.add("ended " + code + (a == null ? " without announcement" : ""));
    }

    @Override
    public void anomaly(Anomaly kind, long position, String detail) {
        texts.add(detail);
        events.add("anomaly " + kind.label());
    }

    @Override
    public void closing(long position) {
        events.add("closing");
    }

    @Override
    public void encrypted(long position) {
        events.add("encrypted");
    }

    @Override
    public void cleartext(long position) {
        events.add("cleartext");
    }
}
