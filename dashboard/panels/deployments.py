"""Which deployment fails, and how?"""

from msgspec import Struct

from dashboard.drawing import sparkline
from dashboard.groups import requests_of
from dashboard.panels.base import Panel
from dashboard.panels.providers import level
from dashboard.scope import Scope
from dashboard.tables import Column, ColumnUnit, Table
from usage.selectors import Attempts, attempt_series, attempts, errors


class Row(Struct, frozen=True):
    name: str
    address: str  # of the requests that it served
    attempts: int
    success: float | None
    level: str
    retries: int
    tokens_per_s: float | None
    errors: tuple[tuple[str, int], ...]  # class, attempts
    course: str  # failed attempts, bucket by bucket, as points of a line


class Deployments(Struct, frozen=True):
    rows: tuple[Row, ...]


class DeploymentsPanel(Panel):
    """Attempts, success, speed and classes of errors of every deployment that was called."""

    name = "deployments"
    title = "Which deployment fails, and how?"
    unit = "attempts"
    page = "reliability"
    order = 30
    help = "health#deployments-that-fail-the-circuit-breaker"
    formula = (
        "Success is of attempts that were waited for: what a leaving client cancelled is not judged. Speed is of "
        "streamed answers, weighted by tokens."
    )

    def data(self, scope: Scope) -> Deployments:
        span, tenant_id = scope.period.span, scope.tenant_id
        classes: dict[str, list[tuple[str, int]]] = {}
        for one in errors(span, tenant_id):
            classes.setdefault(one.deployment, []).append((one.error, one.attempts))
        found = scope.ask(attempts, span, tenant_id)
        over_time = scope.ask(attempt_series, scope.period.buckets, tenant_id)
        rows = (_row(one, classes.get(one.deployment, []), over_time.get(one.deployment, []), scope) for one in found)
        return Deployments(tuple(rows))

    def table(self, data: Deployments, scope: Scope) -> Table:
        heads = ("Deployment", "Attempts", "Success", "Retries", "Speed", "Errors by class")
        units: dict[str, ColumnUnit] = {"Success": "share", "Speed": "tokens/s"}
        return Table(tuple(Column(head, units.get(head, "")) for head in heads), (_cells(row) for row in data.rows))


def _cells(row: Row) -> tuple[str | float | None, ...]:
    classes = "; ".join(f"{name} {number}" for name, number in row.errors)
    return row.name, row.attempts, row.success, row.retries, row.tokens_per_s, classes


def _row(one: Attempts, classes: list[tuple[str, int]], parts: list[Attempts], scope: Scope) -> Row:
    success = None if one.error_rate is None else 1 - one.error_rate
    served, shown = requests_of(scope, "deployment", one.deployment), level(success)
    return Row(
        name=one.deployment,
        address=served,
        attempts=one.attempts,
        success=success,
        level=shown,
        retries=one.retries,
        tokens_per_s=one.tokens_per_s,
        errors=tuple(classes),
        course=sparkline([part.failed for part in parts]),
    )
