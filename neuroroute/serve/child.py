"""What is a child of the supervisor, and how is it told to it?"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Child:
    """One process to run. Lower ranks are stopped first, each with `grace_s` seconds before it is killed."""

    name: str
    argv: list[str]
    rank: int
    grace_s: float
    restart: bool = True  # False: a person may stop it, and starts it again by `hint`
    hint: str = ""
    log: str = ""  # whose log file it writes to; empty: its own
    listen: tuple[str, int, int] | None = None  # host, port and `slow_client_s`: it gets that socket as `--fd`
    proxy_socket: str = ""  # a Unix socket's path: likewise, beside the other
    reserve: tuple[str, int] | None = None  # host and port: likewise, and nobody else has them while it is stopped

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str | bytes) -> "Child":
        """The child that `to_line` described."""
        fields = json.loads(line)
        addresses = {name: fields[name] and tuple(fields[name]) for name in ("listen", "reserve")}
        return cls(**fields | addresses)


def listens(descriptors: Iterable[int]) -> list[str]:
    """The options that tell a child which sockets it was given."""
    return [word for fd in descriptors for word in ("--fd", str(fd))]
