"""What one web worker holds: the engine and all that it acts upon, made once, started and stopped with the process."""

import asyncio
import gc
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import connection

from profiling.selectors import CALIBRATION, EVIDENCE, LatencyEvidence, latency_profiles, token_factors
from profiling.stays import RESIDENCY, Residents, look_again, residents
from providers import http
from providers.adapters import adapters
from providers.catalog import Catalog, catalog
from providers.loopwatch import LoopWatch
from providers.snapshots import Snapshot, Watcher
from routing.calibration import calibrations_of
from routing.engine import Engine
from routing.evidence import EvidenceBook, Residency, StoredEvidence
from routing.features import features
from routing.healthmetrics import HealthGauges, observe_lag
from routing.inflight.hearing import Hearing, new_hearing
from routing.planner import Planner
from routing.policies import policy_kinds
from routing.policybook import PolicyBook, policybook
from routing.reached import Relief, reached
from routing.repeating.repeats import Repeats
from routing.repeating.sharedrepeats import new_repeats
from routing.resets import Obedience, resets
from routing.resilience import Health
from routing.resilience.sharing import SharedHealth, new_shared_health
from routing.scorers import scorers
from routing.serving import new_serving_book
from routing.statewatch import StateWatch
from routing.surfaces import surface_at, surfaces
from routing.troubles import TroubleWatch
from tenants.admission import RateLimiter
from tenants.keyring import Keyring, keyring
from tenants.ledger import Ledger
from tenants.limiter import new_limiter
from tenants.limits import MINUTE_S, Window, days_of
from usage.journal import Journal
from usage.selectors import used_since

GARBAGE: Final = 20_000  # new containers between collections: requests leave few cycles behind


@dataclass(slots=True)
class Runtime:
    """The parts of a worker. `start` reads the configuration; the data plane then touches memory only."""

    engine: Engine
    limiter: RateLimiter
    journal: Journal
    watcher: Watcher
    obedience: Obedience
    max_body_bytes: int
    catalog: Snapshot[Catalog] = field(default_factory=lambda: catalog)
    policies: Snapshot[PolicyBook] = field(default_factory=lambda: policybook)
    keyring: Snapshot[Keyring] = field(default_factory=lambda: keyring)
    watch: LoopWatch = field(default_factory=LoopWatch)
    shared_health: SharedHealth | None = None
    hearing: Hearing | None = None
    states: StateWatch | None = None
    troubles: TroubleWatch | None = None
    relief: Relief | None = None
    repeats: Repeats = field(default_factory=new_repeats)
    loop: asyncio.AbstractEventLoop | None = None  # that serves
    _ticker: "asyncio.Task[None] | None" = None
    _watching: "asyncio.Task[None] | None" = None
    _telling: "asyncio.Task[None] | None" = None
    _starting: "asyncio.Task[None] | None" = None

    @property
    def serves(self) -> bool:
        """Whether this process is a web worker that has started."""
        return self._ticker is not None

    async def ready(self) -> None:
        """Return when the worker may serve; the first call starts it. Servers without lifespan call it per request."""
        if self._ticker is None:
            if self._starting is None:
                self._starting = asyncio.create_task(self.start())
            try:
                await asyncio.shield(self._starting)
            finally:
                if self._starting is not None and self._starting.done() and self._ticker is None:
                    self._starting = None  # it failed, the database is away perhaps: the next call tries again

    async def start(self) -> None:
        """Load the snapshots, remember today's use, begin to watch. Call it from the event loop that serves."""
        for window, used in await asyncio.to_thread(self._load):
            await self.limiter.seed(window, used)
        self.obedience.skip()
        for plugins in (adapters, features, scorers, policy_kinds, surfaces, surface_at):
            plugins()  # imported now, not while the first caller waits
        spare_the_collector()
        self.loop = asyncio.get_running_loop()
        self.watch.start()
        if self.shared_health is not None:
            await self.shared_health.start()
        if self.hearing is not None:
            self.hearing.start()
        resets.listeners.append(self._obey)
        if self.relief is not None:
            reached.listeners.append(self._relieve)
        self._ticker = asyncio.create_task(self._tick())
        if self.states is not None:
            self._watching = asyncio.create_task(self.states.run())
        if self.troubles is not None:
            self._telling = asyncio.create_task(self.troubles.run())

    async def stop(self) -> None:
        """End the background work and close the journal."""
        for task in (self._ticker, self._watching, self._telling):
            if task:
                task.cancel()
        self.watch.stop()
        if self.shared_health is not None:
            await self.shared_health.close()
        if self.hearing is not None:
            await self.hearing.close()
        await asyncio.to_thread(self.watcher.stop)
        for listeners, heard in ((resets.listeners, self._obey), (reached.listeners, self._relieve)):
            if heard in listeners:  # the loop that they call ends with this
                listeners.remove(heard)
        await self.limiter.close()
        await self.repeats.close()
        await self.engine.serving.close()
        await self.engine.ledger.close()
        await http.close()
        self.journal.close()

    def _obey(self) -> None:
        """Called in the watcher's thread: health belongs to the event loop's."""
        if self.loop:
            self.loop.call_soon_threadsafe(self.obedience.obey)

    def _relieve(self) -> None:
        """The same."""
        if self.loop and self.relief:
            self.loop.call_soon_threadsafe(self.relief.bring)

    def _load(self) -> list[tuple[Window, int]]:
        """Load the snapshots; answer what was taken of each limit of this day."""
        try:
            self.watcher.start()
            return used_today(self.keyring.current)
        except BaseException:
            if self.watcher.is_alive():
                self.watcher.stop()
            self.watcher = self.watcher.successor()  # a thread starts but once
            raise
        finally:
            connection.close()  # this thread never asks again

    async def _tick(self) -> None:
        """Let new evidence and ended rests into the plans, health into the metrics, and count what runs."""
        gauges = HealthGauges()
        while True:
            gauges.publish(self.engine.health, self.catalog.current, monotonic())
            await asyncio.sleep(self.engine.running.sample())  # two seconds: how stale a plan's evidence may be
            uneasy = self.engine.health.uneasy  # asked first: a bar that has just ended changes plans once more
            self.engine.health.forget_ended(monotonic())
            if self.engine.evidence.changed or uneasy:
                self.engine.evidence.changed = False
                self.engine.planner.forget()


