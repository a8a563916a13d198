// A WebSocket echo on ws, as its documentation writes one.
//
//     npm ci && node echo.mjs 127.0.0.1 7000

import { WebSocketServer } from "ws";

const [host, port] = process.argv.slice(2);
if (port === undefined) {
  console.error("usage: node echo.mjs HOST PORT");
  process.exit(2);
}

// The kernel takes net.core.somaxconn where that is less.
const server = new WebSocketServer({ host, port: Number(port), backlog: 65535 });
server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
