"""What needs a person? Findings of every app: what a check wrote on the board, and what this process knows now."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from msgspec import Struct
from msgspec.structs import replace

from dashboard.board import Acknowledged, Board, change, harm_of
from dashboard.burndown import said
from dashboard.colours import given
from dashboard.lasting import earlier, one_each
from dashboard.outlooks import Outlook, outlooks
from profiling import attention as jobs
from providers import attention as upstreams
from providers import revisions
from providers.attention import Notice
from routing import attention as health
from routing.demo.rows import tenant_of_sample
from routing.demo.turns import DAYS
from routing.healthnow import health_now, serving_now
from routing.resilience.report import HealthReport
from tenants import attention as access
from tenants.attention import about_budget, of_key
from tenants.budgets import USD
from tenants.selectors import key_labels, own_tenants, tenant_names
from tenants.sight import Sight
from usage import attention as traffic
from usage import spool
from usage.selectors import Entities, Group, TimeRange, by, series_by

DAY: Final = timedelta(days=1)
Ask = Callable[..., Any]
MOST: Final = 100  # notices on the board
BUSIEST: Final = 100  # names whose requests it knows
LASTS: Final = timedelta(hours=1)  # what is found again within the window of a rate has lasted
LATE: Final = timedelta(minutes=3)  # after that the check, due every minute, is missed


class Finding(Struct, frozen=True):
    """A notice with what is at stake, and who has acknowledged it."""

    notice: Notice
    harm: int
    share: float | None  # of a day's requests or money; None: unknown
    requests: int | None
    acknowledged: Acknowledged | None

    @property
    def order(self) -> tuple[int, bool, float, str]:
        """What loses requests now first; then by share, the unknown behind."""
        return self.harm, self.share is None, -(self.share or 0.0), self.notice.what


class Findings(Struct, frozen=True):
    """The worst first."""

    open: tuple[Finding, ...]
    acknowledged: tuple[Finding, ...]
    checked_at: datetime | None
    late: bool  # the check has not come when it was due

    def about(self, key: str) -> Finding | None:
        return next((each for each in (*self.open, *self.acknowledged) if each.notice.about == key), None)


class Here(Struct, frozen=True):
    """What this process knows without asking the database; `free` is the share of the journal's disk, None: unknown."""

    health: HealthReport | None = None
    backlog: spool.Backlog = spool.Backlog()
    free: float | None = None
    serving: Mapping[str, int] = {}


def here(ask: Ask = lambda question, *args: question(*args)) -> Here:
    """Of now; `ask` is that of a page, whose panels share their answers."""
    directory = Path(settings.VAR_DIR) / spool.NAME
    return Here(ask(health_now), ask(spool.backlog, directory), ask(_free, directory), ask(serving_now))


def of_this_machine(now: datetime) -> Iterator[Notice]:
    """What its journal and disk say; no query."""
    directory = Path(settings.VAR_DIR) / spool.NAME
    yield from traffic.of_machine(spool.backlog(directory), _free(directory), now)


def findings(board: Board, known: Here, now: datetime, sight: Sight = None, also: Iterable[Notice] = ()) -> Findings:
    """What needs somebody, with what is noticed `also`; no query.

    Who sees some tenants is told of those, and of what is nobody's requests, without numbers of all tenants together.
    """
    noticed = [*also, *(each for each in (*_local(board, known, now), *board.notices) if _in_sight(each, sight))]
    told: dict[str, Finding] = {}
    for one in sorted((_finding(each, board, now, sight) for each in one_each(noticed)), key=lambda one: one.order):
        told.setdefault(one.notice.about, one)
    late = board.checked_at is None or now - board.checked_at > LATE
    return Findings(
        tuple(one for one in told.values() if one.acknowledged is None),
        tuple(one for one in told.values() if one.acknowledged is not None),
        board.checked_at,
        late,
    )


def check(now: datetime) -> Board:
    """Look at everything and write what was found; some thirty queries, all of sums, lists by index or few rows."""
    day = TimeRange.around(now - DAY, now, now)
    groups = by("deployment", day)
    noticed = [
        *traffic.notices(now),
        *_budgets(now),
        *access.notices(now),
        *jobs.notices(now),
        *upstreams.notices(now),
    ]
    served = Counter({str(group.value): group.totals.requests for group in groups if group.value})
    for group in groups:
        if group.value:
            served[str(group.value).partition("/")[0]] += group.totals.requests
    weights = served | _of_keys(noticed, day)
    noticed = [_weighed(each, weights) for each in noticed]
    fresh = Board(
        checked_at=now,
        requests=sum(group.totals.requests for group in groups),
        nano_usd=sum(group.totals.cost_nano_usd for group in groups),
        busiest=dict(served.most_common(BUSIEST)),
        revisions=revisions.numbers(),
    )
    kinds = [*_kinds(day, groups, Entities()), *_kinds_of_sample(now)]
    return change(lambda last: _succeeding(last, replace(fresh, colours=given(last.colours, kinds)), noticed, now))


