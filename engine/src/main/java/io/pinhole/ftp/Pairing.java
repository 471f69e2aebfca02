package io.pinhole.ftp;

import io.pinhole.core.Anomaly;
import io.pinhole.core.MemoryBudget;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The commands outstanding, and which of them a reply answers (RFC 959 section 5.4).
 *
 * <p>Replies answer commands in order, with these exceptions: ABOR may get no reply of its own;
 * STAT and QUIT may be answered while a transfer runs; a reply that nothing waits for answers
 * nothing. A 1yz reply shows that a transfer runs: what waited before it will not be answered.
 *
 * <p>The pairing is in doubt after bytes were missing, after a line that servers may or may not
 * answer, and when an address came out of turn. It is sure again once a final reply leaves nothing
 * outstanding (after missing bytes: the reply to a command that came later), or once an announcing
 * reply has named the command that it answers.
 */
final class Pairing {
    private enum Step {
        SURE,
        /** A line was sent that servers may or may not answer. */
        UNSURE,
        /** Bytes were missing. */
        LOST
    }

    private final int capacity;
    private final MemoryBudget.Account memory;
    private final Deque<Pending> waiting = new ArrayDeque<>();

    /** Commands behind those, not remembered because there was no room. */
    private int unremembered;

    private Step step = Step.SURE;
    private Anomaly lostBy = Anomaly.NONE;

    Pairing(int capacity, MemoryBudget.Account memory) {
        this.capacity = capacity;
        this.memory = memory;
    }

    /** False until the queue has been drained once it was full. */
    boolean hasRoom() {
        return waiting.size() < capacity && unremembered == 0 && memory.has(Pending.MAX_BYTES);
    }

    /** Adds a command, or only counts it if there is no room. */
    void add(Pending command) {
        if (hasRoom()) {
            memory.take(command.bytes());
            waiting.add(command);
        } else if (unremembered < Integer.MAX_VALUE) {
            unremembered++;
        }
    }

    boolean overflowed() {
        return unremembered > 0;
    }

    boolean isEmpty() {
        return waiting.isEmpty() && unremembered == 0;
    }

    /** The commands remembered, oldest first. */
    Iterable<Pending> waiting() {
        return waiting;
    }

    /** The only command outstanding; null if there are none or several. */
    @Nullable Pending only() {
        return waiting.size() == 1 && unremembered == 0 ? waiting.peek() : null;
    }

    /** True if a command waits that the server may not have taken for one; ABOR aside. */
    boolean mayStayUnanswered() {
        for (Pending command : waiting) {
            if (command.odd && !command.is(Command.Role.ABORT)) {
                return true;
            }
        }
        return false;
    }

    /** Why replies cannot be told apart; {@code NONE} if they can. */
    Anomaly doubt() {
        return step == Step.SURE ? Anomaly.NONE : lostBy;
    }

    /** A line was sent that servers may or may not answer, or answer more than once. */
    void unsure(Anomaly why) {
        if (step == Step.SURE) {
            step = Step.UNSURE;
            lostBy = why;
        }
    }

    /**
     * Bytes are missing, or the pairing has slipped.
     *
     * @return the commands that were outstanding
     */
    List<Pending> lose(Anomaly why) {
        step = Step.LOST;
        lostBy = why;
        return forget();
    }

    /**
     * @return the commands that were outstanding
     */
    List<Pending> forget() {
        List<Pending> forgotten = List.copyOf(waiting);
        forgotten.forEach(this::remove);
        unremembered = 0;
        return forgotten;
    }

    /**
     * Takes the command that a final reply answers out of the queue.
     *
     * @param unanswered receives commands that turn out to have been passed over
     * @return null if nothing waits for a reply
     */
    @Nullable Pending take(int code, List<Pending> unanswered) {
        if (step != Step.SURE && Replies.isAnnouncing(code)) {
            skipTo(code, unanswered);
        }
        Pending head = waiting.peek();
        if (head == null) {
            unremembered = Math.max(0, unremembered - 1);
            return null;
        }
        if (waiting.size() > 1) {
            if (head.is(Command.Role.ABORT) && !mayAnswerAbort(code)) {
                // One reply served for the transfer and for its ABOR.
                remove(head);
                head = waiting.element();
            } else if (head.is(Command.Role.TRANSFER) && head.started) {
                head = outOfTurn(head, code);
            }
        }
        remove(head);
        return head;
    }

    /** Call when a final reply has been dealt with, {@code answered} being what it answered. */
    void settled(@Nullable Pending answered) {
        if (isEmpty() && (step == Step.UNSURE || answered != null)) {
            step = Step.SURE;
        }
    }

    /**
     * A 1yz reply: a transfer begins.
     *
     * @param unanswered receives the commands before it, which will get no reply
     * @return the transfer; null if none waits
     */
    @Nullable Pending begin(List<Pending> unanswered) {
        boolean found = false;
        for (Pending command : waiting) {
            found |= command.is(Command.Role.TRANSFER);
        }
        if (!found) {
            return null;
        }
        while (!waiting.element().is(Command.Role.TRANSFER)) {
            unanswered.add(first());
        }
        Pending transfer = waiting.element();
        transfer.started = true;
        return transfer;
    }

    /** True if a command waits for an announcing reply of this code. */
    boolean expects(int code) {
        for (Pending command : waiting) {
            if (command.announcingCode() == code) {
                return true;
            }
        }
        return false;
    }

    /** 227 to 229 name what they answer: in doubt, what waits before it was answered unseen. */
    private void skipTo(int code, List<Pending> unanswered) {
        if (!expects(code)) {
            return;
        }
        while (waiting.element().announcingCode() != code) {
            unanswered.add(first());
        }
        step = Step.SURE;
    }

    private Pending first() {
        Pending head = waiting.element();
        remove(head);
        return head;
    }

    private void remove(Pending command) {
        if (waiting.remove(command)) {
            memory.give(command.bytes());
        }
    }

    /** RFC 959 section 5.4: 225 or 226, or an error. */
    private static boolean mayAnswerAbort(int code) {
        return code == Replies.ABORT_DONE
                || code == Replies.TRANSFER_DONE
                || Replies.isFailure(code);
    }

    /** RFC 959 section 4.1.3: STAT may be sent, and answered, during a transfer. */
    private Pending outOfTurn(Pending transfer, int code) {
        Iterator<Pending> queue = waiting.iterator();
        queue.next();
        Pending next = queue.next();
        boolean status = next.is(Command.Role.STATUS) && Replies.isStatus(code);
        boolean quit = next.is(Command.Role.QUIT) && code == Replies.GOODBYE;
        return status || quit ? next : transfer;
    }
}
