"""Which provider is well, which is slow, which is dear?"""

from typing import Final

from msgspec import Struct

from dashboard.colours import OTHER, colours_of
from dashboard.formatting import duration, share_of
from dashboard.groups import labels, requests_of
from dashboard.latencies import timed, untimed
from dashboard.panels.base import Panel, whatever
from dashboard.scope import Scope
from dashboard.standing import provider_state
from dashboard.tables import Column, Table
from providers.errorwords import reworded
from routing.healthnow import health_now
from routing.resilience.report import CredentialReport, HealthReport
from usage.selectors import Attempts, Percentiles, attempts, percentiles, spent_by

NONE: Final = (0, 0, 0)  # answered, failed and cancelled attempts
REQUESTED: Final = (0, 3, 4, 7)  # the columns that are not of attempts and times
GOOD, FAIR = 0.99, 0.95  # shares of attempts that worked


class Row(Struct, frozen=True):
    name: str
    address: str
    colour: int
    attempts: int
    success: float | None  # of attempts, not of requests: a failover hides a failed attempt
    level: str
    now: str  # a badge; empty: this process does not know
    notes: tuple[str, ...]  # what is the matter
    requests: int
    p50_ms: float | None
    p95_ms: float | None
    cost_nano_usd: int | None


class Providers(Struct, frozen=True):
    rows: tuple[Row, ...]


class ProvidersPanel(Panel):
    """One line per provider that was called."""

    name = "providers"
    title = "How are the providers?"
    page = "home"
    order = 50
    formula = (
        "Attempts count every call, retries and failovers too; success is of those waited for: what a leaving client "
        "cancelled is not judged. Requests count who served. Time to first token is "
        "that of whole requests, from their arrival here, and counts from twenty samples on. Now: the circuit breakers "
        "and credentials as the workers see them at this moment, whatever the range; disabled: it is gone, or has "
        "no model in use."
    )
    counts = {}

    def data(self, scope: Scope) -> Providers:
        served = scope.ask(spent_by, "provider", scope.period.span, scope.entities)
        called = by_provider(
            [one for one in scope.ask(attempts, scope.period.span, scope.tenant_id) if scope.fits(one.deployment)]
        )
        found = scope.ask(percentiles, "ttft", scope.period.span, "provider", **timed(scope))
        speed = {str(one.value): one for one in found}
        health = scope.ask(health_now)
        names = sorted(({*map(str, served)} | called.keys()) - {""}, key=lambda n: (-sum(called.get(n, NONE)), n))
        colours = colours_of(names, scope.board.colours)
        rows = []
        for name in names:
            answered, failed, cancelled = called.get(name, NONE)
            success = share_of(answered, answered + failed)
            totals, felt = served.get(name), speed.get(name, Percentiles(name))
            rows.append(
                Row(
                    name=labels(scope, "provider", [name])[name],
                    address=requests_of(scope, "provider", name),
                    colour=colours.get(name, OTHER),
                    attempts=answered + failed + cancelled,
                    success=success,
                    level=level(success),
                    now=_now(name, health),
                    notes=notes_of(name, health),
                    requests=totals.requests if totals else 0,
                    p50_ms=felt.p50,
                    p95_ms=felt.p95,
                    cost_nano_usd=totals.known_cost_nano_usd if totals else 0,
                )
            )
        return Providers(tuple(rows))

    def note(self, scope: Scope) -> str:
        return whatever(untimed(scope), "Attempts and times to the first token are counted")

    def table(self, data: Providers, scope: Scope) -> Table:
        columns = (
            Column("Provider"),
            Column("Attempts"),
            Column("Success of attempts", "share"),
            Column("Now"),
            Column("Requests served"),
            Column("First token p50", "ms"),
            Column("First token p95", "ms"),
            Column("Cost", "USD"),
        )
        known = REQUESTED if untimed(scope) else range(len(columns))
        rows = (tuple(cells[place] for place in known) for cells in map(_cells, data.rows))
        return Table(tuple(columns[place] for place in known), rows)


def _now(provider: str, health: HealthReport | None) -> str:
    """Its state; off where no deployment of it can be called any more."""
    return "off" if health is not None and provider not in health.served else provider_state(provider, health)


def _cells(row: Row) -> tuple[str | float | None, ...]:
    felt = (row.p50_ms, row.p95_ms)
    return row.name, row.attempts, row.success, row.now or None, row.requests, *felt, row.cost_nano_usd


def by_provider(found: list[Attempts]) -> dict[str, tuple[int, int, int]]:
    """Answered and failed attempts of each provider, and those that a leaving client cancelled, which are neither."""
    sums: dict[str, tuple[int, int, int]] = {}
    for one in found:
        provider = one.deployment.partition("/")[0]
        answered, failed, cancelled = sums.get(provider, NONE)
        sums[provider] = (answered + one.answered, failed + one.failed, cancelled + one.cancelled)
    return sums


def notes_of(provider: str, health: HealthReport | None) -> tuple[str, ...]:
    """Why, and until when: one line per breaker that is not closed and per credential that is not used."""
    if health is None:
        return ()
    served = [(name, each) for name, each in health.breakers.items() if name.partition("/")[0] == provider]
    breakers = [f"{name}: {reworded(each.reason)}, next probe {_in(each.next_probe_in_s)}" for name, each in served]
    return (*breakers, *[_credential(each) for each in health.credentials_of(provider)])


def _credential(report: CredentialReport) -> str:
    which = f"credential …{report.last_four}" if report.last_four else "without a credential"
    where = f" for {report.deployment}" if report.deployment else ""
    until = "until changed or reset" if report.back_in_s is None else f"back {_in(report.back_in_s)}"
    return f"{which}{where}: {report.state}, {until}"


def _in(seconds: float | None) -> str:
    if seconds is None:
        return "under way"
    return f"in {duration(seconds * 1000)}" if seconds else "with the next request"


def level(success: float | None) -> str:
    """The fill of a share that worked."""
    if success is None or success >= GOOD:
        return "fok"
    return "fwarn" if success >= FAIR else "fbad"
