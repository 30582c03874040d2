"""PostgreSQL and Redis of a benchmark's own, which may be stopped and killed while others use theirs."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import redis


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """One server in a directory of its own; the server refuses to run as root, so root becomes `postgres` for it."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory, self.port, self.environment = directory, free_port(), os.environ | environment
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        if os.getuid() == 0:
            shutil.chown(directory, "postgres")
        self._run("initdb", "-D", str(directory / "data"), "-U", "postgres", "-A", "trust", "-N")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1 -c max_connections=100"
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-w", "-l", str(self.directory / "log"), "-o", options,
                  "start")  # fmt: skip

    def stop(self) -> None:
        """As a crash would end it: nothing is finished, nobody is told."""
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-m", "immediate", "stop")

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def _run(self, program: str, *arguments: str) -> None:
        found = shutil.which(program) or str(max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
        command = ["runuser", "-u", "postgres", "--"] * (os.getuid() == 0) + [found, *arguments]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.directory, text=True,
            env=self.environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


class Redis:
    """One server that keeps nothing on disk."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port, self.environment = free_port(), os.environ | environment
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=self.environment)
        with closing(redis.Redis(port=self.port)) as client:
            for _ in range(100):
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    time.sleep(0.05)

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def services(environment: Mapping[str, str] | None = None) -> Iterator[tuple[Postgres, Redis]]:
    """Both, running, with this beside their environment; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-postgres-") as name:
        Path(name).chmod(0o755)
        postgres, cache = Postgres(Path(name), environment or {}), Redis(environment or {})
        postgres.start()
        cache.start()
        try:
            yield postgres, cache
        finally:
            cache.kill()
            postgres.stop()
