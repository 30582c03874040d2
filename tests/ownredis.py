"""A Redis of a test's own, which may be stopped, come back empty, and have its clock set."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress

import pytest
import redis

from tenants.redislink import RedisLink

BUSY_MACHINE_S = 10.0


class OwnRedis:
    """Keeps nothing on disk; its port is its own also while it is stopped."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._environment, self._process = os.environ | (environment or {}), None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=self._environment)
        for _ in range(200):
            with suppress(redis.ConnectionError), closing(redis.Redis(port=self.port)) as client:
                client.ping()
                return
            time.sleep(0.05)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def own_redis(environment: Mapping[str, str] | None = None) -> Iterator[OwnRedis]:
    """Not started yet; skips, and says so, where no redis-server is found."""
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server found: a Redis of the test's own cannot be started")
    made = OwnRedis(environment)
    try:
        yield made
    finally:
        made.stop()


def patient_link(url: str) -> RedisLink:
    """To a Redis that is there: a busy machine, which answers no request for a second, is not one that is away."""
    return RedisLink(url, "this process counts by itself", BUSY_MACHINE_S)
