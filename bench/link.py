"""A link between two ends of one machine, each of which pays for its own side, as two machines on a network do.

Over loopback, who sends also does the receiver's work in the kernel. Here the other end is a network namespace behind a
pair of virtual devices whose packets are taken in by a kernel thread per end (threaded NAPI), each on its own core.
Needs root, iproute2, ethtool, and two cores.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

CLONE_NEWNET = 0x40000000  # setns(2)
HERE, THERE = "10.231.77.1", "10.231.77.2"


class Link(Struct):
    """Addresses of both ends; `namespace` is the other's name."""

    namespace: str
    here: str = HERE
    there: str = THERE

    def command_there(self, *command: str) -> list[str]:
        """The command that runs at the other end."""
        return ["ip", "netns", "exec", self.namespace, *command]

    @contextmanager
    def staying_there(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are at the other end."""
        with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{self.namespace}") as there:
            _go_to(there.fileno())
            try:
                yield
            finally:
                _go_to(here.fileno())


@contextmanager
def link() -> Iterator[Link]:
    """Both ends up, the first core's thread taking in what comes here, the others' what goes there."""
    name = f"nr{os.getpid()}"
    made = Link(name)
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        _end([], f"{name}a", f"{made.here}/30")
        _end(made.command_there(), f"{name}b", f"{made.there}/30")
        first, *others = sorted(os.sched_getaffinity(0))
        _pin(f"{name}a", {first})
        _pin(f"{name}b", set(others) or {first})
        yield made
    finally:
        subprocess.run(["ip", "link", "del", f"{name}a"], check=False)
        _run("ip", "netns", "del", name)


def _go_to(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns: the thread cannot go to the other end of the link")


def _end(there: list[str], device: str, address: str) -> None:
    _run(*there, "ip", "addr", "add", address, "dev", device)
    _run(*there, "ethtool", "-K", device, "gro", "on")  # what gives a virtual device its NAPI
    _run(*there, "ip", "link", "set", device, "up")
    _run(*there, "sh", "-c", f"echo 1 > /sys/class/net/{device}/threaded")


def _pin(device: str, cores: set[int]) -> None:
    found = [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/comm") if _is_of(each, device)]
    if not found:
        raise SystemExit(f"{device}: no kernel thread takes in its packets; the kernel lacks threaded NAPI")
    for pid in found:
        os.sched_setaffinity(pid, cores)


def _is_of(comm: Path, device: str) -> bool:
    try:
        return comm.read_text().startswith(f"napi/{device}-")
    except OSError:  # it has ended meanwhile
        return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
