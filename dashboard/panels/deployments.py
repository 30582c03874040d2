"""Which deployment fails, how, and what became of it?"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from dashboard.behind import failures_in, requests_served
from dashboard.drawing import sparkline
from dashboard.groups import requests_of
from dashboard.interventions import verbs_of
from dashboard.panels.base import Panel
from dashboard.panels.providers import level
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.standing import deployment_state
from dashboard.tables import Column, ColumnUnit, Table
from dashboard.timeline import OFF, seen, since
from dashboard.verbs import Barred, Verb, barred
from providers.errorwords import reworded
from providers.selectors import Standing, standings
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.selectors import Attempts, Entities, LastError, attempt_series, by, flow, last_errors, together
from usage.states import NO_DEPLOYMENT

MOST_ROWS = 50
STALL = "UpstreamStalled"  # the class of error of providers.errors
TROUBLED = "troubled"  # the usual order: what is not healthy, then the busiest
SORTS = ("name", "state", "attempts", "rate", "out", "in", "truncated", "stalls", "speed")


class Failed(Struct, frozen=True):
    """Attempts that ended with one class of error, and the address of their requests."""

    name: str
    number: int
    address: str


class Moved(Struct, frozen=True):
    """What is counted of a deployment beside its attempts."""

    out: int  # requests that failed over from it
    into: int
    truncated: int
    stalls: int


class Row(Struct, frozen=True):
    """`state` is a badge, empty where this process does not know; `since` None: unknown, or longer than the range."""

    name: str
    address: str  # of the requests that it served
    state: str
    note: str  # why it is not healthy, in the breaker's words
    since: datetime | None
    tries: Attempts
    success: float | None
    level: str
    moved: Moved
    failed_address: str
    out_address: str
    truncated_address: str
    stalls_address: str
    last: LastError | None
    course: str  # failed attempts, bucket by bucket, as points of a line
    errors: tuple[Failed, ...]
    verbs: tuple[Verb, ...]


class Deployments(Struct, frozen=True):
    rows: tuple[Row, ...]
    order: Sorting
    deployments: int
    barred: tuple[Barred, ...]


class Facts(Struct, frozen=True):
    """What is known of all rows."""

    health: HealthReport | None
    standings: Mapping[str, Standing]
    states: dict[str, list[dict[str, int]]]
    moved: Mapping[str, Moved]
    last: Mapping[str, LastError]
    course: dict[str, list[Attempts]]


class DeploymentsPanel(Panel):
    """State, attempts, failovers and errors of deployments that were called or are not healthy, and what to do."""

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
        "with. Stalls: attempts whose stream stopped for longer than it may. Speed is of streamed answers, "
        "weighted by tokens. State is as the workers see it now; since when is "
        "exact while it is not healthy, else to a sixtieth of the range."
    )

    def requests(self, scope: Scope) -> str:
        return requests_served(scope)

    def data(self, scope: Scope) -> Deployments:
        course = scope.ask(attempt_series, scope.period.buckets, scope.tenant_id)
        called = {name: together(parts) for name, parts in course.items()}
        states, health = seen(scope), scope.ask(health_now)
        troubled = set(health.breakers) | health.cooling if health and not scope.sample else set()  # now, and ours
        names = {name for name in {*called, *states, *troubled} if name != NO_DEPLOYMENT and scope.fits(name)}
        tries = {name: called.get(name, Attempts(name)) for name in names}
        moved, order = _moved(scope, tries), sorting(scope, SORTS, TROUBLED)
        usual = sorted(names, key=lambda name: (name not in troubled, -tries[name].attempts, name))
        ranked = order.rows(usual, lambda name, by: _key(by, tries[name], moved[name], name not in troubled))
        facts = _facts(scope, ranked[:MOST_ROWS], tries, states, health, moved)
        rows = tuple(_row(scope, tries[name], facts) for name in ranked[:MOST_ROWS])
        return Deployments(rows, order, len(names), barred(verb for row in rows for verb in row.verbs))

    def table(self, data: Deployments, scope: Scope) -> Table:
        heads = (
            "Deployment", "State", "Since", "Attempts", "Error rate", "Failovers out", "Failovers in",
            "Truncated streams", "Stalls", "Last error", "Last error at", "Retries", "Speed", "Errors by class",
        )  # fmt: skip
        units: dict[str, ColumnUnit] = {"Error rate": "share", "Speed": "tokens/s"}
        return Table(tuple(Column(head, units.get(head, "")) for head in heads), (_cells(row) for row in data.rows))


def _cells(row: Row) -> tuple[str | float | datetime | None, ...]:
    classes = "; ".join(f"{one.name} {one.number}" for one in row.errors)
    error, at = (row.last.error, row.last.at) if row.last else (None, None)
    stands = (row.state or None, row.since, row.tries.attempts, row.tries.error_rate)
    moved = (row.moved.out, row.moved.into, row.moved.truncated, row.moved.stalls, error, at)
    return row.name, *stands, *moved, row.tries.retries, row.tries.tokens_per_s, classes


def _key(by: str, tries: Attempts, moved: Moved, healthy: bool) -> Key:
    """What a column is sorted by; the usual order is that in which they come."""
    keys: dict[str, Key] = {
        TROUBLED: 0,
        "name": tries.deployment.casefold(),
        "state": not healthy,
        "attempts": tries.attempts,
        "rate": tries.error_rate,
        "out": moved.out,
        "in": moved.into,
        "truncated": moved.truncated,
        "stalls": moved.stalls,
        "speed": tries.tokens_per_s,
    }
    return keys[by]


def _moved(scope: Scope, tries: Mapping[str, Attempts]) -> dict[str, Moved]:
    span, tenant_id = scope.period.span, scope.tenant_id
    out, into = Counter[str](), Counter[str]()
    for one in scope.ask(flow, span, tenant_id):
        out[one.first_choice] += one.failed_over
        if one.served != one.first_choice:
            into[one.served] += one.failed_over
    served = scope.ask(by, "deployment", span, Entities(tenant_id))
    cut = {str(group.value): group.totals.interrupted for group in served}
    return {
        name: Moved(out[name], into[name], cut.get(name, 0), tried.errors.get(STALL, 0))
        for name, tried in tries.items()
    }


def _facts(
    scope: Scope,
    names: list[str],
    tries: Mapping[str, Attempts],
    states: dict[str, list[dict[str, int]]],
    health: HealthReport | None,
    moved: Mapping[str, Moved],
) -> Facts:
    failed = frozenset(name for name in names if tries[name].failed)
    return Facts(
        health=health,
        standings=scope.ask(standings, frozenset(names)),
        states=states,
        moved=moved,
        last={one.deployment: one for one in scope.ask(last_errors, scope.period.span, failed, scope.tenant_id)},
        course=scope.ask(attempt_series, scope.period.buckets, scope.tenant_id),
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
        moved=facts.moved[name],
        failed_address=failures_in(scope, deployment=name),
        out_address=scope.link("requests", first=name, status="failover", provider="", model=""),
        truncated_address=scope.link("requests", provider=provider, model=model, status="interrupted"),
        stalls_address=failures_in(scope, error=STALL, deployment=name),
        last=facts.last.get(name),
        course=sparkline([part.failed for part in facts.course.get(name, ())]),
        errors=_errors(scope, tries),
        verbs=verbs_of(scope, standing, state),
    )


def _errors(scope: Scope, tries: Attempts) -> tuple[Failed, ...]:
    """The most frequent class first."""
    found = sorted(tries.errors.items(), key=lambda one: (-one[1], one[0]))
    return tuple(Failed(n, number, failures_in(scope, error=n, deployment=tries.deployment)) for n, number in found)


def _now(scope: Scope, name: str, standing: Standing | None, facts: Facts) -> tuple[str, str, datetime | None]:
    """State, why, and since when."""
    if standing is None or not standing.used:
        why = "no longer configured" if standing is None else "" if standing.provider_enabled else "its provider is off"
        return OFF, why, since(name, OFF, facts.states, scope)
    health = facts.health
    if health is None:
        return "", "", None
    if (breaker := health.breakers.get(name)) is not None:
        span_s = breaker.since_s if breaker.down_s is None else breaker.down_s
        began = None if span_s is None else scope.period.now - timedelta(seconds=span_s)
        return breaker.state, reworded(breaker.reason), began
    state = deployment_state(name, health)
    return state, "", since(name, state, facts.states, scope)
