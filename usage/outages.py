"""Which deployments fail, and which providers cannot be reached? One finding for each thing that is broken."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse
from msgspec import Struct

from providers.attention import Notice, failing, outage
from providers.errorwords import in_words
from providers.models import Provider
from providers.realms import APART
from usage.onsets import Onsets, first_hour
from usage.ranges import TimeRange
from usage.selectors.recent import LastAttempt, last_attempts
from usage.selectors.reliability import Attempts, attempt_series

ERROR_RATE: Final = 0.05  # of the attempts of an hour, above which a deployment is named; also the tail beyond a p95
ENOUGH: Final = 3  # failed attempts: fewer may be chance
CHANCE: Final = 0.05  # that so many attempts work one after the other while a rate of errors still holds
UNREACHED: Final = frozenset({"Unreachable", "Untrusted"})  # of a provider; a test of the connection disproves them


class Failing(Struct, frozen=True):
    """A deployment whose attempts fail: by hours, the oldest first, and its latest, where that is among the newest."""

    name: str
    course: Sequence[Attempts]
    last: LastAttempt | None

    @property
    def provider(self) -> str:
        return self.name.partition("/")[0]

    @property
    def down(self) -> LastAttempt | None:
        """The latest attempt, where that and those before it failed."""
        return self.last if self.last is not None and self.last.failed and self.last.in_a_row >= ENOUGH else None

    @property
    def unreached(self) -> bool:
        """Whether its latest attempts found nobody."""
        return self.down is not None and self.down.error in UNREACHED

    def over(self, tested_at: datetime | None) -> bool:
        """Whether that has ended: the provider was reached since, or so many attempts in a row worked that the hour's
        rate of errors can hardly hold any more."""
        if self.last is None:
            return False
        if self.last.failed:
            return self.last.error in UNREACHED and tested_at is not None and tested_at > self.last.at
        return (1 - (self.course[-1].error_rate or 0)) ** self.last.in_a_row < CHANCE


def notices(hours: Sequence[TimeRange], onsets: Onsets) -> Iterator[Notice]:
    """About the last of these hours; deployments of a provider that nobody reached are one notice together."""
    found = _failing(hours)
    away = {one.provider for one in found if one.unreached}
    for provider in sorted(away):
        yield _of_outage(provider, [one for one in found if one.provider == provider and one.unreached])
    for one in found:
        if not (one.provider in away and one.unreached):
            yield _of_failing(one, hours, onsets)


def fails(one: Attempts) -> bool:
    """Whether so many attempts failed that it is no chance."""
    return one.failed >= ENOUGH and (one.error_rate or 0) > ERROR_RATE


def _failing(hours: Sequence[TimeRange]) -> list[Failing]:
    latest = {last.deployment: last for last in last_attempts(TimeRange(hours[0].start, hours[-1].end))}
    every = [Failing(name, course, latest.get(name)) for name, course in attempt_series(hours).items()]
    found = [one for one in every if one.down or fails(one.course[-1])]
    providers = Provider.objects.values_list("name", "source", "reached_at") if found else ()
    tested = {name: at for name, source, at in providers if source not in APART}
    apart = {name for name, source, _ in providers if source in APART}  # their deployments fail on purpose
    return [one for one in found if one.provider not in apart and not one.over(tested.get(one.provider))]


def _of_outage(provider: str, parts: Sequence[Failing]) -> Notice:
    lasts = [one.down for one in parts if one.down is not None]
    first, many = min(lasts, key=lambda last: last.since), sum(last.in_a_row for last in lasts)
    failed, called = _counts(parts)
    deployments = f"{len(parts)} deployments" if len(parts) > 1 else parts[0].name
    return Notice(
        f"{provider} cannot be reached: its last {many} calls failed ({in_words(first.error or 'failed')})",
        f"{failed:,} of {called:,} attempts at {deployments} failed in 24 h.",
        _dashboard("reliability", provider=provider),
        level="failing",
        verb="What caught it",
        about=outage(provider),
        since=first.since,
        before=first.before,
        requests=_requests(parts),
    )


def _of_failing(one: Failing, hours: Sequence[TimeRange], onsets: Onsets) -> Notice:
    failed, called = _counts([one])
    if one.down is not None:
        what = f"{one.name}: its last {one.down.in_a_row} calls failed ({in_words(one.down.error or 'failed')})"
        since, before = one.down.since, one.down.before
    else:
        what = f"{one.name}: {(one.course[-1].error_rate or 0) * 100:.1f} % of its attempts failed in the last hour"
        hour = first_hour(hours, one.course, fails)
        since, before = onsets.of_failures(one.name, hour), hour == hours[0]
    return Notice(
        what,
        f"{failed:,} of {called:,} attempts failed in 24 h.",
        _dashboard("requests", failed=one.name),  # whether another answered them or nobody did
        level="failing",
        verb="Requests that failed there",
        about=failing(one.name),
        since=since,
        before=before,
        requests=_requests([one]),
    )


def _counts(parts: Sequence[Failing]) -> tuple[int, int]:
    """Attempts that failed, and all."""
    hours = [hour for one in parts for hour in one.course]
    return sum(hour.failed for hour in hours), sum(hour.attempts for hour in hours)


def _requests(parts: Sequence[Failing]) -> int:
    """How many requests these failures were part of, a request that was tried again at the same place once."""
    return sum(max(hour.failed - hour.retries, 0) for one in parts for hour in one.course)


def _dashboard(page: str, **words: str) -> str:
    return f"{reverse(f'dashboard:{page}')}?{urlencode({'range': '24h'} | words)}"
