"""What is this, and where does one begin? The public page at the root."""

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from msgspec import Struct

from providers.selectors import ModelOffer, ProviderOffer, offers

CENT = Decimal("0.01")
MOST_MODELS = 12  # of one provider; an aggregator lists hundreds


class Line(Struct, frozen=True):
    """One model, its prices as text: `$0.15`, `free`, or nothing where unknown."""

    model: str
    enabled: bool
    context: int | None
    capabilities: tuple[str, ...]
    input: str
    output: str


class Row(Struct, frozen=True):
    """One provider with as many of its models as fit on a page."""

    provider: ProviderOffer
    models: tuple[Line, ...]
    more: int

    @property
    def lines(self) -> int:
        return len(self.models) + bool(self.more)


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    found = offers()
    context = {
        "rows": [_row(offer) for offer in found],
        "sandbox": any(offer.sandbox and offer.callable for offer in found),
        "callable": sum(offer.callable for offer in found),
        "url": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "welcome.html", context)


def _row(offer: ProviderOffer) -> Row:
    shown = tuple(_line(model) for model in offer.models[:MOST_MODELS])
    return Row(offer, shown, len(offer.models) - len(shown))


def _line(offer: ModelOffer) -> Line:
    prices = _price(offer.input_price), _price(offer.output_price)
    return Line(offer.model, offer.enabled, offer.context, offer.capabilities, *prices)


def _price(usd: Decimal | None) -> str:
    if usd is None:
        return ""
    cents = usd == usd.quantize(CENT)
    return (f"${usd:.2f}" if cents else f"${usd.normalize():f}") if usd else "free"
