"""How does a test of the connection that worked reach every worker? It closes a provider's breaker."""

from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic

from django.utils import timezone

from providers.models import Provider
from providers.revisions import REACHED
from providers.snapshots import Snapshot
from routing.resilience import Health


def load_reached() -> dict[int, datetime]:
    """When each provider was last reached by a test."""
    return {pk: at for pk, at in Provider.objects.values_list("pk", "reached_at") if at is not None}


reached: Snapshot[dict[int, datetime]] = Snapshot(REACHED, load_reached)


class Relief:
    """Tells one worker's `Health` of each test that worked, once."""

    def __init__(self, health: Health, clock: Callable[[], datetime] = timezone.now) -> None:
        self._health, self._clock = health, clock
        self._known: Mapping[int, datetime] = {}

    def bring(self) -> None:
        """Close the breakers that such a test disproves; call it from the event loop's thread."""
        known, self._known = self._known, reached.current
        for provider, at in self._known.items():
            if known.get(provider) != at:
                ago_s = max((self._clock() - at).total_seconds(), 0.0)
                self._health.reached(provider, monotonic(), ago_s)
