"""Who is using a provider, or one of its models? Named before it is taken away from them."""

from datetime import datetime, timedelta

from msgspec import Struct

from dashboard.formatting import counted
from routing.inflight.asking import live
from routing.inflight.telling import Wanted
from tenants.sight import Sight
from usage.selectors import Entities, TimeRange, by

HOUR = timedelta(hours=1)


class Using(Struct, frozen=True):
    """Keys that used it in the last hour, and requests that it is answering now.

    `heard`: whether every worker told what it runs; `whole`: whether this is all, or of one's own tenants alone.
    """

    keys: int
    running: int
    heard: bool
    whole: bool

    @property
    def words(self) -> str:
        """`3 keys used it in the last hour, 1 request is running.`"""
        now = f"{counted(self.running, 'request')} {'is' if self.running == 1 else 'are'} running"
        unheard = "" if self.heard else " (not every worker answered)"
        whose = "" if self.whole else " That is of the tenants that you see; others may use it too."
        return f"{counted(self.keys, 'key')} used it in the last hour, {now}{unheard}.{whose}"


def using(provider: str, model: str | None, sight: Sight, now: datetime) -> Using:
    """Of tenants in sight; `model` None: whatever model. One query, and one question to the workers."""
    hour = TimeRange.around(now - HOUR, now, now)
    keys = by("key", hour, Entities(sight, None, provider, model))
    running = live(sight, Wanted(provider=provider, deployment=model and f"{provider}/{model}"))
    return Using(len(keys), running.total, running.whole, sight is None)
