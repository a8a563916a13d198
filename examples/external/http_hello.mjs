// An HTTP server on Node's http, as its documentation writes one.
//
//     node http_hello.mjs 127.0.0.1 7000

import { createServer } from "node:http";

const [host, port] = process.argv.slice(2);
if (port === undefined) {
  console.error("usage: node http_hello.mjs HOST PORT");
  process.exit(2);
}

const server = createServer((_request, response) => {
  response.setHeader("Content-Type", "text/plain");
  response.end("Hello, World!");
});
// Unasked, it closes a connection without a request for 5 s, or without a first one for 60 s.
server.keepAliveTimeout = 0;
server.headersTimeout = 0;
server.requestTimeout = 0;
// The kernel takes net.core.somaxconn where that is less.
server.listen({ host, port: Number(port), backlog: 65535 });
