"""Run one provider of the sandbox as a process: `python -m providers.sandbox --wire openai --port 9101`."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from providers.sandbox.app import SandboxApp
from providers.sandbox.flavours import flavour_names
from providers.sandbox.server import bind, inherit, serve, tls_of
from providers.sandbox.wires import wire_names

PARENT_CHECK_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Print `listening on http://...` as the first line and answer until SIGTERM, SIGINT or the parent's end."""
    options = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # nothing here is worth a farewell: end at once
    try:
        sock = bind(options.host, options.port) if options.fd is None else inherit(options.fd)
    except OSError as exc:
        where = f"{options.host}:{options.port}" if options.fd is None else f"descriptor {options.fd}"
        print(f"sandbox: cannot listen on {where}: {exc.strerror}", file=sys.stderr)
        return 1
    app = SandboxApp(options.wire, flavour=options.flavour, pace=options.pace, any_model=options.any_model)
    tls = tls_of(options.certificate)
    print(f"listening on {'https' if tls else 'http'}://{options.host}:{sock.getsockname()[1]}", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app, sock, until=lambda: _served(options.ready, options.parent), tls=tls))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m providers.sandbox", description=__doc__)
    parser.add_argument("--wire", required=True, choices=wire_names())
    parser.add_argument("--flavour", choices=flavour_names(), help="of the wire openai: whose server it plays")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--fd", type=int, help="the descriptor of a socket that has its address, instead of both")
    parser.add_argument("--ready", type=Path, help="a file to make when it serves")
    parser.add_argument("--parent", type=int, help="end when this process has ended")
    parser.add_argument("--pace", type=float, default=1.0, help="scales all times of the models; 0 answers at once")
    parser.add_argument("--certificate", type=Path, help="a PEM file with a key and its certificate: speak TLS")
    parser.add_argument("--any-model", action="store_true", help="accept every model name")
    return parser


async def _served(ready: Path | None, parent: int | None) -> None:
    if ready:
        ready.touch()
    await _orphaned(parent)


async def _orphaned(parent: int | None) -> None:
    """Return when the process `parent` has ended; never without one."""
    child = parent == os.getppid()
    while parent is None or _alive(parent, child):
        await asyncio.sleep(PARENT_CHECK_S)


def _alive(parent: int, child: bool) -> bool:
    if child:
        return os.getppid() == parent  # also sees a parent that ended and was not waited for
    try:
        os.kill(parent, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    sys.exit(main())
