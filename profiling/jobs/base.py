"""What a job kind is: work outside the way of requests, safe to run twice, in a file of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from msgspec import Struct

Progress = Callable[[float, str], None]  # (0..1, what is being done); raises `LeaseLost` when another worker took over


class Run(Struct, frozen=True):
    """One run of a kind. `attempt` counts from 1; `order` is what exactly was asked for, of kinds that take orders."""

    job_id: int
    kind: str
    window: str
    attempt: int
    order: dict[str, Any] | None = None


class JobKind(ABC):
    """One kind of work. Instances hold no state.

    A worker may be killed at any moment and another will run the job again: what `run` does must be the same when it is
    done twice. What `run` returns is kept as the job's result (JSON, small).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    every: ClassVar[timedelta | None] = None  # the schedule that is made at the first start; None: on request only
    by_order: ClassVar[bool] = False  # each run has an `order` of its own; nobody asks for one without
    lost: ClassVar[str] = "What it measures or cleans is out of date."  # what it means that it failed for good
    tries: ClassVar[int] = 5  # after which the job has failed for good
    kept: ClassVar[timedelta] = timedelta(days=7)  # how long the rows of its runs stay

    def window(self, now: datetime) -> str:
        """What a run at `now` is for; by default the minute, so that two beats do not run a kind twice."""
        return now.strftime("%Y-%m-%dT%H:%MZ")

    @abstractmethod
    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        """Do the work; call `progress` now and then. Any exception means: again later, after a pause."""
