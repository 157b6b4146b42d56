import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * HTTP/1.1 with keep-alive, and a drain that cuts nobody: connections waiting in the backlog are still taken, an idle
 * kept-alive connection may send one more request, and every answer given while draining says "Connection: close".
 */
final class Http {
    record Request(String method, String path, String body, boolean keepAlive) {}

    record Answer(int status, String type, String body) {
        static Answer json(int status, String body) {
            return new Answer(status, "application/json", body);
        }

        static Answer text(int status, String body) {
            return new Answer(status, "text/plain", body);
        }
    }

    interface Handler {
        Answer answer(Request request);
    }

    private static final int LOOK_MS = 50;
    private static final int IDLE_MS = 60_000;
    private static final int REQUEST_MS = 10_000;
    /** How long an idle kept-alive connection is given for one more request while draining. */
    private static final int LAST_REQUEST_MS = 3_000;
    private static final int MAX_BODY = 65_536;

    private final ServerSocket listener = new ServerSocket();
    private final ThreadPoolExecutor pool;
    private final Handler handler;
    private volatile long drainStarted;
    private final CountDownLatch closed = new CountDownLatch(1);

    Http(int port, int threads, Handler handler) throws IOException {
        this.handler = handler;
        pool = new ThreadPoolExecutor(8, threads, 30, TimeUnit.SECONDS, new SynchronousQueue<>());
        listener.setReuseAddress(true);
        listener.bind(new InetSocketAddress(port), 256);
        listener.setSoTimeout(LOOK_MS);
    }

    /** Returns when the listener is closed, that is while draining. */
    void serve() throws IOException {
        while (true) {
            long started = drainStarted;
            try {
                hand(listener.accept());
            } catch (SocketTimeoutException nobody) {
                if (started != 0) {
                    break;
                }
            }
            if (started != 0 && millisSince(started) > 4 * LOOK_MS) {
                break;
            }
        }
        listener.close();
        closed.countDown();
    }

    /** True if everything was answered within the limit. */
    boolean drain(int seconds) throws InterruptedException {
        drainStarted = System.nanoTime();
        closed.await(1, TimeUnit.SECONDS);
        pool.shutdown();
        return pool.awaitTermination(seconds, TimeUnit.SECONDS);
    }

    private void hand(Socket socket) throws IOException {
        try {
            pool.execute(() -> connection(socket));
        } catch (RejectedExecutionException full) {
            System.err.println("no thread left for a connection from " + socket.getRemoteSocketAddress());
            socket.close();
        }
    }

    private void connection(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(socket.getInputStream());
            while (awaitRequest(socket, in)) {
                socket.setSoTimeout(REQUEST_MS);
                Request request = read(in);
                Answer answer = handler.answer(request);
                boolean keep = request.keepAlive() && drainStarted == 0;
                write(socket.getOutputStream(), answer, keep);
                if (!keep) {
                    break;
                }
            }
        } catch (IOException | NumberFormatException gone) {
            // the client went away or spoke nonsense: its own affair
        }
    }

    /** Waits for the first byte of a request; false when the connection has ended or has idled too long. */
    private boolean awaitRequest(Socket socket, InputStream in) throws IOException {
        long since = System.nanoTime();
        socket.setSoTimeout(LOOK_MS);
        while (true) {
            in.mark(1);
            try {
                if (in.read() < 0) {
                    return false;
                }
                in.reset();
                return true;
            } catch (SocketTimeoutException quiet) {
                long started = drainStarted;
                if (millisSince(since) > IDLE_MS || (started != 0 && millisSince(started) > LAST_REQUEST_MS)) {
                    return false;
                }
            }
        }
    }

    private static Request read(InputStream in) throws IOException {
        String[] first = line(in).split(" ");
        if (first.length != 3) {
            throw new IOException("not HTTP");
        }
        boolean keepAlive = first[2].equals("HTTP/1.1");
        int length = 0;
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            String lower = header.toLowerCase();
            if (lower.startsWith("content-length:")) {
                length = Integer.parseInt(lower.substring(15).trim());
            } else if (lower.startsWith("connection:")) {
                keepAlive = !lower.contains("close");
            }
        }
        if (length < 0 || length > MAX_BODY) {
            throw new IOException("body too large");
        }
        byte[] body = in.readNBytes(length);
        return new Request(first[0], first[1], new String(body, StandardCharsets.UTF_8), keepAlive);
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0 || text.length() > 8_192) {
                throw new IOException("not HTTP");
            }
            if (c != '\r') {
                text.append((char) c);
            }
        }
        return text.toString();
    }

    private static void write(OutputStream out, Answer answer, boolean keep) throws IOException {
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        String head = "HTTP/1.1 " + answer.status() + " " + (answer.status() < 400 ? "OK" : "Error") + "\r\n"
                + "Content-Type: " + answer.type() + "\r\nContent-Length: " + body.length + "\r\n"
                + "Connection: " + (keep ? "keep-alive" : "close") + "\r\n\r\n";
        byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] all = new byte[start.length + body.length];
        System.arraycopy(start, 0, all, 0, start.length);
        System.arraycopy(body, 0, all, start.length, body.length);
        out.write(all);
        out.flush();
    }

    private static long millisSince(long nanos) {
        return (System.nanoTime() - nanos) / 1_000_000;
    }
}
