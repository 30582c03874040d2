"""Which upstream is well?"""

from collections import Counter
from typing import Any, Final

from django.urls import reverse
from msgspec import Struct

from dashboard import newcredentials, newproviders, providertests
from dashboard.draining import NO_DRAIN, NOTHING
from dashboard.formatting import percent, share_of
from dashboard.groups import requests_of
from dashboard.headrooms import Left, known_headrooms
from dashboard.panels.base import Panel
from dashboard.panels.providers import NONE, by_provider, level, notes_of
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.standing import provider_state
from dashboard.tables import Column, Table
from dashboard.verbs import Barred, Verb, barred, offered
from providers.selectors import Upstream, upstreams
from routing import acts
from routing.healthnow import health_now
from routing.resilience.report import CredentialReport, HealthReport
from usage.selectors import Attempts, LastError, Percentiles, attempt_series, errors, last_errors, percentiles

LIMITED: Final = "RateLimited"
SORTS: Final = ("name", "credentials", "attempts", "rate", "p95", "limited", "quota")
WORST: Final = "worst"  # the usual order: what is not well, then what fails most
ORDER: Final = {"healthy": 1, "": 1, "off": 2}  # what is not well stands first


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
    change: str  # the page of the admin; empty: this person may not open it
    tightest: Left | None  # of its rate limits
    has_reset: bool  # all that it told of them is past
    spent: CredentialReport | None  # a credential whose quota is used up
    verbs: tuple[Verb, ...]


class Upstreams(Struct, frozen=True):
    rows: tuple[Row, ...]
    order: Sorting
    buckets: int
    add: str
    barred: tuple[Barred, ...]


class UpstreamsPanel(Panel):
    """One line per provider: what it is, how it is now, how it was in the range."""

    name = "upstreams"
    title = "Which upstream is well?"
    page = "upstreams"
    order = 10
    formula = (
        "Attempts: every call, retries and failovers included. Error rate: of those waited for; what a leaving client "
        "cancelled is not judged. First token: of "
        "whole requests, from their arrival here, from twenty samples on. 429s: attempts that the upstream refused "
        "with that status. Credentials: those switched on, less those that are barred now. Each cell of the strip is a "
        "bucket of the range: green from 99 % of attempts that worked, yellow from 95 %, red below. "
        "Quota left: the tightest of the rate limits that the upstream told last (below), or a credential whose quota "
        "is used up; of a quota in money upstreams tell nothing before it is. Empty at: when that limit is used up at "
        "the pace of the last 15 minutes."
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
        lefts = known_headrooms(scope).lefts
        rows = []
        for name in served if scope.sample else {*known, *served}:
            cells = {deployment: parts for deployment, parts in called.items() if deployment.partition("/")[0] == name}
            felt = speed.get(name, Percentiles(name)).p95
            rows.append(_row(scope, name, known.get(name), cells, felt, limited[name], last.get(name), health, lefts))
        rows.sort(key=lambda row: (ORDER.get(row.now, 0), -(row.error_rate or 0), -row.attempts, row.name))
        add = reverse("dashboard:provider-new") if scope.may(newproviders.RIGHT) else ""
        order = sorting(scope, SORTS, WORST)
        rows = order.rows(rows, _key)
        return Upstreams(
            tuple(rows), order, len(scope.period.buckets), add, barred(verb for row in rows for verb in row.verbs)
        )

    def table(self, data: Upstreams, scope: Scope) -> Table | None:
        heads = ("Provider", "Wire", "Now", "Credentials usable", "Credentials", "Attempts")
        columns = [*map(Column, heads), Column("Error rate", "share"), Column("First token p95", "ms"), Column("429s")]
        columns += [Column("Last error"), Column("Last error at"), Column("Quota left", "share"), Column("Quota of")]
        columns += [Column("Empty in, s")]
        return Table(tuple(columns), [_cells(row) for row in data.rows]) if data.rows else None


def _key(row: Row, by: str) -> Key:
    """What a column is sorted by; the usual order is that in which they come."""
    keys: dict[str, Key] = {
        WORST: 0,
        "name": row.name.casefold(),
        "credentials": row.credentials_ok,
        "attempts": row.attempts,
        "rate": row.error_rate,
        "p95": row.p95_ms,
        "limited": row.limited,
        "quota": row.tightest.share if row.tightest else None,
    }
    return keys[by]


def _cells(row: Row) -> tuple[Any, ...]:
    upstream, last = row.upstream, row.last
    about = (upstream and upstream.wire, row.now or None, row.credentials_ok, upstream and upstream.credentials)
    measured = (row.attempts, row.error_rate, row.p95_ms, row.limited)
    tight = row.tightest
    quota = (tight and tight.share, tight and f"{tight.kind} of {tight.deployment}", tight and tight.empty_in_s)
    return (row.name, *about, *measured, last and last.error, last and last.at, *quota)


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
    lefts: tuple[Left, ...],
) -> Row:
    tried = by_provider([cell for parts in cells.values() for cell in parts])
    answered, failed, cancelled = tried.get(name, NONE)
    may_change = upstream and scope.may("providers.change_provider")
    told = [left for left in lefts if left.provider == name]
    barred_now = health.credentials_of(name) if health else []
    return Row(
        name=name,
        upstream=upstream,
        now=_now(name, upstream, health),
        notes=notes_of(name, health),
        credentials_ok=_fit(upstream, health),
        attempts=answered + failed + cancelled,
        error_rate=share_of(failed, answered + failed),
        p95_ms=p95_ms,
        limited=limited,
        last=last,
        strip=_strip(scope, name, cells),
        requests=requests_of(scope, "provider", name),
        change=reverse("admin:providers_provider_change", args=[upstream.id]) if upstream and may_change else "",
        tightest=next((left for left in told if left.share is not None), None),
        has_reset=any(left.over for left in told),
        spent=next((each for each in barred_now if each.state == "quota exhausted"), None),
        verbs=_verbs(upstream, scope) if upstream else (),
    )


def _verbs(upstream: Upstream, scope: Scope) -> tuple[Verb, ...]:
    test, key, drain = (
        reverse(f"dashboard:provider-{verb}", args=[upstream.name]) for verb in ("test", "key", "drain")
    )
    no_drain = "" if acts.may(scope.may, "drain") else NO_DRAIN
    return (
        offered("Test", test, "" if scope.may(providertests.RIGHT) else providertests.WHY_NOT),
        offered("Add key", key, "" if scope.may(newcredentials.RIGHT) else newcredentials.WHY_NOT),
        offered("Drain", drain, no_drain or ("" if upstream.deployments else NOTHING), danger=True),
    )


def _now(name: str, upstream: Upstream | None, health: HealthReport | None) -> str:
    if upstream is None or not upstream.enabled:
        return "off"
    return provider_state(name, health)


def _fit(upstream: Upstream | None, health: HealthReport | None) -> int | None:
    """How many credentials are switched on and not barred; None where this process does not know."""
    if upstream is None or health is None:
        return None
    barred = {report.credential for report in health.credentials_of(upstream.name) if report.credential}
    return max(upstream.credentials - len(barred), 0)


def _strip(scope: Scope, name: str, cells: dict[str, list[Attempts]]) -> tuple[Cell, ...]:
    drawn = []
    for place, label in enumerate(scope.period.labels):
        answered, failed, _ = by_provider([parts[place] for parts in cells.values()]).get(name, NONE)
        if answered + failed:
            success = answered / (answered + failed)
            drawn.append(Cell(place, level(success), f"{label}: {percent(success)} of {answered + failed:,} worked"))
    return tuple(drawn)
