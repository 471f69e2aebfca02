package io.pinhole.control;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.timeout.IdleStateHandler;
import io.pinhole.control.api.Gateway;
import io.pinhole.control.api.GatewayBusyException;
import io.pinhole.control.api.Subscription;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the control API of a gateway. Bounds: {@value #MAX_CONNECTIONS} connections, {@value
 * #MAX_WORK} requests being answered, {@value #MAX_STREAMS} event streams of {@value
 * #STREAM_EVENTS} events, requests of 8 KiB; a connection that asks nothing for 30 seconds ends.
 */
public final class ControlServer implements AutoCloseable {
    static final int MAX_CONNECTIONS = 256;
    static final int MAX_WORK = 32;
    static final int MAX_STREAMS = 64;
    static final int STREAM_EVENTS = 4096;

    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
    private static final int MAX_LINE = 4096;
    private static final int MAX_HEADERS = 8192;
    private static final int MAX_BODY = 1024;
    private static final int IDLE_SECONDS = 30;

    private final Gateway gateway;
    private final ControlOptions options;
    private final Requests requests;
    private final Semaphore work = new Semaphore(MAX_WORK);
    private final AtomicInteger streams = new AtomicInteger();
    private final AtomicInteger connections = new AtomicInteger();
    private final MultiThreadIoEventLoopGroup loops;
    private volatile boolean going = true;
    private @Nullable Channel listener;

    private ControlServer(Gateway gateway, ControlOptions options) {
        NettyDefaults.set();
        this.gateway = gateway;
        this.options = options;
        requests = new Requests(gateway, streams::get);
        loops =
                new MultiThreadIoEventLoopGroup(
                        1,
                        Thread.ofPlatform().name("pinhole-control").daemon().factory(),
                        NioIoHandler.newFactory());
    }

    /**
     * Listens.
     *
     * @throws ControlException if the options make no sense or the address cannot be had; the
     *     message says why
     */
    public static ControlServer start(Gateway gateway, ControlOptions options)
            throws ControlException {
        String problem = options.problem();
        if (problem != null) {
            throw new ControlException("control API: " + problem);
        }
        ControlServer server = new ControlServer(gateway, options);
        try {
            server.listen();
        } catch (ControlException e) {
            server.close();
            throw e;
        }
        return server;
    }

    private void listen() throws ControlException {
        SslContext tls = tls();
        boolean unix = options.address() instanceof ControlAddress.Unix;
        if (options.address() instanceof ControlAddress.Unix(Path path)) {
            makeRoom(path);
        }
        ServerBootstrap bootstrap =
                new ServerBootstrap()
                        .group(loops)
                        .channel(
                                unix
                                        ? NioServerDomainSocketChannel.class
                                        : NioServerSocketChannel.class)
                        .childOption(
                                ChannelOption.WRITE_BUFFER_WATER_MARK,
                                new WriteBufferWaterMark(16 << 10, 64 << 10))
                        .childHandler(
                                new ChannelInitializer<Channel>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        ControlServer.this.init(channel, tls);
                                    }
                                });
        try {
            listener = bootstrap.bind(options.address().socket()).sync().channel();
            if (options.address() instanceof ControlAddress.Unix(Path path)) {
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw----"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException("control API: interrupted");
        } catch (Exception e) { // Netty throws what bind met, checked or not
            throw new ControlException(
                    "control API: cannot listen on " + options.address() + ": " + e.getMessage());
        }
    }

    /** A socket file that nobody listens to is left from a gateway that was killed. */
    private static void makeRoom(Path path) throws ControlException {
        if (!Files.exists(path)) {
            return;
        }
        try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            throw new ControlException(
                    "control API: "
                            + path
                            + " is in use by another gateway; --control names another");
        } catch (IOException e) {
            // Nobody answers.
        }
        try {
            if (Files.isRegularFile(path) || Files.isDirectory(path)) {
                throw new ControlException("control API: " + path + " is there and is no socket");
            }
            Files.delete(path);
        } catch (IOException e) {
            throw new ControlException(
                    "control API: cannot replace " + path + ": " + e.getMessage());
        }
    }

    private @Nullable SslContext tls() throws ControlException {
        Path certificate = options.certificate();
        Path key = options.key();
        if (certificate == null || key == null) {
            return null;
        }
        try {
            return SslContextBuilder.forServer(certificate.toFile(), key.toFile())
                    .sslProvider(SslProvider.JDK)
                    .protocols("TLSv1.3", "TLSv1.2")
                    .build();
        } catch (SSLException | IllegalArgumentException e) {
            throw new ControlException(
                    "control API: cannot use "
                            + certificate
                            + " with "
                            + key
                            + ": "
                            + e.getMessage());
        }
    }

    private void init(Channel channel, @Nullable SslContext tls) {
        if (connections.incrementAndGet() > MAX_CONNECTIONS) {
            connections.decrementAndGet();
            var _ = channel.close();
            return;
        }
        var _ = channel.closeFuture().addListener(f -> connections.decrementAndGet());
        if (tls != null) {
            channel.pipeline().addLast(tls.newHandler(channel.alloc()));
        }
        channel.pipeline()
                .addLast(new IdleStateHandler(IDLE_SECONDS, 0, 0))
                .addLast(new HttpServerCodec(MAX_LINE, MAX_HEADERS, 8192))
                .addLast(new HttpObjectAggregator(MAX_BODY, true))
                .addLast(new RequestHandler(this, options.token()));
    }

    Requests requests() {
        return requests;
    }

    /** Where it listens; for port 0 the port that it got. */
    public ControlAddress address() {
        if (options.address() instanceof ControlAddress.Tcp(var address, int port)
                && listener != null
                && listener.localAddress() instanceof InetSocketAddress bound) {
            return new ControlAddress.Tcp(address, bound.getPort());
        }
        return options.address();
    }

    /** False for a Host header under which a page elsewhere may have come here. */
    boolean isOwnName(String host) {
        if (options.address() instanceof ControlAddress.Unix) {
            return true;
        }
        int colon = host.lastIndexOf(':');
        String name = colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
        return Set.of("localhost", "127.0.0.1", "[::1]").contains(name.toLowerCase(Locale.ROOT))
                || (options.address() instanceof ControlAddress.Tcp tcp
                        && (name.equals(tcp.address().toString())
                                || name.equals("[" + tcp.address() + "]")));
    }

    /**
     * Runs something on a thread that may wait.
     *
     * @return false if there is too much of it already
     */
    boolean work(Runnable task, Runnable failed) {
        if (!work.tryAcquire()) {
            return false;
        }
        Thread.ofVirtual()
                .start(
                        () -> {
                            try {
                                task.run();
                            } catch (RuntimeException e) {
                                LOG.warn("control API: a request failed", e);
                                failed.run();
                            } finally {
                                work.release();
                            }
                        });
        return true;
    }

    /** Sends events until the client goes. */
    void stream(Channel channel, QueryStringDecoder query) {
        Set<String> kinds = new HashSet<>();
        for (String list : query.parameters().getOrDefault("kind", List.of())) {
            kinds.addAll(List.of(list.split(",")));
        }
        if (streams.incrementAndGet() > MAX_STREAMS) {
            streams.decrementAndGet();
            var _ = channel.close();
            return;
        }
        Thread.ofVirtual()
                .start(
                        () -> {
                            try (Subscription events = gateway.subscribe(STREAM_EVENTS)) {
                                new EventStream(channel, events, kinds).run(() -> going);
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            } catch (GatewayBusyException e) {
                                LOG.debug("control API: no events", e);
                            } finally {
                                streams.decrementAndGet();
                                var _ = channel.close();
                            }
                        });
    }

    @Override
    public void close() {
        going = false;
        Channel open = listener;
        if (open != null) {
            open.close().awaitUninterruptibly(1, TimeUnit.SECONDS);
            if (options.address() instanceof ControlAddress.Unix(Path path)) {
                try {
                    Files.deleteIfExists(path);
                } catch (IOException e) {
                    LOG.warn("control API: cannot remove {}: {}", path, e.getMessage());
                }
            }
        }
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
