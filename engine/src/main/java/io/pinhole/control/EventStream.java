package io.pinhole.control;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.pinhole.control.api.Subscription;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Events to one client, as the EventSource of a browser reads them (HTML, server-sent events). One
 * virtual thread. A client that does not read loses events, is told how many, and after a while its
 * connection.
 */
final class EventStream {
    private static final Duration QUIET = Duration.ofSeconds(10);
    private static final long PATIENCE_SECONDS = 30;

    private final Channel channel;
    private final Subscription events;
    private final Set<String> kinds;
    private long told;

    /**
     * @param kinds the only ones wanted; empty for all
     */
    EventStream(Channel channel, Subscription events, Set<String> kinds) {
        this.channel = channel;
        this.events = events;
        this.kinds = kinds;
    }

    /** Runs until the client goes, does not read, or {@code going} says no. */
    void run(BooleanSupplier going) throws InterruptedException {
        HttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        head.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "text/event-stream")
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .set("X-Content-Type-Options", "nosniff")
                .set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
        if (!written(channel.writeAndFlush(head)) || !write(": here\n\n")) {
            return;
        }
        while (going.getAsBoolean() && channel.isActive()) {
            Subscription.Item item = events.next(QUIET);
            long dropped = events.dropped();
            if (dropped > told) {
                String lost = "event: dropped\ndata: {\"dropped\":" + (dropped - told) + "}\n\n";
                told = dropped;
                if (!write(lost)) {
                    return;
                }
            }
            String text =
                    item == null
                            ? ": still here\n\n"
                            : kinds.isEmpty() || kinds.contains(item.kind())
                                    ? "id: %d\nevent: %s\ndata: %s\n\n"
                                            .formatted(item.number(), item.kind(), item.json())
                                    : "";
            if (!text.isEmpty() && !write(text)) {
                return;
            }
        }
    }

    private boolean write(String text) throws InterruptedException {
        ByteBuf bytes = Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
        return written(channel.writeAndFlush(new DefaultHttpContent(bytes)));
    }

    /** Waits for the kernel to take it: what piles up is the subscription's to drop and count. */
    private static boolean written(ChannelFuture future) throws InterruptedException {
        return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS) && future.isSuccess();
    }
}
