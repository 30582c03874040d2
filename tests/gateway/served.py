"""A gateway as `manage.py serve` runs it: our own web worker on a socket of the test, as the supervisor would."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Self

from neuroroute.serve.listening import listen

from .gateway import ROOT, Gateway, clean_environment


class Served(Gateway):
    """One web worker, `neuroroute.web`."""

    grace_s, slow_client_s = 20.0, 20

    def start(self, *options: str) -> Self:
        """Serve; returns when the worker says that it does."""
        ready = self.var / "web.ready"
        ready.unlink(missing_ok=True)
        with (
            closing(listen("127.0.0.1", self.port, self.slow_client_s)) as sock,
            (self.var / "web.log").open("ab") as log,
        ):
            command = [sys.executable, "-m", "neuroroute.web", "--fd", str(sock.fileno()), "--ready", str(ready)]
            self.process = subprocess.Popen(
                [*command, "--grace", str(self.grace_s), "--app", self.application, *options],
                cwd=ROOT, env=clean_environment(self.var, self.env), stdout=log, stderr=log, pass_fds=[sock.fileno()],
            )  # fmt: skip
        self.wait_until(ready.exists)
        return self

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def memory_mb(self) -> float:
        """What the worker keeps in memory."""
        assert self.process
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