def spare_the_collector() -> None:
    """What is loaded by now lives as long as the process: let the collector look at it no more, and come less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


def used_today(ring: Keyring) -> list[tuple[Window, int]]:
    """How many requests were made since midnight UTC, by each tenant and key that has a limit of them."""
    now = datetime.now(UTC)
    windows = days_of(ring.callers.values(), int(now.timestamp()) // MINUTE_S)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tenants = used_since(midnight) if windows else {}
    keys = used_since(midnight, dimension="key") if any(window.key_id for window in windows) else {}
    return [(w, keys.get(w.key_id, 0) if w.key_id else tenants.get(w.tenant_id, 0)) for w in windows]


profiles: Final[Snapshot[dict[int, LatencyEvidence]]] = Snapshot(EVIDENCE, latency_profiles)


def learn(evidence: EvidenceBook, planner: Planner) -> None:
    """Take new latency profiles in."""
    now = datetime.now(UTC)
    evidence.stored = {
        number: StoredEvidence(
            found.ttft_ms,
            1000 / found.tokens_per_s if found.tokens_per_s else None,
            found.ttft_p95_ms,
            monotonic() - (now - found.measured_at).total_seconds() if found.measured_at else None,
        )
        for number, found in profiles.current.items()
    }
    planner.forget()


factors: Final[Snapshot[dict[int, float]]] = Snapshot(CALIBRATION, token_factors)


def recalibrate(evidence: EvidenceBook, planner: Planner) -> None:
    """Take in how the models count."""
    evidence.calibrations = calibrations_of(factors.current)
    planner.forget()


resident: Final[Snapshot[Residents]] = Snapshot(RESIDENCY, lambda: residents(datetime.now(UTC)), look_again)


def remember(evidence: EvidenceBook, planner: Planner) -> None:
    """Take in what local servers have in memory."""
    now, found = datetime.now(UTC), resident.current
    looked_at = {name: monotonic() - (now - at).total_seconds() for name, at in found.looked_at.items()}
    evidence.residency = Residency(found.loaded, looked_at)
    planner.forget()


@cache
def runtime() -> Runtime:
    """This process's runtime."""
    watch = LoopWatch(observe_lag)
    evidence, health = EvidenceBook(), Health(stalled=watch.stalled)
    planner = Planner(lambda: catalog.current, lambda: policybook.current, evidence, health, monotonic)
    health.on_change = planner.forget
    for snapshot in (catalog, policybook):
        snapshot.listeners.append(planner.forget)
    journal = Journal(Path(settings.VAR_DIR) / "spool", f"web-{os.getpid()}")
    engine = Engine(
        planner,
        health,
        evidence,
        journal,
        new_serving_book(),
        Ledger(journal.writer),
        deadline_s=settings.REQUEST_DEADLINE_S,
        patience_s=settings.RATE_LIMIT_PATIENCE_S,
    )
    profiles.listeners.append(lambda: learn(evidence, planner))
    factors.listeners.append(lambda: recalibrate(evidence, planner))
    resident.listeners.append(lambda: remember(evidence, planner))
    watcher = Watcher([catalog, policybook, keyring, resets, reached, profiles, factors, resident])
    obedience = Obedience(health, lambda: catalog.current)
    return Runtime(
        engine, new_limiter(), journal, watcher, obedience, settings.MAX_BODY_BYTES,
        watch=watch, shared_health=new_shared_health(health),
        hearing=new_hearing(engine.running, lambda: runtime().watcher.serving),
        states=StateWatch(health, lambda: catalog.current), troubles=TroubleWatch(health, lambda: catalog.current),
        relief=Relief(health),
    )  # fmt: skip
