"""Workers and beats as real processes, and an upstream that answers only when the test says so."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests import console

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
MODELS = b'{"object": "list", "data": [{"id": "tiny.gguf", "object": "model"}]}'
FOUND_BY_TESTS = {"OLLAMA_URL": "off", "LM_STUDIO_URL": "off", "LLAMA_CPP_URL": "off"}


class Fleet:
    """Processes of one installation; all are killed at the end."""

    def __init__(self, var: Path, environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
        own = {"VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "neuroroute.settings", "JOB_LEASE_S": "2"}
        self.environment = kept | FOUND_BY_TESTS | own | dict(environment)
        self.log = var / "fleet.log"
        self.log.touch()
        self._running: list[console.Forked] = []

    def worker(self) -> console.Forked:
        return self._start("celery", "-A", "neuroroute", "--skip-checks", "worker", "-l", "info",
                           "--without-gossip", "--without-mingle")  # fmt: skip

    def beat(self) -> console.Forked:
        return self._start("celery", "-A", "neuroroute", "--skip-checks", "beat", "-l", "info")

    def manage(self, *arguments: str) -> str:
        done = console.command(self.environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def _start(self, *arguments: str) -> console.Forked:
        process = console.start(self.environment, self.log, *arguments)
        self._running.append(process)
        return process


def kill(process: console.Forked) -> None:
    """kill -9."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_for(what: str, look: Callable[[], Any], log: Path) -> Any:
    """Return the first true answer of `look`; fail with the processes' log when none comes."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen; the processes said:\n{log.read_text()[-4000:]}")


class ModelServer:
    """A llama.cpp of the test's: `called()` waits for a question, `answer()` answers it and those that wait."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._waiting: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def called(self) -> bool:
        """Whether a question has come within a moment."""
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return False
        self._waiting.append(connection)
        return True

    def answer(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        for connection in self._waiting:
            with closing(connection):
                connection.recv(65536)
                connection.sendall(head % len(MODELS) + MODELS)
        self._waiting.clear()

    def forget(self) -> None:
        for connection in self._waiting:
            connection.close()
        self._waiting.clear()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(0.05)
        server = ModelServer(listener)
        yield server
        server.forget()


class Rows:
    """The installation's database, read past Django: it is not the one of this test run."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    def __call__(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            return list(connection.execute(query).fetchall())
