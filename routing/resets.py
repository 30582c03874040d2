"""How an operator's "forget what you remember of its health" reaches every worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from providers import revisions
from providers.catalog import Catalog
from providers.snapshots import Snapshot
from routing.models import HealthReset
from routing.resilience import Health

HEALTH: Final = "health"
KEPT: Final = timedelta(hours=1)  # a worker that was away longer has forgotten by itself


def ask(scope: str = "") -> None:
    """Make every worker forget a provider, a `provider/model`, or with the empty scope everything."""
    with transaction.atomic():
        HealthReset.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        HealthReset.objects.create(scope=scope)
        revisions.bump(HEALTH)


def load_resets() -> tuple[tuple[int, str], ...]:
    """Recent wishes: (id, scope), oldest first."""
    return tuple(HealthReset.objects.values_list("id", "scope"))


resets: Snapshot[tuple[tuple[int, str], ...]] = Snapshot(HEALTH, load_resets)


class Obedience:
    """Applies wishes that are newer than the worker, each once."""

    def __init__(self, health: Health, catalog: Callable[[], Catalog]) -> None:
        self._health, self._catalog = health, catalog
        self._last = 0

    def skip(self) -> None:
        """A worker that has just begun remembers nothing that could be forgotten."""
        self._last = max((number for number, _ in resets.current), default=0)

    def obey(self) -> None:
        """Forget what the new wishes name; call it from the event loop's thread."""
        for number, scope in resets.current:
            if number > self._last:
                self._last = number
                self._forget(scope)

    def _forget(self, scope: str) -> None:
        if not scope:
            self._health.forget()
            return
        for target in self._catalog().targets:
            if scope in (target.provider, target.name):
                self._health.forget(target)
