// An echo server on Node's net, as its documentation writes one.
//
//     node net_echo.mjs 127.0.0.1 7000

import { createServer } from "node:net";

const [host, port] = process.argv.slice(2);
if (port === undefined) {
  console.error("usage: node net_echo.mjs HOST PORT");
  process.exit(2);
}

// pipe reads no more from a client that doesn't take its replies. A client that has closed its
// sending side gets all of them before its connection is closed: allowHalfOpen leaves that to pipe.
const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
// The kernel takes net.core.somaxconn where that is less.
server.listen({ host, port: Number(port), backlog: 65535 });
