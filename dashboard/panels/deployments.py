"""Which deployment fails, how, and what became of it?"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from dashboard.drawing import sparkline
from dashboard.groups import requests_of
from dashboard.interventions import verbs_of
from dashboard.panels.base import Panel
from dashboard.panels.providers import level
from dashboard.scope import Scope
from dashboard.tables import Column, ColumnUnit, Table
from dashboard.timeline import FIT, OFF, seen, since
from dashboard.verbs import Verb, barred
from providers.selectors import Standing, standings
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.selectors import Attempts, Entities, LastError, attempt_series, by, flow, last_errors, together
from usage.states import NO_DEPLOYMENT

MOST_ROWS = 50


class Row(Struct, frozen=True):
    """`state` is a badge, empty where this process does not know; `since` None: unknown, or longer than the range."""

    name: str
    address: str  # of the requests that it served
    state: str
    note: str  # why it is not fit, in the breaker's words
    since: datetime | None
    tries: Attempts
    success: float | None
    level: str
    failed_out: int
    out_address: str
    failed_in: int
    truncated: int
    truncated_address: str
    last: LastError | None
    course: str  # failed attempts, bucket by bucket, as points of a line
    verbs: tuple[Verb, ...]

    @property
    def errors(self) -> list[tuple[str, int]]:
        return sorted(self.tries.errors.items(), key=lambda one: (-one[1], one[0]))


class Deployments(Struct, frozen=True):
    rows: tuple[Row, ...]
    deployments: int
    barred: tuple[str, ...]  # why some buttons are off


class Facts(Struct, frozen=True):
    """What is known of all rows."""

    health: HealthReport | None
    standings: Mapping[str, Standing]
    states: dict[str, list[dict[str, int]]]
    failed_out: Counter[str]
    failed_in: Counter[str]
    truncated: Mapping[str, int]
    last: Mapping[str, LastError]
    course: dict[str, list[Attempts]]


class DeploymentsPanel(Panel):
    """State, attempts, failovers and errors of every deployment that was called or not fit, with what can be done."""

    name = "deployments"
    title = "Which deployment fails, and how?"
    unit = "attempts"
    page = "reliability"
    order = 30
    help = "health#deployments-that-fail-the-circuit-breaker"
    formula = (
        "Error rate is of attempts that were waited for: what a leaving client cancelled is not judged. Failovers out: "
        "requests whose first choice it was and that went on to another; in: those that it served though another was "
        "the first choice. Truncated: requests whose answer from it broke off after it had begun, and was not gone on "
        "with. Speed is of streamed answers, weighted by tokens. State is as the workers see it now; since when is "
        "exact while it is not fit, else to a sixtieth of the range."
    )

    def data(self, scope: Scope) -> Deployments:
        course = scope.ask(attempt_series, scope.period.buckets, scope.tenant_id)
        called = {name: together(parts) for name, parts in course.items()}
        states, health = seen(scope), scope.ask(health_now)
        unfit = set(health.breakers) | health.cooling if health else set()
        names = {name for name in {*called, *states, *unfit} if name != NO_DEPLOYMENT and scope.fits(name)}
        tries = {name: called.get(name, Attempts(name)) for name in names}
        ranked = sorted(names, key=lambda name: (name not in unfit, -tries[name].attempts, name))[:MOST_ROWS]
        facts = _facts(scope, ranked, tries, states, health)
        rows = tuple(_row(scope, tries[name], facts) for name in ranked)
        return Deployments(rows, len(names), barred(verb for row in rows for verb in row.verbs))

    def table(self, data: Deployments, scope: Scope) -> Table:
        heads = (
            "Deployment", "State", "Since", "Attempts", "Error rate", "Failovers out", "Failovers in",
            "Truncated streams", "Last error", "Last error at", "Retries", "Speed", "Errors by class",
        )  # fmt: skip
        units: dict[str, ColumnUnit] = {"Error rate": "share", "Speed": "tokens/s"}
        return Table(tuple(Column(head, units.get(head, "")) for head in heads), (_cells(row) for row in data.rows))


def _cells(row: Row) -> tuple[str | float | datetime | None, ...]:
    classes = "; ".join(f"{name} {number}" for name, number in row.errors)
    error, at = (row.last.error, row.last.at) if row.last else (None, None)
    stands = (row.state or None, row.since, row.tries.attempts, row.tries.error_rate)
    moved = (row.failed_out, row.failed_in, row.truncated, error, at)
    return row.name, *stands, *moved, row.tries.retries, row.tries.tokens_per_s, classes


def _facts(
    scope: Scope,
    names: list[str],
    tries: Mapping[str, Attempts],
    states: dict[str, list[dict[str, int]]],
    health: HealthReport | None,
) -> Facts:
    span, tenant_id = scope.period.span, scope.tenant_id
    failed_out, failed_in = Counter[str](), Counter[str]()
    for one in scope.ask(flow, span, tenant_id):
        failed_out[one.first_choice] += one.failed_over
        if one.served != one.first_choice:
            failed_in[one.served] += one.failed_over
    served = scope.ask(by, "deployment", span, Entities(tenant_id))
    failed = frozenset(name for name in names if tries[name].failed)
    return Facts(
        health=health,
        standings=scope.ask(standings),
        states=states,
        failed_out=failed_out,
        failed_in=failed_in,
        truncated={str(group.value): group.totals.interrupted for group in served},
        last={one.deployment: one for one in scope.ask(last_errors, span, failed, tenant_id)},
        course=scope.ask(attempt_series, scope.period.buckets, tenant_id),
    )


def _row(scope: Scope, tries: Attempts, facts: Facts) -> Row:
    name, standing = tries.deployment, facts.standings.get(tries.deployment)
    state, note, began = _now(scope, name, standing, facts)
    provider, _, model = name.partition("/")
    success = None if tries.error_rate is None else 1 - tries.error_rate
    return Row(
        name=name,
        address=requests_of(scope, "deployment", name),
        state=state,
        note=note,
        since=began and began.astimezone(scope.period.zone),
        tries=tries,
        success=success,
        level=level(success),
        failed_out=facts.failed_out[name],
        out_address=scope.link("requests", first=name, status="failover", provider="", model=""),
        failed_in=facts.failed_in[name],
        truncated=facts.truncated.get(name, 0),
        truncated_address=scope.link("requests", provider=provider, model=model, status="interrupted"),
        last=facts.last.get(name),
        course=sparkline([part.failed for part in facts.course.get(name, ())]),
        verbs=verbs_of(scope, standing, state),
    )


def _now(scope: Scope, name: str, standing: Standing | None, facts: Facts) -> tuple[str, str, datetime | None]:
    """State, why, and since when."""
    if standing is None or not standing.used:
        why = "no longer configured" if standing is None else "" if standing.provider_enabled else "its provider is off"
        return OFF, why, since(name, OFF, facts.states, scope)
    health = facts.health
    if health is None:
        return "", "", None
    if (breaker := health.breakers.get(name)) is not None:
        began = None if breaker.since_s is None else scope.period.now - timedelta(seconds=breaker.since_s)
        return breaker.state, breaker.reason, began
    state = "cooldown" if name in health.cooling else FIT
    return state, "", since(name, state, facts.states, scope)
