package io.pinhole.control.api;

import java.util.List;

/**
 * A running gateway. Callable from any thread. Commands run on the packet threads between batches,
 * in bounded pieces: a caller waits, packets do not.
 *
 * <p>A command that finds the gateway stopping, or too busy to answer within five seconds, throws
 * {@link GatewayBusyException}.
 */
public interface Gateway {
    /** Numbers since the start; reads counters, never waits for a packet thread. */
    Stats stats();

    /**
     * A page of the flow table, in no particular order.
     *
     * @param cursor empty for the first page, then {@link Page#next()} of the page before
     * @param limit rows at most, 1 to 1000
     */
    Page<Flow> flows(FlowFilter filter, String cursor, int limit);

    /** A page of the pinholes that wait for their connection; arguments as in {@link #flows}. */
    Page<Pinhole> pinholes(String cursor, int limit);

    /** The rules in force in the order of their text, with what they matched so far. */
    List<RuleCounters> rules();

    /**
     * Subscribes to what happens. The subscription holds at most {@code capacity} events; what does
     * not fit is dropped and counted, the gateway never waits for a reader.
     *
     * @param capacity 1 to 65,536
     */
    Subscription subscribe(int capacity);

    /**
     * Reads the rule set again from where it came from and puts it in force, all or nothing.
     *
     * @param dryRun only say what would happen
     */
    ReloadResult reload(boolean dryRun);

    /**
     * Removes a flow, in the kernel too: what follows of it is judged as belonging to no flow.
     *
     * @param id as in {@link Flow#id()}
     * @return false if there is none
     */
    boolean deleteFlow(String id);

    /**
     * Closes a waiting pinhole.
     *
     * @param id as in {@link Pinhole#id()}
     * @return false if there is none
     */
    boolean deletePinhole(String id);
}
