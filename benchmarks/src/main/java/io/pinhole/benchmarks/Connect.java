package io.pinhole.benchmarks;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Iterator;

/**
 * New TCP connections a second: opened, accepted, reset. Needs nothing but itself, so that {@code
 * gateway.sh} runs the source file.
 *
 * <p>{@code serve FIRST-PORT PORTS}, or {@code connect HOST FIRST-PORT PORTS SECONDS IN-FLIGHT},
 * which prints the rate, and how many failed.
 */
public final class Connect {
    private Connect() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("serve")) {
            serve(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]));
        } else {
            connect(
                    InetAddress.getByName(arguments[1]),
                    Integer.parseInt(arguments[2]),
                    Integer.parseInt(arguments[3]),
                    Integer.parseInt(arguments[4]),
                    Integer.parseInt(arguments[5]));
        }
    }

    private static void serve(int first, int ports) throws Exception {
        Selector selector = Selector.open();
        for (int i = 0; i < ports; i++) {
            ServerSocketChannel listener = ServerSocketChannel.open();
            listener.bind(new InetSocketAddress(first + i), 4096);
            listener.configureBlocking(false);
            listener.register(selector, SelectionKey.OP_ACCEPT, listener);
        }
        System.out.println("listening");
        while (true) {
            selector.select(
                    key -> {
                        try {
                            SocketChannel accepted = ((ServerSocketChannel) key.channel()).accept();
                            if (accepted != null) {
                                accepted.close();
                            }
                        } catch (java.io.IOException e) {
                            // reset before it was accepted
                        }
                    });
        }
    }

    private static void connect(InetAddress host, int first, int ports, int seconds, int inFlight)
            throws Exception {
        InetSocketAddress[] targets = new InetSocketAddress[ports];
        for (int i = 0; i < ports; i++) {
            targets[i] = new InetSocketAddress(host, first + i);
        }
        try (Selector selector = Selector.open()) {
            int next = 0;
            for (int i = 0; i < inFlight; i++) {
                open(selector, targets[next++ % ports]);
            }
            long done = 0;
            long failed = 0;
            long start = System.nanoTime();
            long end = start + seconds * 1_000_000_000L;
            while (System.nanoTime() - end < 0) {
                selector.select(1000);
                Iterator<SelectionKey> ready = selector.selectedKeys().iterator();
                while (ready.hasNext()) {
                    SelectionKey key = ready.next();
                    ready.remove();
                    try (SocketChannel channel = (SocketChannel) key.channel()) {
                        channel.finishConnect();
                        done++;
                    } catch (java.io.IOException e) {
                        failed++;
                    }
                    open(selector, targets[next++ % ports]);
                }
            }
            double taken = (System.nanoTime() - start) / 1e9;
            System.out.printf("%.0f %d%n", done / taken, failed);
        }
    }

    private static void open(Selector selector, InetSocketAddress to) throws Exception {
        SocketChannel channel = SocketChannel.open();
        channel.setOption(StandardSocketOptions.SO_LINGER, 0); // closed by a reset: no TIME-WAIT
        channel.configureBlocking(false);
        channel.connect(to);
        channel.register(selector, SelectionKey.OP_CONNECT);
    }
}
