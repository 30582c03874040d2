"""What was tried, when, and with what result?"""

from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from dashboard.waterfall import Waterfall, waterfall
from usage.outcomes import Outcome


class Attempts(Struct, frozen=True):
    fall: Waterfall


class RequestAttempts(RequestPanel):
    """Every attempt on one axis of time, with the commit point."""

    name = "request_attempts"
    title = "What was tried?"
    unit = "milliseconds since the request came"
    order = 30
    help = "failover#when-an-upstream-fails"
    formula = (
        "Attempts, the gaps between them and our own work before and after sum to the total time. The commit "
        "point is the first content sent to the client: before it a failover is free, after it there is none."
    )

    def about(self, record: Outcome, scope: Scope) -> Attempts:
        return Attempts(waterfall(record))
