"""A gateway as `manage.py serve` runs it: our own web workers on a socket of the test, as the supervisor would."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from neuroroute.serve.child import listens
from neuroroute.serve.listening import listen, listen_at

from .gateway import ROOT, Gateway, clean_environment


class Served(Gateway):
    """Web workers of `neuroroute.web` on one socket, `process` being the first; and on one for a proxy, by its path."""

    grace_s, slow_client_s, workers = 20.0, 20, 1
    host, proxy_socket = "127.0.0.1", ""
    processes: Sequence[subprocess.Popen[bytes]] = ()

    def start(self, *options: str) -> Self:
        """Serve; returns when every worker says that it does."""
        ready = [self.var / f"web{number}.ready" for number in range(self.workers)]
        for file in ready:
            file.unlink(missing_ok=True)
        with ExitStack() as stack:
            socks = [stack.enter_context(closing(listen(self.host, self.port, self.slow_client_s)))]
            if self.proxy_socket:
                socks.append(stack.enter_context(closing(listen_at(self.proxy_socket))))
            self.processes = [self._worker(socks, "--ready", str(file), *options) for file in ready]
        self.process = self.processes[0]
        self.wait_until(lambda: all(file.exists() for file in ready))
        return self

    def _worker(self, socks: Sequence[socket.socket], *options: str) -> subprocess.Popen[bytes]:
        passed = [sock.fileno() for sock in socks]
        command = [sys.executable, "-m", "neuroroute.web", *listens(passed), "--grace", str(self.grace_s)]
        with (self.var / "web.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--app", self.application, *options],
                cwd=ROOT, env=clean_environment(self.var, self.env), stdout=log, stderr=log, pass_fds=passed,
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End every worker, gently or by SIGKILL."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(how)
        for process in self.processes:
            process.wait(20)

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
