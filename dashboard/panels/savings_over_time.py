"""How did the savings add up?"""

from bisect import bisect_right
from itertools import accumulate

from msgspec import Struct

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series
from dashboard.formatting import money
from dashboard.panels.base import Panel
from dashboard.savings import savings_of
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
    width = "half"
    counts = {"status": "answered"}
    formula = (
        "The savings of the panel above, added up bucket by bucket from the beginning of the range; a bucket "
        "without a priced request leaves the line where it was."
    )

    def data(self, scope: Scope) -> SavingsOverTime:
        found, period = savings_of(scope), scope.period
        if not found.compared:
            return SavingsOverTime(None)
        starts = [bucket.start for bucket in period.buckets]
        saved = [0] * len(starts)
        for one in found.compared:
            saved[max(bisect_right(starts, one.request.started_at) - 1, 0)] += one.saved
        colour, behind = "ok" if found.saved >= 0 else "bad", bucket_links(scope, status="answered")
        line = Series("Saved so far", tuple(accumulate(saved)), colour, "line", addresses=behind)
        sentence = f"{money(found.saved)} saved in all, over {len(found.compared):,} requests."
        return SavingsOverTime(Chart(self.name, "usd", period.labels, (line,), sentence, stacked=False))
