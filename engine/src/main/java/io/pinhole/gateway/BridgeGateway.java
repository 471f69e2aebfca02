package io.pinhole.gateway;

/** placeholder */
public abstract class BridgeGateway extends InlineGateway implements AutoCloseable {
    BridgeGateway(GatewayOptions o, RuleSource r, io.pinhole.rule.RuleSet s, EventHub e) {
        super(o, r, s, e);
    }

    public static BridgeGateway start(
            GatewayOptions options,
            String first,
            String second,
            RuleSource source,
            EventRenderer renderer,
            boolean jsonLog,
            String program)
            throws GatewayException {
        throw new GatewayException("not yet");
    }

    @Override
    public abstract void close();
}
