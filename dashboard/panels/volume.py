"""How are the requests spread over the range?"""

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series
from dashboard.formatting import counted
from dashboard.pages import UNSUMMED
from dashboard.panels.base import Panel, whatever
from dashboard.panels.traffic import Traffic, chart_of
from dashboard.scope import Scope
from providers.errorwords import in_words
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
            return Traffic(_failures(self.name, scope))
        _, *buckets = scope.ask(series, (scope.period.before, *scope.period.buckets), scope.entities)
        return Traffic(chart_of(self.name, scope, buckets))

    def unused(self, scope: Scope) -> tuple[str, ...]:
        """What neither the sums of requests know nor, where an error is chosen, those of attempts."""
        unknown = (*SERVING, *UNSUMMED) if any(map(scope.word, FAILING)) else UNSUMMED
        return tuple(word for word in unknown if scope.word(word) and word not in FAILING)

    def note(self, scope: Scope) -> str:
        return whatever(self.unused(scope))


def _failures(name: str, scope: Scope) -> Chart | None:
    error, at = scope.word("error"), scope.word("failed")
    provider, _, model = at.partition("/")
    parts = (_part(provider, bool(error)), _part(model, bool(error)))
    found = failure_series(scope.period.buckets, error or None, *parts, scope.tenant_id)
    if not (number := sum(found)):
        return None
    how, where = f": {in_words(error)}" if error else "", f" at {at}" if at else ""
    behind = bucket_links(scope, error=error, failed=at)
    bars = Series(f"failed{how}", tuple(found), "bad", code=f"failed as {error}" if error else "", addresses=behind)
    as_what = f" as {in_words(error)} ({error})" if error else ""
    sentence = f"{counted(number, 'attempt')} failed{as_what}{where}."
    return Chart(name, "requests", scope.period.labels, (bars,), sentence, partial=scope.period.partial)


def _part(name: str, beside_error: bool) -> str | None:
    """None is any; as in the list, a star is that beside an error alone."""
    return None if not name or (name == ANY and beside_error) else name
