"""Which requests are in flight?"""

from dashboard.live import LATELY_S, LivePage, live_page
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LiveListPanel(Panel):
    """Every request that is not over, in all workers, with its state and what has come so far."""

    name = "live_list"
    title = "Which requests are in flight?"
    unit = "requests"
    page = "live"
    order = 20
    help = "live#what-runs-now"
    formula = (
        f"Every worker is asked when somebody looks; requests per second are of the last {LATELY_S} seconds. Listed is "
        "what a worker has begun and not recorded. Tokens marked ≈ are estimated from the text that has come; "
        "a whole answer comes in one piece. A request's model, provider and deployment are those that are asked; while "
        "nobody was, its model is the one it asks for. What ends stays in its place for some seconds, with a link to "
        "its record."
    )

    def data(self, scope: Scope) -> LivePage:
        return live_page(scope)
