"""An installation as a person has it: a copy of the tree, started as real processes on a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.settings import SERVICES, UPSTREAMS

ROOT = Path(__file__).resolve().parents[2]
# `*.pyc.*` is bytecode that another test process is writing at this moment.
LEFT_OUT = shutil.ignore_patterns(
    *(".venv", "var", ".git", ".env", "tests", "bench", ".*_cache", ".hypothesis", "*.pyc.*")
)
PATIENCE_S = 90.0
POLL_S = 0.05
OURS = {
    *("SECRET_KEY", "SECRETS_KEYS", "CLIENT_KEY_PEPPER", "ENV_FILE", "VAR_DIR", "PROMETHEUS_MULTIPROC_DIR"),
    *("NEUROROUTE_TEST_DIR", "DJANGO_SETTINGS_MODULE", "MAKELEVEL"),
}
# The machine that runs the tests may have a local server of its own.
NO_UPSTREAMS = {name: "off" for name in ("OLLAMA_URL", "LM_STUDIO_URL", "LLAMA_CPP_URL")}


def copy_tree(target: Path) -> Path:
    """The sources and their bytecode, without anything else that a run has left."""
    return Path(shutil.copytree(ROOT, target, ignore=LEFT_OUT))


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Installation:
    """One VAR_DIR, and the processes that are started on it; they all carry `mark` in their environment."""

    root: Path
    var: Path
    port: int = field(default_factory=free_port)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def first_run(self) -> dict[str, str]:
        lines = (self.var / "first-run.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.first_run['NEUROROUTE_API_KEY']}"}

    @property
    def said(self) -> str:
        return (self.var.parent / f"{self.mark}.out").read_text()

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in SERVICES | UPSTREAMS | OURS}
        # MAKELEVEL: as a child of `make` it ends when its parent, the test run, is killed.
        ours = {"PORT": str(self.port), "VAR_DIR": str(self.var), "NEUROROUTE_TEST_MARK": self.mark, "MAKELEVEL": "1"}
        return kept | NO_UPSTREAMS | ours | changes

    def start(self, argv: tuple[str, ...] = (sys.executable, "-m", "neuroroute.serve"), **changes: str) -> None:
        """Start everything and wait until it says that it is ready."""
        with (self.var.parent / f"{self.mark}.out").open("w") as out:
            self.process = subprocess.Popen(
                argv,
                cwd=self.root,
                env=self.environment(**changes),
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        wait_until(lambda: "NeuroRoute is ready" in self.said or self.process.poll() is not None)
        assert "NeuroRoute is ready" in self.said, self.said + self.logs()

    def run(self, *argv: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, *argv],
            cwd=self.root,
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to the supervisor; return its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End whatever is left of it, the supervisor first: it may be about to start one that nobody has seen yet."""
        if self.process:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        assert wait_until(self._none_is_left), self.living()

    def pid_of(self, child: str) -> int:
        return int((self.var / "run" / f"{child}.pid").read_text())

    def living(self) -> dict[int, str]:
        """Every process with our mark: pid -> command line."""
        return {int(path.name): _command(path) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)}

    def logs(self) -> str:
        return "".join(
            f"\n== {log.name}\n{log.read_text()[-3000:]}" for log in sorted((self.var / "log").glob("*.log"))
        )

    def _none_is_left(self) -> bool:
        """Whether there is none; those that there are get SIGKILL."""
        living = self.living()
        for pid in living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not living

    def _is_ours(self, path: Path) -> bool:
        with suppress(OSError):
            return self.mark.encode() in (path / "environ").read_bytes()
        return False


def web_workers(installation: Installation) -> set[int]:
    """The process ids of its web workers."""
    return {pid for pid, command in installation.living().items() if "-m neuroroute.web" in command}


def wait_until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """Poll until it holds; False when it did not in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _command(path: Path) -> str:
    with suppress(OSError):
        return (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
