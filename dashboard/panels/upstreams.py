"""Which upstream is well?"""

from collections import Counter
from typing import Any, Final

from django.urls import reverse
from msgspec import Struct

from dashboard.formatting import percent, share_of
from dashboard.groups import requests_of
from dashboard.panels.base import Panel
from dashboard.panels.providers import by_provider, level, notes_of, state_of
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from providers.selectors import Upstream, upstreams
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.selectors import Attempts, LastError, Percentiles, attempt_series, errors, last_errors, percentiles

LIMITED: Final = "RateLimited"
ORDER: Final = {"closed": 1, "": 1, "off": 2}  # what is not well stands first


class Cell(Struct, frozen=True):
    """One bucket of the strip, `x` its place; without attempts it has no fill."""

    x: int
    fill: str
    said: str


class Row(Struct, frozen=True):
    """`upstream` None: it was called, and is gone from the configuration."""

    name: str
    upstream: Upstream | None
    now: str  # a badge; empty: this process does not know
    notes: tuple[str, ...]
    credentials_ok: int | None
    attempts: int
    error_rate: float | None
    p95_ms: float | None
    limited: int
    last: LastError | None
    strip: tuple[Cell, ...]
    requests: str
    change: str  # pages of the admin; empty: this person may not open them
    test: str


class Upstreams(Struct, frozen=True):
    rows: tuple[Row, ...]
    buckets: int
    add: str


class UpstreamsPanel(Panel):
    """One line per provider: what it is, how it is now, how it was in the range."""

    name = "upstreams"
    title = "Which upstream is well?"
    page = "upstreams"
    order = 10
    formula = (
        "Error rate: failed attempts of those that were waited for, retries and failovers included. First token: of "
        "whole requests, from their arrival here, from twenty samples on. 429s: attempts that the upstream refused "
        "with that status. Credentials: those switched on, less those that are barred now. Each cell of the strip is a "
        "bucket of the range: green from 99 % of attempts that worked, yellow from 95 %, red below. How much of "
        "an upstream's rate limit is left is not recorded, so it is not shown."
    )

    def data(self, scope: Scope) -> Upstreams:
        known = {one.name: one for one in upstreams()}
        called = scope.ask(attempt_series, scope.period.buckets, scope.tenant_id)
        served = {name.partition("/")[0] for name in called}
        speed = {str(p.value): p for p in _speeds(scope)}
        limited: Counter[str] = Counter()
        for one in errors(scope.period.span, scope.tenant_id):
            limited[one.deployment.partition("/")[0]] += one.attempts if one.error == LIMITED else 0
        last: dict[str, LastError] = {}
        failed = frozenset(name for name, cells in called.items() if any(cell.failed for cell in cells))
        for error in last_errors(scope.period.span, failed, scope.tenant_id):
            last.setdefault(error.deployment.partition("/")[0], error)
        health = scope.ask(health_now)
        rows = []
        for name in {*known, *served}:
            cells = {deployment: parts for deployment, parts in called.items() if deployment.partition("/")[0] == name}
            felt = speed.get(name, Percentiles(name)).p95
            rows.append(_row(scope, name, known.get(name), cells, felt, limited[name], last.get(name), health))
        rows.sort(key=lambda row: (ORDER.get(row.now, 0), -(row.error_rate or 0), -row.attempts, row.name))
        add = reverse("admin:providers_provider_add") if scope.may("providers.add_provider") else ""
        return Upstreams(tuple(rows), len(scope.period.buckets), add)

    def table(self, data: Upstreams, scope: Scope) -> Table | None:
        heads = ("Provider", "Wire", "Now", "Credentials fit", "Credentials", "Attempts")
        columns = [*map(Column, heads), Column("Error rate", "share"), Column("First token p95", "ms"), Column("429s")]
        columns += [Column("Last error"), Column("Last error at")]
        return Table(tuple(columns), [_cells(row) for row in data.rows]) if data.rows else None


def _cells(row: Row) -> tuple[Any, ...]:
    upstream, last = row.upstream, row.last
    about = (upstream and upstream.wire, row.now or None, row.credentials_ok, upstream and upstream.credentials)
    measured = (row.attempts, row.error_rate, row.p95_ms, row.limited)
    return (row.name, *about, *measured, last and last.error, last and last.at)


def _speeds(scope: Scope) -> list[Percentiles]:
    return scope.ask(percentiles, "ttft", scope.period.span, "provider", tenant_id=scope.tenant_id)


def _row(
    scope: Scope,
    name: str,
    upstream: Upstream | None,
    cells: dict[str, list[Attempts]],
    p95_ms: float | None,
    limited: int,
    last: LastError | None,
    health: HealthReport | None,
) -> Row:
    answered, failed = by_provider([cell for parts in cells.values() for cell in parts]).get(name, (0, 0))
    change = upstream and scope.may("providers.change_provider")
    pages = ("admin:providers_provider_change", "admin:providers_provider_test_connection")
    addresses = [reverse(page, args=[upstream.id]) if upstream and change else "" for page in pages]
    return Row(
        name=name,
        upstream=upstream,
        now=_now(name, upstream, health),
        notes=notes_of(name, health),
        credentials_ok=_fit(upstream, health),
        attempts=answered + failed,
        error_rate=share_of(failed, answered + failed),
        p95_ms=p95_ms,
        limited=limited,
        last=last,
        strip=_strip(scope, name, cells),
        requests=requests_of(scope, "provider", name),
        change=addresses[0],
        test=addresses[1],
    )


def _now(name: str, upstream: Upstream | None, health: HealthReport | None) -> str:
    if upstream is None or not upstream.enabled:
        return "off"
    return state_of(name, health)


def _fit(upstream: Upstream | None, health: HealthReport | None) -> int | None:
    """How many credentials are switched on and not barred; None where this process does not know."""
    if upstream is None or health is None:
        return None
    barred = {report.credential for report in health.credentials_of(upstream.name) if report.credential}
    return max(upstream.credentials - len(barred), 0)


def _strip(scope: Scope, name: str, cells: dict[str, list[Attempts]]) -> tuple[Cell, ...]:
    drawn = []
    for place, label in enumerate(scope.period.labels):
        answered, failed = by_provider([parts[place] for parts in cells.values()]).get(name, (0, 0))
        if answered + failed:
            success = answered / (answered + failed)
            drawn.append(Cell(place, level(success), f"{label}: {percent(success)} of {answered + failed:,} worked"))
    return tuple(drawn)
