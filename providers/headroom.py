"""What did the latest answer of each upstream say of its rate limits? Kept as it came, read when somebody asks.

A request's way pays for one entry of a dictionary; headers are read on nobody's time but the asker's. Of this process
alone: `routing.inflight.asking.headrooms` asks all of them.
"""

from time import monotonic, time
from typing import Final

from msgspec import Struct

from providers.http import Reply
from providers.targets import Secret, Target
from providers.wire.ratelimits import MARK, RateLimit, rate_limits

MOST: Final = 2000  # deployments times credentials; more than that begin anew
TELL: Final = frozenset({200, 429})  # statuses of the upstream itself: others may be a proxy's, which knows no limits
Fields = list[tuple[bytes, bytes]]


_Heard = tuple[Target, str, float, Fields]  # and the last four of the credential, and time.monotonic()


class Headroom(Struct, frozen=True):
    """What one credential may still ask of one deployment, as it was told at `told_us` (UTC, since the epoch).

    `last_four` is empty where none is presented; each limit's `reset_s` counts from then on.
    """

    deployment: str
    last_four: str
    told_us: int
    limits: tuple[RateLimit, ...]

    @property
    def provider(self) -> str:
        return self.deployment.partition("/")[0]


_heard: Final[dict[tuple[int, int], _Heard]] = {}


def hear(target: Target, secret: Secret | None, reply: Reply, at: float) -> None:
    """Keep the head of an answer; `at` is `time.monotonic()`. Call it on the loop that serves."""
    if reply.status in TELL:
        if len(_heard) > MOST:
            _heard.clear()
        if secret is None:
            _heard[target.id, 0] = (target, "", at, reply.fields)
        else:
            _heard[target.id, secret.id] = (target, secret.last_four, at, reply.fields)


def headrooms() -> list[Headroom]:
    """What is known, of answers that told a limit."""
    now, mono = time(), monotonic()
    found = (_read(one, now - (mono - one[2])) for one in list(_heard.values()))
    return [one for one in found if one.limits]


def _read(one: _Heard, at_s: float) -> Headroom:
    target, last_four, _, fields = one
    names = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    told = {name: value for name, value in names if MARK in name}
    limits = tuple(rate_limits(told, lambda: at_s)) if told else ()
    return Headroom(target.name, last_four, round(at_s * 1e6), limits)
