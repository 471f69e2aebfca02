package io.pinhole.path;

/** Receives events on the thread that owns the path. */
public interface EventSink {
    void event(Event event);
}