def _kinds_of_sample(now: datetime) -> list[list[tuple[str, int]]]:
    """The same of sample traffic, over the days that it is told over: it is in no sum of all tenants."""
    sample, week = tenant_of_sample(), TimeRange.around(now - timedelta(days=DAYS), now, now)
    if sample is None:
        return []
    whose = Entities(sample.pk)
    return _kinds(week, by("deployment", week, whose), whose)


def _kinds(period: TimeRange, groups: Sequence[Group], whose: Entities) -> list[list[tuple[str, int]]]:
    """What had requests, kind by kind, as pages name it, with how many; the busiest first. Four queries."""
    models: Counter[str] = Counter()
    providers: Counter[str] = Counter()
    for group in groups:
        provider, _, model = str(group.value).partition("/")
        providers[provider] += group.totals.requests
        models[model] += group.totals.requests
    deployments = Counter({str(group.value): group.totals.requests for group in groups})
    tenants, keys, policies = (by(kind, period, whose) for kind in ("tenant", "key", "policy"))
    names = tenant_names()
    called = key_labels({int(group.value) for group in keys[:BUSIEST]})
    told = [(names.get(int(group.value), ""), group.totals.requests) for group in tenants]
    told_keys = [(called.get(int(group.value), ""), group.totals.requests) for group in keys[:BUSIEST]]
    asked = [(str(group.value), group.totals.requests) for group in policies]
    return [*(each.most_common() for each in (models, providers, deployments)), told, told_keys, asked]


def _succeeding(last: Board, fresh: Board, noticed: list[Notice], now: datetime) -> Board:
    """The new board: what was there before keeps when it was found, acknowledgements end with their time."""
    met = {each.about: each for each in last.notices} if last.checked_at and now - last.checked_at < LASTS else {}
    found = {each.about: each.found for each in last.notices}
    lasting = [earlier(each, met.get(each.about)) for each in noticed]
    ranked = sorted((_finding(each, fresh, now) for each in lasting), key=lambda one: one.order)
    notices = [replace(one.notice, found=found.get(one.notice.about) or now) for one in ranked]
    kept = {about: note for about, note in last.acknowledged.items() if note.until > now}
    return replace(fresh, notices=tuple(notices[:MOST]), more=len(notices[MOST:]), acknowledged=kept)


def _weighed(notice: Notice, served: Mapping[str, int]) -> Notice:
    if notice.requests is not None or not notice.traffic:
        return notice
    return replace(notice, requests=served.get(notice.traffic, 0))


def _of_keys(noticed: Iterable[Notice], day: TimeRange) -> Counter[str]:
    """How many requests the keys that notices name had, by their `traffic`."""
    named = {each.traffic for each in noticed if each.traffic.startswith(of_key(""))}
    keys = {int(name.partition(":")[2]) for name in named}
    found = series_by("key", [day], only=keys) if keys else {}
    return Counter({of_key(key): sums[0].requests for key, sums in found.items()})


def _budgets(now: datetime) -> Iterator[Notice]:
    """Budgets that are spent, or will be before their reset, with what is then refused."""
    for one in outlooks(now, own_tenants()):
        if one.level in ("spent", "short"):
            state, link = one.state, f"{reverse('dashboard:budgets')}?tenant={one.state.tenant}"
            refused = "What it does not cover is refused." if state.hard else "It only alerts: nothing is refused."
            yield Notice(
                f"{state.name}: {said(one)}",
                refused,
                link,
                level=one.level,
                verb="Its forecast",
                about=about_budget(state.id),
                nano_usd=_a_day(one),
                tenant=state.tenant_id,
            )


def _a_day(one: Outlook) -> int | None:
    """What a day is expected to cost; None: unknown, or tokens."""
    if one.forecast is None or one.state.unit != USD:
        return None
    return round(one.forecast.spend(DAY / one.step))


def _local(board: Board, known: Here, now: datetime) -> Iterator[Notice]:
    if known.health is not None:
        yield from health.notices_of(known.health, now)
    yield from traffic.of_machine(known.backlog, known.free, now)
    if board.checked_at is not None:
        yield from health.behind(known.serving, board.revisions, board.checked_at)


def _in_sight(notice: Notice, sight: Sight) -> bool:
    if sight is None:
        return True
    return notice.shared if notice.tenant is None else notice.tenant in sight


def _finding(notice: Notice, board: Board, now: datetime, sight: Sight = None) -> Finding:
    requests, share = board.requests_of(notice), board.share(notice)
    if sight is not None:  # a share tells the sum of all tenants
        requests, share = None if notice.shared else notice.requests, None
    return Finding(notice, harm_of(notice), share, requests, board.hides(notice, now))


def _free(directory: Path) -> float | None:
    try:
        disk = os.statvfs(directory)
    except OSError:
        return None
    return disk.f_bavail / disk.f_blocks if disk.f_blocks else None
