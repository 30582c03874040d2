"""An upstream that lists what a test says, over a real socket."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]  # status, and an object for JSON or bytes as they are


class Upstream:
    """`asked` is what it was asked: (method, path, headers with lower-case names)."""

    def __init__(self, answer: Callable[[str, Any], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""


@contextmanager
def upstream(answer: Callable[[str, Any], Answer]) -> Iterator[Upstream]:
    """Run one in a thread; `answer` gets the path and the JSON body, if there is one."""
    told = Upstream(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _reply(self, body: Any) -> None:
            told.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, content = told.answer(self.path, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listing(*models: str | dict[str, Any]) -> Callable[[str, Any], Answer]:
    """Every path lists these models as OpenAI does."""
    rows = [{"id": model, "object": "model"} if isinstance(model, str) else model for model in models]
    return lambda path, body: (200, {"object": "list", "data": rows})


def refusal(status: int, content: Any) -> Callable[[str, Any], Answer]:
    return lambda path, body: (status, content)
