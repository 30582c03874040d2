"""Does anything need a person? What the last check found and what this process knows, the worst first."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from dashboard.attention import Finding, Findings, findings, here
from dashboard.board import GREW, LASTS
from dashboard.formatting import count, counted, money, percent
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from providers.attention import OWN_LIST_LASTS, Notice, unpriced_use
from tenants.rightwords import right_said
from usage.attention import HEADROOM, LAG_S, SLOWER, UNUSED
from usage.outages import CHANCE, ENOUGH, ERROR_RATE, fails
from usage.selectors import attempts, unpriced

HOUR: Final = timedelta(hours=1)
RIGHT: Final = "dashboard.acknowledge"
CHECKED: Final = (
    "circuit breakers, and the last calls of each deployment",
    f"errors (at most {percent(ERROR_RATE)} of an hour's requests, and of each deployment's attempts)",
    f"latency (at most {SLOWER} times a deployment's own week)",
    "credentials and certificates",
    "prices, and the lists that they are compared with",
    "changes of prices and quality in 7 days",
    "the figures of money and the estimates of tokens",
    "budgets, and whether they last until their reset",
    f"client keys that end in 7 days, or were not used for {UNUSED.days} days",
    "jobs",
    f"the journal (at most {LAG_S:.0f} s behind)",
    f"disk and GPU memory (at least {HEADROOM * 100:.0f} % free)",
    "the configuration that this worker serves",
)


class Row(Struct, frozen=True):
    """One finding as it is read. `address` is empty where this person may not open it."""

    about: str
    level: str  # a badge
    what: str
    effect: str
    since: datetime | None  # by the page's clock
    before: bool  # it began earlier, and nobody looked further back
    found: datetime | None
    stake: str
    share: str
    verb: str
    address: str
    by: str = ""  # who has acknowledged it, and until when
    at: datetime | None = None
    until: datetime | None = None
    acts: bool = False  # this person may acknowledge it


class Attention(Struct, frozen=True):
    found: Findings
    rows: tuple[Row, ...]
    acknowledged: tuple[Row, ...]
    more: int
    checked: tuple[str, ...]
    checked_at: datetime | None
    late: bool
    may_check: bool
    refusal: str  # why this person acknowledges nothing; empty: they may
    unfiltered: str  # the tenant that the page is about, and these findings are not


class AttentionPanel(Panel):
    """What is wrong, that by which requests are lost first; or that all is well, and what was checked."""

    name = "attention"
    title = "What needs me?"
    page = "home"
    order = 5
    file = "These findings as a file"
    help = "operations#what-needs-somebody"
    formula = (
        "A check writes every minute what it found in the last 24 hours, whatever the range and the filters of this "
        "page; what this worker knows now of breakers, credentials, its journal and its configuration is added. First "
        "stand findings by which requests fail or are refused now, then those that cost money or will do harm, then "
        "what is worth knowing; within each, by share of daily requests or cost: requests at stake / requests of the "
        "last 24 hours, or money at stake / what these 24 hours cost, the greater of the two; the unknown behind. "
        "A deployment is "
        f"named when its last {ENOUGH} calls or more failed, or more than {percent(ERROR_RATE)} of the attempts of the "
        f"last hour, at least {ENOUGH}; requests as a whole by the same line. It is over with a call that works, or "
        f"with so many in a row that the chance of that is below {percent(CHANCE)} while the rate holds. Where nobody "
        "is reached, the provider is named instead of its deployments, until a call or a test of its connection works. "
        "What lasts keeps the since of its first sight. A deployment is slow when its p95 to the "
        f"first token in the last hour is more than {SLOWER} times that of the 7 days before, with 20 samples each. "
        "At stake at a budget is what a day is expected to cost. Our own "
        f"price list is old after {OWN_LIST_LASTS.days} days. Acknowledging hides a finding for everybody until it "
        f"gets worse (graver, or {GREW} times the share, and a point of the day more), for {LASTS // HOUR} h at most."
    )

    def data(self, scope: Scope) -> Attention:
        found = findings(scope.board, here(scope.ask), scope.period.now, scope.sight, noticed_in(scope))
        may = scope.may(RIGHT)
        return Attention(
            found,
            tuple(_row(one, scope, may) for one in found.open),
            tuple(_row(one, scope, may) for one in found.acknowledged),
            scope.board.more,
            CHECKED,
            _local(found.checked_at, scope),
            found.late,
            scope.sight is None,
            "" if may else f"Acknowledging takes the right to {right_said(RIGHT)}, which operators have.",
            scope.word("tenant") if scope.sight is None else "",
        )

    def table(self, data: Attention, scope: Scope) -> Table | None:
        if not data.rows and not data.acknowledged:
            return None
        columns = (
            Column("Level"),
            Column("What"),
            Column("Effect"),
            Column("Since"),
            Column("Began"),
            Column("Requests at stake in 24 h"),
            Column("Money at stake in 24 h", "USD"),
            Column("Acknowledged by"),
        )
        return Table(columns, [_cells(one) for one in (*data.found.open, *data.found.acknowledged)])


def noticed_in(scope: Scope) -> Iterator[Notice]:
    """For who sees some tenants, and is told of their requests alone: what fails and has no price in the range."""
    if scope.sight is None:
        return
    for one in scope.ask(attempts, scope.period.span, scope.tenant_id):
        if fails(one):
            what = f"{one.deployment}: {percent(one.error_rate)} of its attempts failed"
            effect = f"{count(one.failed)} of {count(one.attempts)} attempts in this range."
            link = scope.link("requests", failed=one.deployment, provider="", model="")
            verb, about = "Requests that failed there", f"failing {one.deployment}"
            yield Notice(what, effect, link, "", "failing", verb, about, requests=max(one.failed - one.retries, 0))
    for group in scope.ask(unpriced, scope.period.span, scope.entities):
        what = f"{group.value or 'a deployment that is gone'} has no price"
        many = group.totals.unpriced
        effect = f"The cost of {counted(many, 'request')} in this range is unknown."
        link = scope.link("requests", served=str(group.value), status="unpriced")
        yield Notice(
            what, effect, link, "", "unpriced", "Those requests", unpriced_use(str(group.value)), requests=many
        )


def stake_of(one: Finding) -> str:
    """`312 requests`, `$4.20`, or a dash."""
    if one.notice.nano_usd is not None:
        return money(one.notice.nano_usd, estimated=True)
    return f"{count(one.requests)} request{'' if one.requests == 1 else 's'}" if one.requests is not None else "—"


def _daily(one: Finding) -> str:
    """What the share at stake is of."""
    return "daily requests" if one.notice.nano_usd is None else "daily cost"


def _row(one: Finding, scope: Scope, may: bool) -> Row:
    notice, note = one.notice, one.acknowledged
    opens = not notice.permission or scope.may(notice.permission)
    return Row(
        about=notice.about,
        level=notice.level,
        what=notice.what,
        effect=notice.effect,
        since=_local(notice.since, scope),
        before=notice.before,
        found=_local(notice.found, scope),
        stake=stake_of(one),
        share=f"{percent(one.share)} of {_daily(one)}" if one.share is not None else "",
        verb=notice.verb,
        address=notice.link if opens else "",
        by=note.by if note else "",
        at=_local(note.at if note else None, scope),
        until=_local(note.until if note else None, scope),
        acts=may and (scope.sight is None or notice.tenant is not None),
    )


def _cells(one: Finding) -> tuple[str | int | datetime | None, ...]:
    notice, note = one.notice, one.acknowledged
    return (
        notice.level,
        notice.what,
        notice.effect,
        notice.since,
        "earlier" if notice.before else "then" if notice.since else "",
        one.requests,
        notice.nano_usd,
        note.by if note else None,
    )


def _local(instant: datetime | None, scope: Scope) -> datetime | None:
    return instant and instant.astimezone(scope.period.zone)
