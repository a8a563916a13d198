import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.Executors;

/**
 * An echo server with a virtual thread for each connection (JDK 21 or newer): blocking code, as for
 * threads, of which the JVM carries many on few.
 *
 * <pre>java VirtualEcho.java 127.0.0.1 7000</pre>
 */
class VirtualEcho {
    /** The kernel takes net.core.somaxconn where that is less. */
    static final int BACKLOG = 65535;

    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length != 2) {
            System.err.println("usage: java VirtualEcho.java HOST PORT");
            System.exit(2);
        }
        var host = InetAddress.getByName(args[0]);
        try (var listener = new ServerSocket(Integer.parseInt(args[1]), BACKLOG, host);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            while (true) {
                Socket socket;
                try {
                    socket = listener.accept();
                } catch (IOException outOfFiles) {
                    // Those who wait are served later.
                    Thread.sleep(10);
                    continue;
                }
                threads.submit(() -> echo(socket));
            }
        }
    }

    static void echo(Socket accepted) {
        try (var socket = accepted) {
            socket.setTcpNoDelay(true);
            var in = socket.getInputStream();
            var out = socket.getOutputStream();
            var buffer = new byte[1024];
            for (int n; (n = in.read(buffer)) > 0; ) {
                out.write(buffer, 0, n);
            }
        } catch (IOException over) {
            // The client has reset the connection: nobody is left to tell.
        }
    }
}
