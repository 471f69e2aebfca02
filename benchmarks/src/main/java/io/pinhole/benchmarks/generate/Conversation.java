package io.pinhole.benchmarks.generate;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;

/** What some hosts have to say to each other; one of thousands at the same time. */
abstract class Conversation {
    private final Deque<Act> acts = new ArrayDeque<>();
    private final Dice dice;

    /** When its next packet is due, in nanoseconds since the epoch. */
    long due;

    Conversation(Dice dice) {
        this.dice = dice;
    }

    final void then(Act act) {
        acts.add(act);
    }

    /**
     * Adds what happens next.
     *
     * @return false if nothing does
     */
    abstract boolean goOn(Frames frames) throws IOException;

    /** Told once, when it is over or the capture ends. */
    void end() throws IOException {}

    /** True if its packets count as FTP's. */
    boolean isFtp() {
        return false;
    }

    /**
     * Sends the packet that is due and sets when the next one is.
     *
     * @return false if there is none
     */
    final boolean send(Frames frames) throws IOException {
        Act act = acts.peek();
        if (act == null) {
            if (!goOn(frames)) {
                return false;
            }
            act = acts.element();
        }
        if (act.send(frames)) {
            acts.remove();
        }
        due += dice.around(act.pause()) + 1000;
        return true;
    }
}
