"""What runs at this moment, in four figures?"""

from dashboard.live import LivePage, live_page
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LiveNowPanel(Panel):
    """Requests in flight, how many begin, the oldest, and who was asked."""

    name = "live_now"
    title = "What runs now?"
    page = "live"
    order = 10
    frame = False
    help = "live#what-runs-now"
    formula = (
        "What the web workers hold in memory at this moment, asked of each of them; nothing is read from records. "
        "Where a worker does not answer in time, that is said."
    )

    def data(self, scope: Scope) -> LivePage:
        return live_page(scope)
