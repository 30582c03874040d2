"""Serve an ASGI application on our own connections, in a thread, as a web worker would."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from uvicorn import Config, Server

from neuroroute.serve.listening import listen
from neuroroute.web.connection import Connection
from neuroroute.web.door import Door


@contextmanager
def serving(application: Callable[..., Awaitable[None]], door: Door, **options: Any) -> Iterator[tuple[str, int]]:
    """Host and port; `options` are uvicorn's."""
    sock = listen("127.0.0.1", 0, 30)
    address: tuple[str, int] = sock.getsockname()
    config = Config(application, lifespan="off", http=partial(Connection, door), log_level="critical", **options)
    server = Server(config)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()
