"""What was it expected to cost, what was set aside, by which prices was it billed, and what did it cost?"""

from datetime import UTC, datetime
from decimal import Decimal

from django.urls import reverse
from msgspec import Struct

from dashboard.answers import why_unknown
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from providers.pricerows import BEGINNING, DeploymentPrice
from providers.prices import histories, in_effect
from providers.usdprice import exact
from usage.outcomes import AttemptOutcome, Outcome

EMBEDDINGS = "embeddings"  # the surface


class PriceUsed(Struct, frozen=True):
    """The price in effect when the request began; USD per million tokens. `since` None: it always was."""

    input: Decimal | None
    output: Decimal | None
    since: datetime | None
    number: int  # of the deployment's prices up to it
    source: str
    address: str  # of the prices in admin, for who may see them; else empty
    agrees: bool | None  # whether it makes the recorded cost of the tokens; None: there is none to compare


class Billed(Struct, frozen=True):
    """One attempt on the bill; `price` None: its deployment has none from then, or is gone."""

    attempt: AttemptOutcome
    price: PriceUsed | None


class Money(Struct, frozen=True):
    record: Outcome
    against_forecast: str  # empty where one of them is unknown
    bill: tuple[Billed, ...]
    unknown: str  # why the cost is unknown; empty where it is known

    @property
    def estimated(self) -> bool:
        """Whether a part of the sum is."""
        return any(one.attempt.estimated and one.attempt.cost_nano_usd for one in self.bill)

    @property
    def holds(self) -> bool:
        return any(one.attempt.held_nano_usd is not None for one in self.bill)


class RequestMoney(RequestPanel):
    """Forecast, hold and bill: each attempt with its tokens, its price and its cost, which sum to the total."""

    name = "request_money"
    title = "What did it cost?"
    unit = "US dollars and tokens"
    order = 40
    help = "prices#prices"
    formula = (
        "The forecast is the first choice's, for half the expected answer and for the longest. A hold is the worst "
        "case of an attempt, set aside of every budget in money that applies, and replaced by the cost when it ends. "
        "The cost of an attempt is its tokens times the price in effect when the request began, reported by the "
        "provider unless it says estimated (≈); it is never priced anew. Attempts sum to the total exactly, in the "
        "billionths of a dollar that the title of each amount has."
    )

    def about(self, record: Outcome, scope: Scope) -> Money:
        numbers = {attempt.deployment_id for attempt in record.attempts}
        found = scope.ask(histories, tuple(sorted(numbers))) if numbers else {}
        at = datetime.fromtimestamp(record.started_us / 1e6, UTC)
        linked = scope.may("providers.view_deploymentprice")
        bill = []
        for attempt in record.attempts:
            history = found.get(attempt.deployment_id, [])
            row = in_effect(history, at)
            bill.append(Billed(attempt, _used(row, history.index(row) + 1, attempt, record, linked) if row else None))
        against = _against(record.forecast_low_nano_usd, record.forecast_high_nano_usd, record.cost_nano_usd)
        return Money(record, against, tuple(bill), why_unknown(record))


def _used(row: DeploymentPrice, number: int, attempt: AttemptOutcome, record: Outcome, linked: bool) -> PriceUsed:
    price = exact(row.usd, record.surface == EMBEDDINGS)
    known = price is not None and attempt.cost_nano_usd is not None and attempt.prompt_tokens is not None
    return PriceUsed(
        input=row.input,
        output=row.output,
        since=None if row.effective_from == BEGINNING else row.effective_from,
        number=number,
        source=row.source,
        address=reverse("admin:providers_deployment_change", args=[row.deployment_id]) if linked else "",
        agrees=price.cost_nano_usd(attempt.usage) == attempt.cost_nano_usd if price and known else None,
    )


def _against(low: int | None, high: int | None, cost: int | None) -> str:
    if low is None or high is None or cost is None:
        return ""
    if low <= cost <= high:
        return "as forecast"
    return "below the forecast" if cost < low else "above the forecast"
