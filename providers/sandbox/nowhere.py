"""Where does nobody answer? A port that refuses, a port that swallows what is sent to it, names that lead nowhere."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

FILLERS: Final = 8  # more than a queue of one has room for
UNKNOWN: Final = "unknown.sandbox.invalid"
BROKEN: Final = "broken.sandbox.invalid"
SLOW: Final = "slow.sandbox.invalid"
SLOW_S: Final = 8.0
LATE: Final = "late.sandbox.invalid"
LATE_S: Final = 2.0
ASIDE: Final = ".aside.sandbox.invalid"  # behind any label: this machine, by a name with connections of its own

_getaddrinfo = socket.getaddrinfo


@contextmanager
def refusing() -> Iterator[str]:
    """The URL of a port that is taken, so that nobody else listens there, and refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def swallowing() -> Iterator[str]:
    """The URL of a port whose queue is full: Linux drops each further SYN, as a firewall might."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(FILLERS):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
    """`socket.getaddrinfo`, for which one name is unknown, one has a broken server and one a slow server; one is this
    machine's, which is known late, and so are those behind which a caller wants connections of its own."""
    if host == UNKNOWN:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if host == BROKEN:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if host == SLOW:
        time.sleep(SLOW_S)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if host == LATE:
        time.sleep(LATE_S)
    if host == LATE or str(host).endswith(ASIDE):
        host = "127.0.0.1"
    return _getaddrinfo(host, *args, **kwargs)
