"""How does a web worker end? Nobody new comes in, what runs may finish, what does not finish is told so."""

import asyncio
import logging
import socket
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from uvicorn import Config, Server

from neuroroute.asgi import break_off
from neuroroute.web.acceptor import ALONE_AT_ONCE, AT_ONCE, Acceptor
from neuroroute.web.connection import Connection
from neuroroute.web.door import Door
from routing.healthmetrics import refused

LINGER_S: Final = 1.0  # an idle connection is kept so long: its client may be sending at this very moment
LAST_WORDS_S: Final = 3.0  # for the errors that end what was broken off
POLL_S: Final = 0.05

logger = logging.getLogger("uvicorn.error")


class WebServer(Server):
    """uvicorn's server with an end of our own. `ready` is made when the worker serves."""

    def __init__(self, config: Config, grace_s: float, ready: Path | None) -> None:
        super().__init__(config)
        door = Door(refused.inc)
        config.http = partial(Connection, door)  # type: ignore[assignment]
        self._grace_s, self._ready = grace_s, ready
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])  # without uvicorn's own listening
        at_once = ALONE_AT_ONCE if settings.WEB_WORKERS == 1 else AT_ONCE
        self._acceptors = [Acceptor(sock, self._new_connection, at_once) for sock in sockets or ()]
        if self._ready and self.started:
            self._ready.touch()

    def _new_connection(self) -> asyncio.Protocol:
        app_state = self.lifespan.state
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=app_state
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door; let answers finish for the grace time; end the others by an error; stop the worker."""
        for acceptor in self._acceptors:
            acceptor.close()
        for sock in sockets or ():
            sock.close()
        await self._let_finish()
        if self.server_state.tasks:
            logger.warning("breaking off %d answers that did not finish in time", len(self.server_state.tasks))
            break_off()
            await asyncio.wait(self.server_state.tasks, timeout=LAST_WORDS_S)
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await self.lifespan.shutdown()

    async def _let_finish(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.end(LINGER_S)
                else:
                    connection.shutdown()
            await asyncio.sleep(POLL_S)  # also the first time: what was accepted in this very turn is not listed yet
            waited_s = loop.time() - began
            idle = not (self.server_state.connections or self.server_state.tasks)
            if idle or self.force_exit or waited_s > self._grace_s + LINGER_S:
                return
