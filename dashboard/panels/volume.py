"""How are the requests spread over the range?"""

from msgspec.structs import replace

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series
from dashboard.formatting import counted
from dashboard.pages import UNSUMMED
from dashboard.panels.base import Panel
from dashboard.panels.traffic import Traffic, chart_of
from dashboard.scope import Scope
from usage.selectors import failure_series, series
from usage.selectors.failures import ANY

FAILING = ("error", "failed")  # filters of attempts, of which other sums are kept
SERVING = ("provider", "model", "policy", "key")  # filters of requests, which sums of attempts do not know


class VolumePanel(Panel):
    """Requests per bucket above the list; by tenant, provider, model, policy and key, whatever their status.

    Where the list is of those that met an error, the failed attempts are drawn instead.
    """

    name = "volume"
    title = "When did they come?"
    unit = "requests of every status; where an error is chosen, attempts that ended with it"
    page = "requests"
    order = 10
    formula = (
        "Requests in the bucket in which they came, whatever filter of status is set below; the sums know tenant, "
        "provider, model, policy and key. With an error, or a place where attempts failed: such attempts, of which one "
        "request may have several, and one that was refused before anybody was asked has none."
    )

    def data(self, scope: Scope) -> Traffic:
        if any(map(scope.word, FAILING)):
            return Traffic(_noted(_failures(self.name, scope), self.unused(scope)))
        _, *buckets = scope.ask(series, (scope.period.before, *scope.period.buckets), scope.entities)
        return Traffic(_noted(chart_of(self.name, scope, buckets), self.unused(scope)))

    def unused(self, scope: Scope) -> tuple[str, ...]:
        """What neither the sums of requests know nor, where an error is chosen, those of attempts."""
        unknown = (*SERVING, *UNSUMMED) if any(map(scope.word, FAILING)) else UNSUMMED
        return tuple(word for word in unknown if scope.word(word) and word not in FAILING)


def _failures(name: str, scope: Scope) -> Chart | None:
    error, at = scope.word("error"), scope.word("failed")
    provider, _, model = at.partition("/")
    parts = (_part(provider, bool(error)), _part(model, bool(error)))
    found = failure_series(scope.period.buckets, error or None, *parts, scope.tenant_id)
    if not (number := sum(found)):
        return None
    how, where = f" as {error}" if error else "", f" at {at}" if at else ""
    behind = bucket_links(scope, error=error, failed=at)
    bars = Series(f"failed{how}", tuple(found), "bad", addresses=behind)
    sentence = f"{counted(number, 'attempt')} failed{how}{where}."
    return Chart(name, "requests", scope.period.labels, (bars,), sentence, partial=scope.period.partial)


def _part(name: str, beside_error: bool) -> str | None:
    """None is any; as in the list, a star is that beside an error alone."""
    return None if not name or (name == ANY and beside_error) else name


def _noted(chart: Chart | None, unused: tuple[str, ...]) -> Chart | None:
    """The chart, which says the filters that its sums do not know."""
    if chart is None or not unused:
        return chart
    return replace(chart, sentence=f"{chart.sentence} Counted whatever their {', '.join(unused)}.")
