"""`python -m neuroroute.web --fd N`: one web worker on sockets that listen already (`neuroroute.serve.listening`)."""

import argparse
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from uvicorn import Config

from neuroroute.web.server import WebServer

MOST_FILES: Final = 2**20
KEEP_ALIVE_S: Final = 75  # longer than a proxy's usual 60: it must never send on a connection that we are closing


def main() -> None:
    """Serve until SIGTERM; exit code 0 then."""
    parser = argparse.ArgumentParser(prog="python -m neuroroute.web", description=__doc__)
    parser.add_argument(
        "--fd", type=int, action="append", required=True, help="of a listening socket; again for others"
    )
    parser.add_argument("--grace", type=float, default=30.0, help="seconds that running answers get after SIGTERM")
    parser.add_argument("--ready", type=Path, help="a file to make when it serves")
    parser.add_argument("--app", default="neuroroute.asgi:application")
    chosen = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # before it serves; afterwards uvicorn raises it once more
    raise_file_limit()
    config = Config(
        chosen.app,
        lifespan="on",
        loop="uvloop",
        access_log=False,
        log_config=None,  # its lines go the way of all others (`neuroroute.logs`)
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    WebServer(config, chosen.grace, chosen.ready).run([socket.socket(fileno=fd) for fd in chosen.fd])


def raise_file_limit() -> None:
    """Let this process open as many files as it may: a stream takes two, and the usual 1,024 end at five hundred."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    main()
