"""The double for tests: a sandbox on a free port, over real sockets, that a test scripts and then asks what it got."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import msgspec
from msgspec import Struct

from providers.sandbox.app import SandboxApp
from providers.sandbox.flavours import played
from providers.sandbox.script import CHAT
from providers.sandbox.server import bind, serve, tls_of
from providers.sandbox.steps import ScriptedCall, Step

ROOT: Final = Path(__file__).resolve().parents[2]
NO_PROXY: Final = build_opener(ProxyHandler({}))  # a sandbox is here, whatever the environment says
UNVERIFIED: Final = ssl.create_default_context()  # its certificate may be as bad as a test wants it
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


def fault(name: str, **options: Any) -> Step:
    """A call that fails so (`providers/sandbox/faults.py`); options are the fields of `Step`."""
    return Step(fault=name, **options)


def rate_limited(retry_after: str | float | None = None) -> Step:
    return Step(fault="429", retry_after=retry_after)


def tool_call(name: str, **arguments: Any) -> Step:
    """An answer that calls one tool."""
    return Step(tool_calls=(ScriptedCall(name, arguments),))


class Received(Struct, frozen=True):
    """One call as the sandbox saw it; `status` None: no headers were sent, `ended_at` None: it is still running.

    `served_before` counts the calls on the same connection before it.
    """

    number: int
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    raw: str
    served_before: int
    fault: str | None
    status: int | None
    chunks: int
    left_early: bool
    started_at: float
    ended_at: float | None

    @property
    def dropped(self) -> bool:
        """Whether the sandbox broke its connection without one byte of an answer."""
        return bool(self.ended_at) and self.status is None and not self.chunks and not self.left_early


class Setup(Struct, frozen=True):
    """Which sandbox to start."""

    wire: str
    flavour: str | None
    pace: float
    any_model: bool
    port: int
    certificate: Path | None


class Sandbox:
    """A running sandbox. `url` is its root, `base_url` what a provider of its wire has as base URL."""

    def __init__(self, setup: Setup, running: "_Thread | _Process") -> None:
        self.wire, self.flavour = setup.wire, setup.flavour
        self.url = running.url
        self.base_url = running.url + played(setup.wire, setup.flavour).base_path
        self._running = running
        self._opener = (
            build_opener(ProxyHandler({}), HTTPSHandler(context=UNVERIFIED)) if setup.certificate else NO_PROXY
        )

    @classmethod
    @contextmanager
    def start(
        cls,
        wire: str = "openai",
        *,
        flavour: str | None = None,
        pace: float = 0.0,
        any_model: bool = True,
        process: bool = False,
        port: int = 0,
        certificate: Path | None = None,
    ) -> Iterator[Self]:
        """Run one in a thread, or as a process of its own (`pid`); it answers at once unless `pace` is set.

        `certificate` is a file with a key and its certificate (`providers.sandbox.certificates`): it then speaks TLS.
        """
        setup = Setup(wire, flavour, pace, any_model, port, certificate)
        running = _Process(setup) if process else _Thread(setup)
        try:
            yield cls(setup, running)
        finally:
            running.stop()

    def stop(self) -> None:
        """End it now: its port is closed and every connection torn down. Ending it twice is fine."""
        self._running.stop()

    @property
    def pid(self) -> int:
        if isinstance(self._running, _Thread):
            raise TypeError("a sandbox in a thread has no process: start it with process=True")
        return self._running.process.pid

    def script(self, *answers: str | Step, to: str = CHAT, model: str = "", lasting: bool = False) -> None:
        """What the next calls get, in order: a text, or a step (`fault`, `rate_limited`, `tool_call`, `Step(...)`).

        `model`: only calls of that one; `lasting`: the last answer is given again and again.
        """
        self._ask("POST", "/script", {"answers": list(answers), "to": to, "model": model, "lasting": lasting})

    def fault_rates(self, *, models: tuple[str, ...] = (), seed: int = 0, **rates: float) -> None:
        """Let faults happen by chance, e.g. `fault_rates(**{"503": 0.2})`."""
        self._ask("POST", "/faults", {"rates": rates, "models": models, "seed": seed})

    def calls(self, *, ended: bool = False, chats: bool = False, model: str | None = None) -> list[Received]:
        """What it received; `ended` waits (ten seconds at most) until no call is running, `chats` leaves pages out."""
        asked = {"ended": "1"} if ended else {}
        answer = self._ask("GET", f"/calls?{urlencode(asked if model is None else asked | {'model': model})}")
        calls = msgspec.convert(answer["calls"], list[Received])
        return [call for call in calls if call.method == "POST"] if chats else calls

    async def ended_calls(self) -> list[Received]:
        """The same with `ended`, for a test in whose event loop the gateway runs."""
        return await asyncio.to_thread(self.calls, ended=True)

    def reset(self) -> None:
        """Forget the script, the fault rates and the calls."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = msgspec.json.encode(body) if body is not None else b""
        request = Request(f"{self.url}/_sandbox{path}", data or None, method=method)
        with self._opener.open(request, timeout=30) as answer:
            return msgspec.json.decode(answer.read())


class _Thread:
    def __init__(self, setup: Setup) -> None:
        self._sock = bind("127.0.0.1", setup.port)
        self._tls = tls_of(setup.certificate)
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._sock.getsockname()[1]}"
        self._app = SandboxApp(setup.wire, flavour=setup.flavour, pace=setup.pace, any_model=setup.any_model)
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{setup.flavour or setup.wire}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve(self._app, self._sock, until=self._end.wait, tls=self._tls))

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
        self._sock.close()


class _Process:
    def __init__(self, setup: Setup) -> None:
        command = [sys.executable, "-m", "providers.sandbox", "--wire", setup.wire, "--port", str(setup.port)]
        command += ["--pace", str(setup.pace), "--parent", str(os.getpid())] + ["--any-model"] * setup.any_model
        command += ["--flavour", setup.flavour] if setup.flavour else []
        command += ["--certificate", str(setup.certificate)] if setup.certificate else []
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        if not self.url:
            raise RuntimeError(f"the sandbox did not start: exit code {self.process.wait()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
