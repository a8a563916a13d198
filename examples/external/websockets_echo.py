"""A WebSocket echo on Python's websockets, as its documentation writes one: for comparisons.

    pip install websockets && python3 websockets_echo.py 127.0.0.1 7000
"""

import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def main(host, port):
    async with serve(echo, host, port, reuse_port=True, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
