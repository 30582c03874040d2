"""Who plays in a scenario? Two upstreams with their behaviour, and the ways in which the scenario is played."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from providers.sandbox.steps import Step

PIECES: Final = tuple(f"word{number:02d} " for number in range(1, 61))  # sixty: some scenarios cut after forty
TEXT: Final = "".join(PIECES)
LONG_RUN: Final = 200  # calls that an upstream is ready for
PROMPT: Final = "Say sixty words."
SAYS: Final = Step(pieces=PIECES)
PRIMARY_USD: Final = (Decimal(1), Decimal(2))  # per million tokens of input and output
FALLBACK_USD: Final = (Decimal(10), Decimal(20))
SHORTEST_LIMIT_S: Final = 0.8  # at any pace: below it a busy machine would look like a hanging upstream


class Limits(Struct, frozen=True, omit_defaults=True):
    """A deployment's time limits in seconds; None leaves it to the installation."""

    first_byte_timeout_s: float | None = None
    first_token_timeout_s: float | None = None
    stall_timeout_s: float | None = None


class Part(Struct, frozen=True, kw_only=True):
    """One upstream: `first` are its first answers, `then` is every later one."""

    first: tuple[Step, ...] = ()
    then: Step = SAYS
    closed: bool = False  # nobody listens at its address
    limits: Limits = Limits()
    context: int = 128_000
    continues: bool = False  # claims to go on with the beginning of an answer

    @property
    def script(self) -> list[Step]:
        return [*self.first, *[self.then] * LONG_RUN]


HEALTHY: Final = Part()


class Cast(Struct, frozen=True):
    """The deployment that is asked first, and the one that can step in; None: there is no other."""

    primary: Part
    fallback: Part | None = HEALTHY


class Take(Struct, frozen=True):
    """One way of playing a scenario; `suffix` tells several apart."""

    suffix: str = ""
    stream: bool = True
    recovery: bool = False  # by a policy that goes on with broken streams


STREAM: Final = Take()
JSON: Final = Take("json", stream=False)
RECOVERY: Final = Take("recovery", recovery=True)


def limit(seconds: float, pace: float) -> float:
    """A time limit at this pace."""
    return max(seconds * pace, SHORTEST_LIMIT_S)


def beyond(seconds: float, limit_s: float, pace: float) -> float:
    """How long an upstream is silent at this pace: always far beyond the limit that must end it."""
    return max(seconds * pace, limit_s * 2)
