"""How are the requests spread over the range?"""

from msgspec.structs import replace

from dashboard.pages import UNSUMMED
from dashboard.panels.base import Panel
from dashboard.panels.traffic import Traffic, chart_of
from dashboard.scope import Scope
from usage.selectors import series


class VolumePanel(Panel):
    """Requests per bucket above the list; by tenant, provider, model, policy and key, whatever their status."""

    name = "volume"
    title = "When did they come?"
    unit = "requests of every status"
    page = "requests"
    order = 10
    formula = (
        "Requests in the bucket in which they came, whatever filter of status is set below; the sums know tenant, "
        "provider, model, policy and key."
    )

    def data(self, scope: Scope) -> Traffic:
        _, *buckets = scope.ask(series, (scope.period.before, *scope.period.buckets), scope.entities)
        chart, unused = chart_of(self.name, scope, buckets), [word for word in UNSUMMED if scope.word(word)]
        if chart and unused:
            chart = replace(chart, sentence=f"{chart.sentence} Counted whatever their {', '.join(unused)}.")
        return Traffic(chart)
