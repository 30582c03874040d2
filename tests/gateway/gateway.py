"""A real gateway for tests: migrated, configured from a file, served by uvicorn in a process of its own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from tests import console

from .conformance import complaints

ROOT = Path(__file__).resolve().parents[2]
CLEARED = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PROMETHEUS_MULTIPROC_DIR", "DJANGO_SETTINGS_MODULE")
START_S = 60  # on a machine that has much else to do


def clean_environment(var: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a gateway that keeps everything under `var` and knows no service."""
    kept = {k: v for k, v in os.environ.items() if k not in CLEARED}
    own = {"VAR_DIR": str(var), "ENV_FILE": str(var / "none.env"), "SANDBOX": "off", "PYTHONUNBUFFERED": "1"}
    return kept | own | dict(extra or {})


def manage(var: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run `manage.py` and give its standard output; its standard error is in the failure."""
    done = console.command(clean_environment(var, env), *arguments)
    assert done.returncode == 0, f"manage.py {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """One installation in `var`. `start` and `kill` may be called again and again."""

    application = "neuroroute.asgi:application"

    def __init__(self, var: Path, env: Mapping[str, str] | None = None) -> None:
        self.var, self.env = var, dict(env or {})
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | console.Forked | None = None

    @classmethod
    def made_from(cls, template: Path, var: Path, env: Mapping[str, str] | None = None) -> Self:
        """A fresh installation, copied from a migrated one."""
        shutil.copytree(template, var, dirs_exist_ok=True)
        return cls(var, env)

    def apply(self, configuration: Mapping[str, Any]) -> None:
        """Configure it by file; the keys that are made stand in `keys` as tenant/key."""
        path, keys = self.var / "config.yaml", self.var / "keys.env"
        path.write_text(yaml.safe_dump(configuration))
        manage(self.var, "apply", str(path), "--keys-to", str(keys), env=self.env)
        if keys.exists():
            self.keys |= dict(line.split("=", 1) for line in keys.read_text().split())

    def start(self, *options: str) -> Self:
        """Serve; returns when the first answer came and, of several workers, the last has begun."""
        command = ["uvicorn", self.application, "--loop", "uvloop", *options]
        command += ["--http", "httptools", "--no-access-log", "--host", "127.0.0.1", "--port", str(self.port)]
        environment, log = clean_environment(self.var, self.env), self.var / "web.log"
        begun, workers = self._begun(), int(options[options.index("--workers") + 1]) if "--workers" in options else 1
        if workers > 1:  # which are new processes of Python, whatever their parent is
            with log.open("ab") as file:
                argv = [sys.executable, "-m", *command]
                self.process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=file, stderr=file)
        else:
            self.process = console.start(environment, log, *command)
        self.wait_until(lambda: self.answers() and (workers == 1 or self._begun() >= begun + workers))
        return self

    def _begun(self) -> int:
        """How many workers have ever said in the log that they serve."""
        log = self.var / "web.log"
        return log.read_text().count("Application startup complete") if log.exists() else 0

    def answers(self) -> bool:
        """Whether it answers at all."""
        try:
            httpx.get(f"{self.url}/health", timeout=5)
        except httpx.TransportError:
            return False
        return True

    def wait_until(self, serves: Callable[[], bool]) -> None:
        """Wait for the process to serve; what it said is in the failure."""
        assert self.process
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.process.poll() is None, self.said()
            if serves():
                return
            time.sleep(0.05)
        self.stop(signal.SIGKILL)  # nobody else would
        raise AssertionError(self.said())

    def said(self) -> str:
        """The end of its log."""
        return (self.var / "web.log").read_text()[-3000:]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the web worker, gently or by SIGKILL."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)

    def ship(self) -> None:
        """Move what the journal holds into the database."""
        manage(self.var, "ship", "--once", env=self.env)

    def rest(self) -> None:
        """Forget what health remembers; every worker has looked at the wish by then."""
        manage(self.var, "reset_health", env=self.env)
        time.sleep(0.6)

    @property
    def key(self) -> str:
        return next(iter(self.keys.values()))

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def chat(self, content: str = "Hello", model: str = "auto", timeout: float = 30, **fields: Any) -> httpx.Response:
        """One chat, whole."""
        body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
        return httpx.post(f"{self.url}/v1/chat/completions", json=body, headers=self.headers, timeout=timeout)

    def events(self, content: str = "Hello", model: str = "auto", **fields: Any) -> tuple[httpx.Response, list[Any]]:
        """One streamed chat: the response and its events, parsed, with "[DONE]" as it stands."""
        answer = self.chat(content, model, stream=True, **fields)
        return answer, list(parse_events(answer.text.splitlines()))

    def story(self, request_id: str) -> dict[str, Any]:
        """`GET /v1/requests/{id}`."""
        answer = httpx.get(f"{self.url}/v1/requests/{request_id}", headers=self.headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class Watched(Gateway):
    """A gateway whose every answer on OpenAI's routes is noted and judged."""

    application = "tests.gateway.watched:application"
    read = 0  # bytes of the notes

    def complaints(self) -> list[str]:
        """What was wrong with the answers since the last time, held against OpenAI's schema."""
        notes = self.var / "watched.jsonl"
        if not notes.exists():
            return []
        with notes.open("rb") as file:
            file.seek(self.read)
            said = file.read()
        said = said[: said.rfind(b"\n") + 1]  # somebody may be writing the rest
        self.read += len(said)
        return [complaint for note in notes_in(said) for complaint in complaints(note)]


def notes_in(said: bytes) -> Iterator[dict[str, Any]]:
    """The notes of answers, but for one that its worker was writing when it was killed: nobody has that answer."""
    for line in filter(None, said.splitlines()):
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)


def parse_events(lines: Iterable[str]) -> Iterable[Any]:
    """The data of server-sent events."""
    for line in lines:
        if line.startswith("data: "):
            payload = line.removeprefix("data: ")
            yield payload if payload == "[DONE]" else json.loads(payload)


def text_of(events: Iterable[Any]) -> str:
    """The text that the chunks carry."""
    choices = [c for e in events if isinstance(e, dict) for c in e.get("choices", ())]
    return "".join(c["delta"].get("content") or "" for c in choices)
