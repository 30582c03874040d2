"""How did the savings add up?"""

from itertools import accumulate

from msgspec import Struct

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series
from dashboard.formatting import counted, money
from dashboard.panels.base import Panel
from dashboard.savings import Saved, saved_in, total
from dashboard.scope import Scope


class SavingsOverTime(Struct, frozen=True):
    chart: Chart | None


class SavingsOverTimePanel(Panel):
    """Saved so far, bucket by bucket."""

    name = "savings_over_time"
    title = "How did it add up?"
    unit = "US dollars, saved so far"
    page = "savings"
    order = 20
    counts = {"status": "answered"}
    formula = (
        "The savings of the panel above, added up bucket by bucket. The line begins with the range, or behind the last "
        "bucket with requests from before baselines were kept: what was saved until then is unknown. A bucket without "
        "a compared request leaves the line where it was."
    )

    def data(self, scope: Scope) -> SavingsOverTime:
        sums = saved_in(scope, scope.period.buckets)[()]
        begins = 1 + max((position for position, part in enumerate(sums) if part.earlier), default=-1)
        known = sums[begins:]
        whole = total(known)
        if not whole.requests:
            return SavingsOverTime(None)
        values = (*(None for _ in range(begins)), *accumulate(part.saved for part in known))
        colour, behind = "ok" if whole.saved >= 0 else "bad", bucket_links(scope, status="answered")
        line = Series("Saved so far", values, colour, "line", addresses=behind)
        sentence = _sentence(whole, scope.period.labels[begins] if begins else "")
        return SavingsOverTime(Chart(self.name, "usd", scope.period.labels, (line,), sentence, stacked=False))


def _sentence(whole: Saved, since: str) -> str:
    said = f"{money(whole.saved)} saved in all, over {counted(whole.requests, 'request')}"
    return f"{said}, since {since}: baselines of the time before were not kept." if since else f"{said}."
