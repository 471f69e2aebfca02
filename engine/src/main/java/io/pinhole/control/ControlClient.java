package io.pinhole.control;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Asks a running gateway. One request at a time; one thread. */
public final class ControlClient implements AutoCloseable {
    private static final int CONNECT_MILLIS = 5_000;
    private static final int ANSWER_SECONDS = 30;
    private static final int MAX_ANSWER = 64 << 20;

    /**
     * Where to ask.
     *
     * @param authority PEM file with the certificates to trust; null for no TLS
     */
    public record Target(
            ControlAddress address, @Nullable String token, @Nullable Path authority) {}

    /** A whole answer. */
    public record Reply(int status, String body) {}

    private final Target target;
    private final MultiThreadIoEventLoopGroup loops;

    public ControlClient(Target target) {
        this.target = target;
        NettyDefaults.set();
        loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    }

    /**
     * Asks for something that ends.
     *
     * @throws ControlException if there is no answer
     */
    public Reply ask(String method, String path) throws ControlException, InterruptedException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (Exchange exchange = open(method, path)) {
            int status = exchange.status(ANSWER_SECONDS);
            for (byte[] part = exchange.next(ANSWER_SECONDS);
                    part.length > 0;
                    part = exchange.next(ANSWER_SECONDS)) {
                if (body.size() + part.length > MAX_ANSWER) {
                    throw new ControlException("the answer is over 64 MiB");
                }
                body.writeBytes(part);
            }
            return new Reply(status, body.toString(StandardCharsets.UTF_8));
        }
    }

    /**
     * Asks for something that goes on: bytes as they come.
     *
     * @throws ControlException if there is no answer, or it is an error
     */
    public InputStream stream(String path) throws ControlException, InterruptedException {
        Exchange exchange = open("GET", path);
        int status = exchange.status(ANSWER_SECONDS);
        if (status != 200) {
            exchange.close();
            throw new ControlException("the gateway answers " + status);
        }
        return new BodyStream(exchange);
    }

    private Exchange open(String method, String path)
            throws ControlException, InterruptedException {
        SslContext tls = tls();
        boolean unix = target.address() instanceof ControlAddress.Unix;
        Exchange exchange = new Exchange();
        Bootstrap bootstrap =
                new Bootstrap()
                        .group(loops)
                        .channel(unix ? NioDomainSocketChannel.class : NioSocketChannel.class)
                        .option(ChannelOption.AUTO_READ, false)
                        .handler(
                                new ChannelInitializer<Channel>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        if (tls != null
                                                && target.address()
                                                        instanceof
                                                        ControlAddress.Tcp(var host, int port)) {
                                            channel.pipeline()
                                                    .addLast(
                                                            tls.newHandler(
                                                                    channel.alloc(),
                                                                    host.toString(),
                                                                    port));
                                        }
                                        channel.pipeline()
                                                .addLast(new HttpClientCodec())
                                                .addLast(exchange);
                                    }
                                });
        if (!unix) {
            bootstrap.option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS);
        }
        var connected = bootstrap.connect(target.address().socket());
        connected.await();
        if (!connected.isSuccess()) {
            throw new ControlException(
                    "no gateway answers at "
                            + target.address()
                            + ": "
                            + connected.cause().getMessage());
        }
        exchange.channel = connected.channel();
        FullHttpRequest request =
                new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.valueOf(method), path);
        request.headers().set(HttpHeaderNames.HOST, host());
        request.headers().set(HttpHeaderNames.CONTENT_LENGTH, 0);
        String token = target.token();
        if (token != null) {
            request.headers().set(HttpHeaderNames.AUTHORIZATION, "Bearer " + token);
        }
        var _ = connected.channel().writeAndFlush(request); // a failure closes the channel
        connected.channel().read();
        return exchange;
    }

    private String host() {
        return target.address() instanceof ControlAddress.Tcp tcp ? tcp.toString() : "localhost";
    }

    private @Nullable SslContext tls() throws ControlException {
        Path authority = target.authority();
        if (authority == null) {
            return null;
        }
        try {
            return SslContextBuilder.forClient()
                    .sslProvider(SslProvider.JDK)
                    .trustManager(authority.toFile())
                    .build();
        } catch (SSLException | IllegalArgumentException e) {
            throw new ControlException("cannot use " + authority + ": " + e.getMessage());
        }
    }

    @Override
    public void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }

    /** Hands over what comes, and reads on only when it was taken. */
    private static final class Exchange extends SimpleChannelInboundHandler<HttpObject>
            implements AutoCloseable {
        private static final byte[] END = {};

        private final BlockingQueue<Object> came = new ArrayBlockingQueue<>(1024);
        private @Nullable Channel channel;

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, HttpObject part) {
            if (part instanceof HttpResponse response) {
                came.add(response.status().code());
            }
            if (part instanceof HttpContent content && content.content().isReadable()) {
                byte[] bytes = new byte[content.content().readableBytes()];
                content.content().readBytes(bytes);
                came.add(bytes);
            }
            if (part instanceof LastHttpContent) {
                came.add(END);
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            if (came.size() < 512) {
                ctx.read();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            came.offer(END);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            came.offer(new ControlException("the connection failed: " + cause.getMessage()));
            var _ = ctx.close();
        }

        private Object take(int seconds) throws ControlException, InterruptedException {
            Channel open = channel;
            if (open != null) {
                open.read();
            }
            Object next = seconds == 0 ? came.take() : came.poll(seconds, TimeUnit.SECONDS);
            if (next == null) {
                throw new ControlException("the gateway does not answer");
            }
            if (next instanceof ControlException failure) {
                throw failure;
            }
            return next;
        }

        int status(int seconds) throws ControlException, InterruptedException {
            if (take(seconds) instanceof Integer status) {
                return status;
            }
            throw new ControlException("the connection was closed without an answer");
        }

        /** The next bytes; none at the end. */
        byte[] next(int seconds) throws ControlException, InterruptedException {
            return take(seconds) instanceof byte[] bytes ? bytes : END;
        }

        @Override
        public void close() {
            Channel open = channel;
            if (open != null) {
                var _ = open.close();
            }
        }
    }

    /** A stream of what comes. */
    private static final class BodyStream extends InputStream {
        private final Exchange exchange;
        private byte[] part = new byte[0];
        private int at;
        private boolean over;

        BodyStream(Exchange exchange) {
            this.exchange = exchange;
        }

        @Override
        public int read() throws java.io.IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] to, int from, int length) throws java.io.IOException {
            if (length == 0) {
                return 0;
            }
            while (at == part.length && !over) {
                try {
                    part = exchange.next(0);
                } catch (ControlException e) {
                    throw new java.io.IOException(e.getMessage(), e);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new java.io.InterruptedIOException();
                }
                at = 0;
                over = part.length == 0;
            }
            if (over) {
                return -1;
            }
            int n = Math.min(length, part.length - at);
            System.arraycopy(part, at, to, from, n);
            at += n;
            return n;
        }

        @Override
        public void close() {
            exchange.close();
        }
    }
}
