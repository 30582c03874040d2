"""Through which gateway does a drill run, or sample traffic? The one that runs here; where none answers, one of its own
meanwhile."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx
from django.conf import settings

PATIENCE_S: Final = 30.0
POLL_S: Final = 0.1
FOLLOWS_S: Final = 1.0  # within which every web worker has read a change of the configuration
GRACE_S: Final = 15.0
LOOPBACK: Final = "127.0.0.1"


class NoGateway(RuntimeError):
    """The drill cannot run through this installation; the message says why."""


def own_address(url: str) -> str:
    """The address of this machine as the gateway at `url` reaches it: the upstreams of a drill listen there."""
    parts = urlsplit(url)
    host, port = parts.hostname or LOOPBACK, parts.port or (443 if parts.scheme == "https" else 80)
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # sends nothing: it only chooses the way
            return str(probe.getsockname()[0])
    except OSError:
        return LOOPBACK


@contextmanager
def running_gateway() -> Iterator[str]:
    """The address of a gateway that answers."""
    url = settings.GATEWAY_URL
    if _answers(url):
        yield url
        return
    with _own() as url:
        yield url


def wait_until_known(url: str, key: str, models: Iterable[str]) -> None:
    """Return when every worker knows this key and these models; raises `NoGateway`."""
    wanted, deadline = set(models), time.monotonic() + PATIENCE_S
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        while time.monotonic() < deadline:
            answer = client.get(f"{url}/v1/models", headers=headers)
            if answer.status_code == 200 and wanted <= {row["id"] for row in answer.json()["data"]}:
                time.sleep(FOLLOWS_S if settings.WEB_WORKERS > 1 else 0)
                return
            time.sleep(POLL_S)
    raise NoGateway(f"{url} answers and does not know the key made here: is it another installation? Set GATEWAY_URL.")


@contextmanager
def _own() -> Iterator[str]:
    """One web worker on a free port, with this installation's settings."""
    with socket.create_server((LOOPBACK, 0), backlog=1024) as listening:
        fd, port = listening.fileno(), listening.getsockname()[1]
        argv, silent = [sys.executable, "-m", "routing.drill.ownworker", str(fd)], subprocess.DEVNULL
        process = subprocess.Popen(
            argv, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=silent, stderr=silent, pass_fds=[fd]
        )
    try:
        yield _when_it_answers(process, f"http://{LOOPBACK}:{port}")
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()  # it ends with us, however we end
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _when_it_answers(process: "subprocess.Popen[bytes]", url: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoGateway(f"a web worker for the drill ended at once (exit code {process.returncode})")
        if _answers(url):
            return url
        time.sleep(POLL_S)
    raise NoGateway(f"a web worker for the drill did not answer within {PATIENCE_S:.0f} s")


def _answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/health", timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return True
