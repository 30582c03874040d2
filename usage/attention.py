"""What about the traffic needs somebody: what fails, is slow or has no price, keys that nobody uses, a full machine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse

from providers.attention import Notice, unpriced_use
from tenants.models import ClientKey
from usage import outages
from usage.onsets import Onsets, first_hour, unpriced_since
from usage.outages import ENOUGH, ERROR_RATE
from usage.ranges import TimeRange
from usage.rollups import DAY, KeyRollup
from usage.selectors.latency import Percentiles, percentile_series_by
from usage.selectors.totals import Totals, series, unpriced
from usage.spool import Backlog

SLOWER: Final = 2  # times its own week
UNUSED: Final = timedelta(days=90)
LAG_S: Final = 10.0  # of the journal
HEADROOM: Final = 0.1  # of the journal's disk, free
SHOWN: Final = 10  # of a kind
HOURS: Final = 24
WEEK: Final = timedelta(days=7)
_HOUR: Final = timedelta(hours=1)


def notices(now: datetime) -> Iterator[Notice]:
    """About the last day, in all tenants together; of sums but for the newest 500 attempts. Nine queries where nothing
    is found, and one more for each hour in which what was found began."""
    onsets = Onsets(ERROR_RATE)
    yield from _unanswered(now, onsets)
    yield from outages.notices(_hours(now), onsets)
    yield from _slow(now, onsets)
    yield from _unpriced(now)
    yield from _unused(now)


def of_machine(backlog: Backlog, free: float | None, now: datetime) -> Iterator[Notice]:
    """What this machine's journal waits for, and the share of its disk that is free; no query."""
    if backlog.oldest_age_s > LAG_S:
        since = now - timedelta(seconds=backlog.oldest_age_s)
        what = f"{backlog.rows:,} records wait in the journal, the oldest for {backlog.oldest_age_s:,.0f} s"
        effect = "Figures, budgets and these findings lag behind. Does the shipper run, and the database answer?"
        yield _of_system(what, effect, "lag", "journal", since, backlog.rows)
    if free is not None and free < HEADROOM:
        what = f"The journal's disk has {free * 100:.1f} % free"
        yield _of_system(what, "Once it is full, requests are refused.", "full", "disk")


def _of_system(
    what: str, effect: str, level: str, about: str, since: datetime | None = None, requests: int | None = None
) -> Notice:
    link = reverse("system")
    return Notice(what, effect, link, "profiling.view_system", level, "The system", about, since, requests=requests)


def _unanswered(now: datetime, onsets: Onsets) -> Iterator[Notice]:
    """Requests that got no answer, whichever deployments they were at, or at none."""
    hours = _hours(now)
    course = series(hours)
    last, lost = course[-1], _lost(course[-1])
    if not _lossy(last):
        return
    what = f"{_share_lost(last) * 100:.1f} % of the requests of the last hour got no answer"
    waited = last.answered + lost  # what the share is of
    effect = f"{lost:,} of {waited:,} that were waited for failed or broke off, after every attempt there was."
    began = first_hour(hours, course, _lossy)
    yield Notice(
        what,
        effect,
        _dashboard("requests", status="errors"),
        level="failing",
        verb="Those requests",
        about="unanswered",
        since=onsets.of_losses(began),
        before=began == hours[0],
        requests=sum(map(_lost, course)),
    )


def _lost(one: Totals) -> int:
    return one.failed + one.interrupted


def _share_lost(one: Totals) -> float:
    """Of those that were let in and waited for."""
    return 1 - one.success if one.success is not None else 0.0


def _lossy(one: Totals) -> bool:
    return _lost(one) >= ENOUGH and _share_lost(one) > ERROR_RATE


