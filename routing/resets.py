"""How what an operator wants of health reaches every worker: forget what it remembers, or leave a deployment alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import transaction
from django.utils import timezone
from msgspec import Struct

from providers import revisions
from providers.catalog import Catalog
from providers.snapshots import Snapshot
from providers.targets import Target
from routing.models import HealthReset
from routing.resilience import Health
from routing.resilience.breaker import LONGEST_COOLDOWN_S

HEALTH: Final = "health"
KEPT: Final = timedelta(hours=1)  # a worker that was away longer has forgotten by itself
BY_HAND: Final = "opened by hand"  # what a breaker says of itself


class Wish(Struct, frozen=True):
    """One of the recent wishes; `scope` is a provider, a `provider/model`, or empty for all."""

    number: int
    scope: str
    opens: bool
    at: datetime


def ask(scope: str = "", *, opens: bool = False) -> None:
    """Make every worker forget a provider, a `provider/model`, or with the empty scope everything; or, with `opens`,
    open the breakers of what the scope names for the longest cooldown."""
    with transaction.atomic():
        HealthReset.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        HealthReset.objects.create(scope=scope, opens=opens)
        revisions.bump(HEALTH)


def load_resets() -> tuple[Wish, ...]:
    """Recent wishes, oldest first."""
    return tuple(Wish(*row) for row in HealthReset.objects.values_list("id", "scope", "opens", "created_at"))


resets: Snapshot[tuple[Wish, ...]] = Snapshot(HEALTH, load_resets)


class Obedience:
    """Applies wishes that are newer than the worker, each once."""

    def __init__(
        self, health: Health, catalog: Callable[[], Catalog], clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self._health, self._catalog, self._clock = health, catalog, clock
        self._last = 0

    def skip(self) -> None:
        """A worker that has just begun remembers nothing that could be forgotten."""
        self._last = max((wish.number for wish in resets.current), default=0)

    def obey(self) -> None:
        """Do what the new wishes say; call it from the event loop's thread."""
        for wish in resets.current:
            if wish.number > self._last:
                self._last = wish.number
                self._open(wish) if wish.opens else self._forget(wish.scope)

    def _forget(self, scope: str) -> None:
        if not scope:
            self._health.forget()
            return
        for target in self._named(scope):
            self._health.forget(target)

    def _open(self, wish: Wish) -> None:
        """Until the same moment in all workers, whenever each hears of it; one that hears too late does nothing."""
        left_s = LONGEST_COOLDOWN_S - max((self._clock() - wish.at).total_seconds(), 0.0)
        if left_s > 0:
            for target in self._named(wish.scope):
                self._health.open(target, monotonic(), left_s, BY_HAND)

    def _named(self, scope: str) -> list[Target]:
        return [target for target in self._catalog().targets if scope in (target.provider, target.name)]
