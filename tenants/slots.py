"""How many requests of a caller run at once? A slot is taken before a request and given back when it ends."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from tenants.callers import Caller
from tenants.errors import TooManyAtOnce


class Gauge(Struct, frozen=True):
    """At most `limit` requests at once of a tenant, or of one of its keys."""

    tenant_id: int
    key_id: int | None  # None: of the whole tenant
    counter: str
    whose: str  # in words
    limit: int

    def refusal(self) -> TooManyAtOnce:
        message = f"{self.whose} has {self.limit} requests running, its limit of concurrent requests"
        return TooManyAtOnce(f"{message}; try again when one has ended", retry_after_s=1)


Gauges = tuple[Gauge, ...]


class Slot:
    """One running request's place in its gauges, named apart from all others."""

    __slots__ = ("_store", "gauges", "name")

    def __init__(self, store: "SlotStore", gauges: Gauges, name: str) -> None:
        self._store, self.gauges, self.name = store, gauges, name

    def free(self) -> None:
        """The request is over."""
        self._store.free(self)


class SlotStore(ABC):
    """Counts what runs."""

    @abstractmethod
    async def take(self, gauges: Gauges) -> Slot:
        """Take a place in every gauge, or none in any when one is full: that raises `TooManyAtOnce`."""

    @abstractmethod
    def free(self, slot: Slot) -> None:
        """Give a place back."""

    @abstractmethod
    async def running(self, gauges: Gauges) -> tuple[int, ...]:
        """How many requests hold a place in each."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""


class LocalSlots(SlotStore):
    """Gauges of one process."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()

    async def take(self, gauges: Gauges) -> Slot:
        for gauge in gauges:
            if self._running[gauge.counter] >= gauge.limit:
                raise gauge.refusal()
        self._running.update(gauge.counter for gauge in gauges)
        return Slot(self, gauges, "")

    def free(self, slot: Slot) -> None:
        self._running.subtract(gauge.counter for gauge in slot.gauges)

    async def running(self, gauges: Gauges) -> tuple[int, ...]:
        return tuple(self._running[gauge.counter] for gauge in gauges)

    async def close(self) -> None:
        """There is nothing to let go of."""


def gauges_of(caller: Caller) -> Gauges:
    """The gauges in which a caller's requests count: the tenant's, then the key's."""
    return tuple(_gauges(caller))


def _gauges(caller: Caller) -> Iterator[Gauge]:
    tenant = f"{{{caller.tenant_id}}}"
    if (limit := caller.limits.concurrent_requests) is not None:
        yield Gauge(caller.tenant_id, None, tenant, caller.tenant, limit)
    if (limit := caller.key_limits.concurrent_requests) is not None:
        whose = f"key {caller.key_name} of {caller.tenant}"
        yield Gauge(caller.tenant_id, caller.key_id, f"{tenant}/{caller.key_id}", whose, limit)
