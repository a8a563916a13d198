"""An echo server that listens where most don't, for tests.

    python3 elsewhere.py unix PATH | v6 PORT | shared PORT
"""

import asyncio
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main(kind, place):
    loop = asyncio.get_running_loop()
    if kind == "unix":
        server = await loop.create_unix_server(Echo, place)
    elif kind == "v6":
        server = await loop.create_server(Echo, "::1", int(place))
    else:
        server = await loop.create_server(Echo, "127.0.0.1", int(place), reuse_port=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
