"""What one web worker holds: the engine and all that it acts upon, made once, started and stopped with the process."""

import asyncio
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Final

from django.conf import settings

from providers.catalog import Catalog, catalog
from providers.snapshots import Snapshot, Watcher
from routing.engine import Engine
from routing.evidence import EvidenceBook
from routing.planner import Planner
from routing.policybook import PolicyBook, policybook
from routing.resilience import Health
from tenants.keyring import Keyring, keyring
from tenants.limits import RateLimiter
from usage.journal import Journal

TICK_S: Final = 2.0  # how stale a plan's evidence may be


@dataclass(slots=True)
class Runtime:
    """The parts of a worker. `start` reads the configuration; the data plane then touches memory only."""

    engine: Engine
    limiter: RateLimiter
    journal: Journal
    watcher: Watcher
    max_body_bytes: int
    catalog: Snapshot[Catalog] = field(default_factory=lambda: catalog)
    policies: Snapshot[PolicyBook] = field(default_factory=lambda: policybook)
    keyring: Snapshot[Keyring] = field(default_factory=lambda: keyring)
    _ticker: "asyncio.Task[None] | None" = None
    _starting: "asyncio.Task[None] | None" = None

    async def ready(self) -> None:
        """Return when the worker may serve; the first call starts it. Servers without lifespan call it per request."""
        if self._ticker is None:
            if self._starting is None:
                self._starting = asyncio.create_task(self.start())
            await asyncio.shield(self._starting)

    async def start(self) -> None:
        """Load the snapshots, remember today's use, begin to watch. Call it from the event loop that serves."""
        await asyncio.to_thread(self._load)
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """End the background work and close the journal."""
        if self._ticker:
            self._ticker.cancel()
        await asyncio.to_thread(self.watcher.stop)
        self.journal.close()

    def _load(self) -> None:
        self.watcher.start()

    async def _tick(self) -> None:
        """Let new evidence and ended rests into the plans."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.engine.evidence.changed:
                self.engine.evidence.changed = False
                self.engine.planner.forget()


@cache
def runtime() -> Runtime:
    """This process's runtime."""
    evidence, health = EvidenceBook(), Health()
    planner = Planner(lambda: catalog.current, lambda: policybook.current, evidence, health, monotonic)
    health.on_change = planner.forget
    for snapshot in (catalog, policybook):
        snapshot.listeners.append(planner.forget)
    journal = Journal(Path(settings.VAR_DIR) / "spool", f"web-{os.getpid()}")
    engine = Engine(planner, health, evidence, journal)
    watcher = Watcher([catalog, policybook, keyring])
    return Runtime(engine, RateLimiter(), journal, watcher, settings.MAX_BODY_BYTES)
