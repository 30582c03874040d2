"""Which sockets do the children inherit? Ours, so that an address stays ours while nobody serves on it.

Children that `listen` at one address share its socket: while one is replaced, callers wait. What a child `reserves` is
its own: while that child is stopped, callers are refused, and nobody else can take the address.
"""

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from neuroroute.serve.child import Child
from neuroroute.serve.listening import listen, listen_at

LOOPBACK: Final = "127.0.0.1"  # whoever reaches a sandbox can script it
PORTS_TRIED: Final = 1000


class Sockets:
    """All of an installation."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, int, int] | str, socket.socket] = {}
        self._reserved: dict[tuple[str, int], socket.socket] = {}

    def reserve(self, host: str, first: int, count: int) -> list[int]:
        """Take the first free ports from `first` on before anybody speaks of them; fewer where there are fewer."""
        ports = iter(range(first, first + PORTS_TRIED))
        while count and (port := next(ports, None)):
            with suppress(OSError):
                self._reserved[host, port] = _reserve(host, port)
                count -= 1
        return [port for _, port in self._reserved]

    def keep(self, children: Iterable[Child]) -> None:
        """Give back what none of them reserves."""
        for address in self._reserved.keys() - {child.reserve for child in children}:
            self._reserved.pop(address).close()

    def of(self, child: Child) -> list[socket.socket]:
        """What it gets as `--fd`; raises `OSError` where somebody else has the address."""
        found = [self._reserved[child.reserve]] if child.reserve else []
        if child.listen:
            found.append(self._shared.get(child.listen) or self._shared.setdefault(child.listen, listen(*child.listen)))
        if path := child.proxy_socket:
            found.append(self._shared.get(path) or self._shared.setdefault(path, listen_at(path)))
        return found

    def ended(self, child: Child) -> None:
        """Refuse the callers of a child that has an address of its own."""
        if child.reserve:
            refuse(self._reserved[child.reserve])

    def close(self) -> None:
        """Refuse the callers of all that share, who would else wait in line for nobody."""
        for address, sock in self._shared.items():
            sock.close()
            if isinstance(address, str):
                Path(address).unlink(missing_ok=True)


def _reserve(host: str, port: int) -> socket.socket:
    sock = socket.create_server((host, port))
    refuse(sock)
    return sock


def refuse(sock: socket.socket) -> None:
    """Keep the address and refuse connections; who listens again has to allow SO_REUSEADDR before.

    Linux stops listening by shutdown. A system that will not (macOS) goes on, and callers wait. While it listens,
    nobody else can; SO_REUSEADDR lets it listen beside its own closing connections, but would let others come now.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