def _slow(now: datetime, onsets: Onsets) -> Iterator[Notice]:
    """Deployments whose p95 of the last hour is more than twice that of the week before it, with samples for both."""
    *_, lately = _hours(now)
    called = percentile_series_by("attempt_ttft", [lately], "deployment")
    judged = [str(name) for name, (whole, _) in called.items() if whole.p95 is not None]
    if not judged:
        return
    week = TimeRange.around(lately.start - WEEK, lately.start, now)
    usual = percentile_series_by("attempt_ttft", [week], "deployment", only=judged)
    slow = [name for name in judged if name in usual and slower(called[name][0], usual[name][0])]
    hours = _hours(now)
    courses = percentile_series_by("attempt_ttft", hours, "deployment", only=slow) if slow else {}
    begun = {name: first_hour(hours, courses[name][1], partial(_slower_than, usual[name][0])) for name in slow}
    since = onsets.of_slowness(begun, {name: SLOWER * (usual[name][0].p95 or 0) for name in slow})
    for name in slow:
        yield _of_slow(name, called[name][0], usual[name][0], since[name], before=begun[name] == hours[0])


def _slower_than(usual: Percentiles, hour: Percentiles) -> bool:
    return slower(hour, usual)


def _of_slow(name: str, now: Percentiles, usual: Percentiles, since: datetime, *, before: bool) -> Notice:
    provider, _, model = name.partition("/")
    what = f"{name} is {(now.p95 or 0) / (usual.p95 or 1):.1f} times as slow as in its week"
    effect = f"p95 to the first token: {now.p95:,.0f} ms in the last hour, {usual.p95:,.0f} ms in the 7 days before."
    link = _dashboard("latency", provider=provider, model=model)
    return Notice(
        what,
        effect,
        link,
        level="slow",
        verb="Its latency",
        about=f"slow {name}",
        since=since,
        before=before,
        traffic=name,
    )


def slower(now: Percentiles, usual: Percentiles) -> bool:
    """Whether both are known, and the tail is more than twice as long as usual."""
    return now.p95 is not None and usual.p95 is not None and now.p95 > SLOWER * usual.p95


def _unpriced(now: datetime) -> Iterator[Notice]:
    """Since a deployment first worked at unknown cost within a week; before that nobody looks."""
    hours = _hours(now)
    found = unpriced(TimeRange(hours[0].start, hours[-1].end))
    begun = unpriced_since(now - WEEK, now) if found else {}
    for group in found:
        name, many = str(group.value), group.totals.unpriced
        what = f"{name or 'A deployment that is gone'} has no price"
        effect = f"The cost of {many:,} request{'s' if many > 1 else ''} in 24 h is unknown; budgets in USD miss it."
        link = _dashboard("requests", served=name, status="unpriced")
        yield Notice(
            what,
            effect,
            link,
            level="unpriced",
            verb="Those requests",
            about=unpriced_use(name),
            since=begun.get(name),
            requests=many,
        )


def _unused(now: datetime) -> Iterator[Notice]:
    """Applications' keys that are older than ninety days and have asked nothing for as long, by daily sums."""
    bound = now - UNUSED
    days = KeyRollup.objects.filter(key_id=OuterRef("pk"), grain=DAY)
    lately = days.filter(bucket__gte=int(bound.timestamp()) // DAY * DAY)
    newest = days.order_by("-bucket").values("bucket")[:1]
    live = ClientKey.objects.filter(revoked_at=None, lent_to=None, created_at__lt=bound, tenant__enabled=True)
    live = live.exclude(expires_at__lte=now).exclude(Exists(lately))
    for key in live.annotate(used=Subquery(newest)).select_related("tenant").order_by("pk")[:SHOWN]:
        used = None if key.used is None else datetime.fromtimestamp(key.used, UTC)
        what = f"{key} was not used for 90 days" if used else f"{key} was never used"
        effect = f"Whoever finds it may ask what {key.tenant} may. Revoke it, unless somebody still needs it."
        link = reverse("admin:tenants_clientkey_change", args=[key.pk])
        yield Notice(
            what,
            effect,
            link,
            "tenants.view_clientkey",
            "unused",
            "The key",
            f"key {key.pk} unused",
            used or key.created_at,
            requests=0,
            tenant=key.tenant_id,
        )


def _hours(now: datetime) -> list[TimeRange]:
    """The last day in hours that end now, the oldest first."""
    end = TimeRange.around(now, now, now).end
    return [TimeRange(end - n * _HOUR, end - (n - 1) * _HOUR) for n in range(HOURS, 0, -1)]


def _dashboard(page: str, **words: str) -> str:
    return f"{reverse(f'dashboard:{page}')}?{urlencode({'range': '24h'} | words)}"
