"""What does a gateway under test say? The web application, and every answer on OpenAI's routes noted in a file.

It stands in the server, so that it sees what any client receives, whichever library that client is made of.
"""

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from neuroroute.asgi import application as gateway
from tests.gateway.conformance import is_openais

NAME = "watched.jsonl"
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Note:
    """One answer as far as it was sent."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        self.asked, self._send = f"{scope['method']} {scope['path']}", send
        self.status, self.type, self.body, self.ended = 0, "", b"", False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = {name.lower(): value for name, value in message.get("headers", ())}
            self.type = headers.get(b"content-type", b"").decode("latin-1")
        else:
            self.body += message.get("body", b"")
            self.ended = not message.get("more_body", False)
        if self.ended:  # before the client has the last byte, and may look
            self.write()
        await self._send(message)

    def write(self) -> None:
        """Several workers may write, and be killed while they do: a note is one append and begins a line of its own."""
        body = self.body.decode(errors="replace")
        said = {"asked": self.asked, "status": self.status, "type": self.type, "body": body, "ended": self.ended}
        with (Path(os.environ["VAR_DIR"]) / NAME).open("ab", buffering=0) as file:
            file.write(f"\n{json.dumps(said)}\n".encode())


async def application(scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
    """The gateway's own, heard on the way out."""
    if scope["type"] != "http" or not is_openais(scope["path"]):
        return await gateway(scope, receive, send)
    note = Note(scope, send)
    try:
        return await gateway(scope, receive, note.send)
    finally:
        if note.status and not note.ended:
            note.write()
