"""The same server as asyncio_echo.py on another event loop, uvloop: libuv's, as Node's is.

    pip install uvloop && python3 uvloop_echo.py 127.0.0.1 7000
"""

import sys

import uvloop
from asyncio_echo import main

uvloop.run(main(sys.argv[1], int(sys.argv[2])))
