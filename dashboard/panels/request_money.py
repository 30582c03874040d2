"""What was it expected to cost, and what did it cost?"""

from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Money(Struct, frozen=True):
    record: Outcome
    within: bool | None  # the cost lies inside the forecast; None where one of them is unknown


class RequestMoney(RequestPanel):
    """Forecast against actual, tokens by kind."""

    name = "request_money"
    title = "What did it cost?"
    unit = "US dollars and tokens"
    order = 40
    width = "half"

    def about(self, record: Outcome, scope: Scope) -> Money:
        low, high, cost = record.forecast_low_nano_usd, record.forecast_high_nano_usd, record.cost_nano_usd
        within = None if low is None or high is None or cost is None else low <= cost <= high
        return Money(record, within)
