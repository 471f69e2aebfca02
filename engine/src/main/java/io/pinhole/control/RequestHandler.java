package io.pinhole.control;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.timeout.IdleStateEvent;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: who asks, what for, and the answer. Runs on the event loop, waits for nothing.
 */
final class RequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(RequestHandler.class);
    private static final String BEARER = "Bearer ";

    /** Nothing from elsewhere, nothing inline but what the page itself holds, in no frame. */
    private static final String POLICY =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
                    + " connect-src 'self'; frame-ancestors 'none'; base-uri 'none';"
                    + " form-action 'none'";

    private final ControlServer server;
    private final byte @Nullable [] token;

    /**
     * True from a request until the kernel has taken the answer; no second one is taken meanwhile,
     * or answers to a client that does not read would pile up.
     */
    private boolean busy;

    /** True while the answer waits for a client to read. */
    private boolean unread;

    RequestHandler(ControlServer server, @Nullable String token) {
        this.server = server;
        this.token = token == null ? null : token.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
        boolean keep = HttpUtil.isKeepAlive(request);
        if (busy) {
            var _ = ctx.close();
            return;
        }
        busy = true;
        if (!request.decoderResult().isSuccess()) {
            boolean tooLong = request.decoderResult().cause() instanceof TooLongFrameException;
            finish(
                    ctx,
                    Answer.error(tooLong ? 431 : 400, "not a request that is understood"),
                    false);
            return;
        }
        Answer refusal = refusal(request);
        if (refusal != null) {
            finish(ctx, refusal, keep);
            return;
        }
        QueryStringDecoder query;
        String path;
        try {
            query = new QueryStringDecoder(request.uri(), StandardCharsets.UTF_8, true, 16);
            path = query.path();
            query.parameters();
        } catch (IllegalArgumentException e) {
            finish(ctx, Answer.error(400, "the address is not encoded as RFC 3986 asks"), keep);
            return;
        }
        Route route = Route.of(request.method(), path);
        if (route == null) {
            boolean known = Route.isPath(path);
            finish(
                    ctx,
                    Answer.error(
                            known ? 405 : 404,
                            known ? "not with that method" : "nothing there; see /openapi.yaml"),
                    keep);
            return;
        }
        if (route == Route.EVENTS) {
            server.stream(ctx.channel(), query);
            return;
        }
        boolean accepted =
                server.work(
                        () -> {
                            Answer answer = server.requests().answer(route, query);
                            ctx.channel().eventLoop().execute(() -> finish(ctx, answer, keep));
                        },
                        () ->
                                ctx.channel()
                                        .eventLoop()
                                        .execute(
                                                () ->
                                                        finish(
                                                                ctx,
                                                                Answer.error(500, "internal error"),
                                                                false)));
        if (!accepted) {
            finish(ctx, Answer.error(503, "too many requests at once; try again"), keep);
        }
    }

    /** Null if whoever asks may ask. */
    private @Nullable Answer refusal(FullHttpRequest request) {
        String given = request.headers().get(HttpHeaderNames.AUTHORIZATION, "");
        if (token != null) {
            byte[] sent =
                    given.startsWith(BEARER)
                            ? given.substring(BEARER.length()).getBytes(StandardCharsets.UTF_8)
                            : new byte[0];
            if (!MessageDigest.isEqual(token, sent)) {
                return Answer.error(401, "send the token: Authorization: Bearer …");
            }
            return null;
        }
        // Without a token a web page elsewhere must not reach it through the user's browser: not by
        // a name that it made point here (DNS rebinding), not by a form.
        String host = request.headers().get(HttpHeaderNames.HOST, "");
        if (!server.isOwnName(host)) {
            return Answer.error(421, "not served under that name");
        }
        String origin = request.headers().get(HttpHeaderNames.ORIGIN);
        if (origin != null
                && !origin.equals("http://" + host)
                && !origin.equals("https://" + host)) {
            return Answer.error(403, "not from another origin");
        }
        return null;
    }

    private void finish(ChannelHandlerContext ctx, Answer answer, boolean keep) {
        unread = true;
        FullHttpResponse response =
                new DefaultFullHttpResponse(
                        HttpVersion.HTTP_1_1,
                        HttpResponseStatus.valueOf(answer.status()),
                        Unpooled.wrappedBuffer(answer.bytes()));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, answer.type())
                .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes())
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .set("X-Content-Type-Options", "nosniff")
                .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, POLICY);
        if (answer.status() == 401) {
            response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
        }
        HttpUtil.setKeepAlive(response, keep);
        var _ =
                ctx.writeAndFlush(response)
                        .addListener(
                                f -> {
                                    if (!keep) {
                                        var _ = ctx.close();
                                    }
                                    unread = false;
                                    busy = false;
                                });
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        // An event stream is silent in one direction; its writer looks after the other.
        if (event instanceof IdleStateEvent && (!busy || unread)) {
            var _ = ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("control connection ended", cause);
        var _ = ctx.close();
    }
}
