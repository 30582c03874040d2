"""Which provider is well, which is slow, which is dear?"""

from msgspec import Struct

from dashboard.colours import OTHER, colours_of
from dashboard.groups import labels, requests_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import Attempts, Percentiles, attempts, by, percentiles

GOOD, FAIR = 0.99, 0.95  # shares of attempts that worked


class Row(Struct, frozen=True):
    name: str
    address: str
    colour: int
    attempts: int
    success: float | None  # of attempts, not of requests: a failover hides a failed attempt
    level: str
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
        "Attempts count every call, retries and failovers too; requests count who served. Time to first token is "
        "that of whole requests, from their arrival here, and counts from twenty samples on."
    )

    def data(self, scope: Scope) -> Providers:
        span, tenant_id = scope.period.span, scope.tenant_id
        served = {str(group.value): group.totals for group in scope.ask(by, "provider", span, scope.entities)}
        called = _by_provider(scope.ask(attempts, span, tenant_id))
        speed = {str(p.value): p for p in scope.ask(percentiles, "ttft", span, "provider", tenant_id=tenant_id)}
        names = sorted((served.keys() | called.keys()) - {""}, key=lambda n: (-sum(called.get(n, (0, 0))), n))
        colours = colours_of(names)
        rows = []
        for name in names:
            answered, failed = called.get(name, (0, 0))
            success = answered / (answered + failed) if answered + failed else None
            totals, felt = served.get(name), speed.get(name, Percentiles(name))
            rows.append(
                Row(
                    name=labels(scope, "provider", [name])[name],
                    address=requests_of(scope, "provider", name),
                    colour=colours.get(name, OTHER),
                    attempts=answered + failed,
                    success=success,
                    level=level(success),
                    requests=totals.requests if totals else 0,
                    p50_ms=felt.p50,
                    p95_ms=felt.p95,
                    cost_nano_usd=totals.known_cost_nano_usd if totals else 0,
                )
            )
        return Providers(tuple(rows))


def _by_provider(found: list[Attempts]) -> dict[str, tuple[int, int]]:
    """Answered and failed attempts of each provider; what a leaving client cancelled is neither."""
    sums: dict[str, tuple[int, int]] = {}
    for one in found:
        provider = one.deployment.partition("/")[0]
        answered, failed = sums.get(provider, (0, 0))
        sums[provider] = (answered + one.answered, failed + one.failed)
    return sums


def level(success: float | None) -> str:
    """The fill of a share that worked."""
    if success is None or success >= GOOD:
        return "fok"
    return "fwarn" if success >= FAIR else "fbad"
