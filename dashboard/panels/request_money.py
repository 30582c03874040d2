"""What was it expected to cost, and what did it cost?"""

from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Money(Struct, frozen=True):
    record: Outcome
    against_forecast: str  # empty where one of them is unknown


class RequestMoney(RequestPanel):
    """Forecast against actual, tokens by kind."""

    name = "request_money"
    title = "What did it cost?"
    unit = "US dollars and tokens"
    order = 40
    width = "half"

    def about(self, record: Outcome, scope: Scope) -> Money:
        return Money(
            record, _against(record.forecast_low_nano_usd, record.forecast_high_nano_usd, record.cost_nano_usd)
        )


def _against(low: int | None, high: int | None, cost: int | None) -> str:
    if low is None or high is None or cost is None:
        return ""
    if low <= cost <= high:
        return "as forecast"
    return "below the forecast" if cost < low else "above the forecast"
