"""How does a drill run from beginning to end? Ports, rows, gateway, takes, scores; and all is taken away again."""

import socket
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from django.conf import settings
from django.utils import timezone

from profiling import leases
from routing.drill import rows
from routing.drill.gateway import own_address, running_gateway, wait_until_known
from routing.drill.playing import Over, Play, perform
from routing.drill.scenario import Scenario, Scene, scenarios
from routing.drill.scores import Score, score
from routing.drill.stagehand import Performance

LEASE: Final = "drill"
LEASE_FOR: Final = timedelta(seconds=30)
KEY_LIVES: Final = timedelta(hours=1)
Tell = Callable[[Score | None], None]  # a scenario is over; None: the drill is alive


class DrillRuns(RuntimeError):
    """Another drill runs through this installation."""


class UnknownScenario(ValueError):
    """No scenario has this name."""


def chosen(only: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names, all where there are none; raises `UnknownScenario`."""
    known = scenarios()
    if unknown := [name for name in only if name not in known]:
        raise UnknownScenario(f"{', '.join(unknown)}: no such scenario; there are {', '.join(known)}")
    return [known[name] for name in known if not only or name in only]


def run(wanted: Sequence[Scenario], pace: float, tell: Tell) -> None:
    """Play the scenarios through this installation; `tell` is called in this thread with each score as it comes.

    Raises `DrillRuns`, `NoGateway`. What is raised by `tell` ends the drill.
    """
    with ExitStack() as stack:
        keep = stack.enter_context(_alone())
        plays = _plays(wanted, pace, own_address(settings.GATEWAY_URL))
        for play in plays:
            stack.callback(play.close)
        stack.callback(rows.sweep)
        key = rows.put_up([play.casting for play in plays], timezone.now() + KEY_LIVES)
        url = stack.enter_context(running_gateway())
        wait_until_known(url, key, [play.model for play in plays])
        for done in _scores(plays, stack.enter_context(Performance[Over](partial(perform, plays, url, key)))):
            keep()
            tell(done)


def _plays(wanted: Sequence[Scenario], pace: float, host: str) -> list[Play]:
    return [Play(scenario, take, pace, host) for scenario in wanted for take in scenario.takes]


def _scores(plays: Sequence[Play], performance: Iterable[Over | None]) -> Iterator[Score | None]:
    """A score as soon as the last take of its scenario is over."""
    scenes: dict[str, list[Scene]] = defaultdict(list)
    for over in performance:
        if over is None:
            yield None
            continue
        play, scene = over
        name = play.scenario.name
        scenes[name].append(scene)
        if len(scenes[name]) == sum(each.scenario.name == name for each in plays):
            yield score(play.scenario, scenes[name])


@contextmanager
def _alone() -> Iterator[Callable[[], None]]:
    """One drill at a time, as long as what is yielded is called now and then; a killed one's lease ends by itself."""
    holder = f"{socket.gethostname()}:{uuid.uuid4().hex[:12]}"

    def keep() -> None:
        if not leases.hold(LEASE, holder, timezone.now(), LEASE_FOR):
            raise DrillRuns("a drill runs already: wait until it is over")

    keep()
    try:
        yield keep
    finally:
        leases.release(LEASE, holder)
