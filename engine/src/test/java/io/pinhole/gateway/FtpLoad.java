package io.pinhole.gateway;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * FTP sessions by the hundred thousand, each with a login and one transfer: a driver, and a server
 * that keeps up with it. Programs of their own, for network namespaces.
 */
final class FtpLoad {
    private static final int TIMEOUT_MILLIS = 30_000;
    private static final String[] MODES = {"PASV", "EPSV", "PORT", "EPRT", "EPSV6", "EPRT6"};

    private FtpLoad() {}

    /** One side of a control connection. */
    private static final class Line implements AutoCloseable {
        final Socket socket;
        private final InputStream in;
        private final OutputStream out;

        Line(Socket socket) throws IOException {
            this.socket = socket;
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            in = new BufferedInputStream(socket.getInputStream());
            out = socket.getOutputStream();
        }

        void say(String text) throws IOException {
            out.write((text + "\r\n").getBytes(StandardCharsets.US_ASCII));
        }

        String hear() throws IOException {
            StringBuilder line = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new EOFException(line.toString());
                }
                if (c != '\r') {
                    line.append((char) c);
                }
            }
            return line.toString();
        }

        /** A reply, the last line of several; its first digit must be one of these. */
        String reply(String digits) throws IOException {
            String line = hear();
            if (line.length() > 3 && line.charAt(3) == '-') {
                String end = line.substring(0, 3) + " ";
                do {
                    line = hear();
                } while (!line.startsWith(end));
            }
            if (digits.indexOf(line.charAt(0)) < 0) {
                throw new IOException("said: " + line);
            }
            return line;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static byte[] bytes(InputStream in) throws IOException {
        return in.readAllBytes();
    }

    // ---- driver ----

    /**
     * {@code SECONDS FILE THREADS,HOST4,HOST6,PORT,NAME...}: sessions with each server, until the
     * time is over; prints how many, and what went wrong.
     */
    public static final class Client {
        private static final AtomicInteger FAILED = new AtomicInteger();

        private Client() {}

        public static void main(String[] arguments) throws Exception {
            long end = System.nanoTime() + Long.parseLong(arguments[0]) * 1_000_000_000L;
            byte[] file = Files.readAllBytes(Path.of(arguments[1]));
            List<Thread> threads = new ArrayList<>();
            List<Runnable> said = new ArrayList<>();
            for (String target : Arrays.asList(arguments).subList(2, arguments.length)) {
                String[] parts = target.split(",");
                AtomicLong done = new AtomicLong();
                for (int i = 0; i < Integer.parseInt(parts[0]); i++) {
                    int first = i;
                    threads.add(
                            Thread.ofVirtual().start(() -> work(parts, first, end, file, done)));
                }
                said.add(() -> System.out.println("sessions " + parts[4] + " " + done));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            said.forEach(Runnable::run);
            System.out.println("failed " + FAILED);
        }

        private static void work(
                String[] parts, int first, long end, byte[] file, AtomicLong done) {
            for (int n = first; System.nanoTime() - end < 0; n++) {
                String mode = MODES[n % MODES.length];
                try {
                    session(parts, mode, n % 4 == 3 && parts[4].equals("ours"), file);
                    done.incrementAndGet();
                } catch (IOException e) {
                    if (FAILED.incrementAndGet() < 20) {
                        System.out.println(parts[4] + " " + mode + ": " + e);
                    }
                }
            }
        }

        private static void session(String[] parts, String mode, boolean put, byte[] file)
                throws IOException {
            String host = mode.endsWith("6") ? parts[2] : parts[1];
            Socket control = new Socket();
            control.connect(
                    new InetSocketAddress(InetAddress.getByName(host), Integer.parseInt(parts[3])),
                    TIMEOUT_MILLIS);
            try (Line line = new Line(control)) {
                line.reply("2");
                line.say("USER anonymous");
                line.reply("3");
                line.say("PASS soak@example.net");
                line.reply("2");
                line.say("TYPE I");
                line.reply("2");
                transfer(line, mode, put, file);
                line.say("QUIT");
                line.reply("2");
            }
        }

        private static void transfer(Line line, String mode, boolean put, byte[] file)
                throws IOException {
            String command = put ? "STOR incoming/soak" : "RETR pub/small.txt";
            if (mode.startsWith("P") && mode.endsWith("V") || mode.startsWith("EPSV")) {
                line.say(mode.startsWith("EPSV") ? "EPSV" : "PASV");
                int port = port(line.reply("2"));
                line.say(command);
                try (Socket data = new Socket()) {
                    data.connect(
                            new InetSocketAddress(line.socket.getInetAddress(), port),
                            TIMEOUT_MILLIS);
                    carry(line, data, put, file);
                }
            } else {
                InetAddress own = line.socket.getLocalAddress();
                try (ServerSocket listener = new ServerSocket(0, 1, own)) {
                    listener.setSoTimeout(TIMEOUT_MILLIS);
                    int port = listener.getLocalPort();
                    String address = own.getHostAddress();
                    line.say(
                            switch (mode) {
                                case "PORT" ->
                                        "PORT %s,%d,%d"
                                                .formatted(
                                                        address.replace('.', ','),
                                                        port >> 8,
                                                        port & 255);
                                case "EPRT" -> "EPRT |1|" + address + "|" + port + "|";
                                default -> "EPRT |2|" + address + "|" + port + "|";
                            });
                    line.reply("2");
                    line.say(command);
                    try (Socket data = listener.accept()) {
                        carry(line, data, put, file);
                    }
                }
            }
        }

        private static void carry(Line line, Socket data, boolean put, byte[] file)
                throws IOException {
            data.setSoTimeout(TIMEOUT_MILLIS);
            line.reply("1");
            if (put) {
                data.getOutputStream().write(file);
                data.shutdownOutput();
                if (data.getInputStream().read() >= 0) {
                    throw new IOException("the server sent data");
                }
            } else if (!Arrays.equals(file, bytes(data.getInputStream()))) {
                throw new IOException("the file differs");
            }
            line.reply("2");
        }

        private static int port(String reply) {
            String[] numbers = reply.substring(4).replaceAll("[^0-9]+", " ").strip().split(" ");
            int n = numbers.length;
            return n < 6
                    ? Integer.parseInt(numbers[n - 1])
                    : Integer.parseInt(numbers[n - 2]) << 8 | Integer.parseInt(numbers[n - 1]);
        }
    }

    // ---- server ----

    /** {@code PORT FILE}: serves one file, takes any. */
    public static final class Server {
        private Server() {}

        public static void main(String[] arguments) throws Exception {
            byte[] file = Files.readAllBytes(Path.of(arguments[1]));
            try (ServerSocket listener = new ServerSocket(Integer.parseInt(arguments[0]), 512)) {
                System.out.println("listening");
                while (true) {
                    Socket control = listener.accept();
                    Thread.ofVirtual().start(() -> serve(control, file));
                }
            }
        }

        private static void serve(Socket control, byte[] file) {
            try (Line line = new Line(control)) {
                new Session(line, file).run();
            } catch (IOException e) {
                // The client went; it tells what it missed.
            }
        }
    }

    private static final class Session {
        private final Line line;
        private final byte[] file;
        private ServerSocket passive;
        private InetSocketAddress active;

        Session(Line line, byte[] file) {
            this.line = line;
            this.file = file;
        }

        void run() throws IOException {
            line.say("220 ready");
            try {
                for (String said = line.hear(); ; said = line.hear()) {
                    String command = said.substring(0, 4).toUpperCase(Locale.ROOT);
                    String argument = said.length() > 5 ? said.substring(5) : "";
                    if (command.equals("QUIT")) {
                        line.say("221 bye");
                        return;
                    }
                    answer(command, argument);
                }
            } finally {
                if (passive != null) {
                    passive.close();
                }
            }
        }

        private void answer(String command, String argument) throws IOException {
            switch (command) {
                case "USER" -> line.say("331 and the password");
                case "PASS" -> line.say("230 in");
                case "TYPE" -> line.say("200 so be it");
                case "PASV", "EPSV" -> {
                    InetAddress own = line.socket.getLocalAddress();
                    passive = new ServerSocket(0, 1, own);
                    passive.setSoTimeout(TIMEOUT_MILLIS);
                    int port = passive.getLocalPort();
                    line.say(
                            command.equals("EPSV")
                                    ? "229 Entering Extended Passive Mode (|||" + port + "|)"
                                    : "227 Entering Passive Mode (%s,%d,%d)"
                                            .formatted(
                                                    own.getHostAddress().replace('.', ','),
                                                    port >> 8,
                                                    port & 255));
                }
                case "PORT" -> {
                    String[] n = argument.split(",");
                    to(Integer.parseInt(n[4]) << 8 | Integer.parseInt(n[5]));
                }
                case "EPRT" -> to(Integer.parseInt(argument.split("\\|")[3]));
                case "RETR", "STOR" -> transfer(command.equals("STOR"));
                default -> line.say("500 what?");
            }
        }

        private void to(int port) throws IOException {
            active = new InetSocketAddress(line.socket.getInetAddress(), port);
            line.say("200 so be it");
        }

        private void transfer(boolean put) throws IOException {
            line.say("150 here");
            try (Socket data = passive != null ? passive.accept() : new Socket()) {
                data.setSoTimeout(TIMEOUT_MILLIS);
                if (!data.isConnected()) {
                    data.connect(active, TIMEOUT_MILLIS);
                }
                if (put && !Arrays.equals(file, bytes(data.getInputStream()))) {
                    line.say("451 the file differs");
                    return;
                }
                if (!put) {
                    data.getOutputStream().write(file);
                }
            }
            line.say("226 done");
        }
    }
}
