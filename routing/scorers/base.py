"""What a scorer is: a pure function from a candidate's facts to a number from 0 (worst) to 1 (best)."""

from abc import ABC, abstractmethod
from math import log
from typing import ClassVar, Literal

from msgspec import Struct

from providers.targets import Target
from routing.asked import RequestClass
from routing.calibration import UNKNOWN

Origin = Literal["measured", "profile", "catalogue"]  # by this worker, by past attempts of all, by the catalogue


class Facts(Struct, frozen=True):
    """What is known of one candidate for one class of requests; None is unknown."""

    target: Target
    cost_nano_usd: int | None  # expected
    ttft_ms: float | None
    duration_ms: float | None  # expected time to the last token
    quality: float | None
    uptime: float
    calibration: float = UNKNOWN  # tokens of a prompt that it reports for each that we estimate
    cost_range_nano_usd: tuple[int, int] | None = None  # for half the expected answer, and for the longest
    speed_from: Origin | None = None  # where `ttft_ms` is from; None: it is unknown
    speed_age_s: float | None = None  # since the last attempt that it was measured by; None where we cannot say
    loaded: bool | None = None  # in the memory of its local server; None: nobody said, or it is no local one
    loaded_age_s: float | None = None  # since the look that saw it


class Field(Struct, frozen=True):
    """What a candidate is compared with: the best of the eligible ones."""

    request: RequestClass
    cheapest_nano_usd: int | None
    fastest_ms: float | None


class Scorer(ABC):
    """Makes one fact a number from 0 to 1."""

    name: ClassVar[str]

    @abstractmethod
    def score(self, facts: Facts, field: Field) -> float:
        """0..1. No clock, no cache, no randomness."""


def closeness(value: float, best: float, worst_ratio: float) -> float:
    """1 where `value` equals `best`, falling with the logarithm of their ratio to 0 at `worst_ratio` times the best."""
    if value <= best:
        return 1.0
    return max(0.0, 1.0 - log(value / best) / log(worst_ratio))
