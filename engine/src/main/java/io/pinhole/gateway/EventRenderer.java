package io.pinhole.gateway;

import io.pinhole.path.Event;
import java.util.List;

/** Writes events as {@code analyze --json} does. Called by one thread at a time. */
public interface EventRenderer {
    /** A recording's file begins; positions of later events may name it. */
    void beginFile(int index, String name);

    /** One JSON object a line: the event's own, and those it settles. Empty if it tells nothing. */
    List<String> render(Event event);

    /** A diagnosis, one of those that {@link #render} settled, for people. */
    String text(String diagnosis);
}
