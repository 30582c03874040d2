"""Test the connection of providers whose circuit breakers are open."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from providers.models import Provider
from providers.probe import probe
from providers.realms import APART
from usage.selectors import TimeRange, state_series

LATELY: Final = timedelta(minutes=3)  # workers write their states every few seconds
AT_MOST: Final = 10  # providers at a time: one that does not answer takes seconds
NOT_CALLED: Final = frozenset({"open", "half_open"})


class Reach(JobKind):
    """Lists the models of each provider that workers do not call, or whose next request is a probe. So an outage is
    over as soon as the provider answers, and not with the next request that somebody sends there; nothing is billed."""

    name = "reach"
    label = "Test providers that are not called"
    every = timedelta(minutes=1)
    kept = timedelta(hours=1)
    tries = 1  # the next minute looks anew
    lost = "An outage that is over may still be told until requests show it."

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        found = state_series([TimeRange.around(now - LATELY, now, now)])
        away = {name.partition("/")[0] for name, (cell,) in found.items() if NOT_CALLED & cell.keys()}
        tested = (
            list(Provider.objects.filter(name__in=away, enabled=True).exclude(source__in=APART)[:AT_MOST])
            if away
            else []
        )
        reached = [provider.name for provider in tested if any(one.ok for one in probe(provider))]
        return {"tested": len(tested), "reached": len(reached)}
