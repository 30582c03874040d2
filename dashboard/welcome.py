"""What is this, and where does one begin? The public page at the root."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from msgspec import Struct

from dashboard.examples import examples
from dashboard.standing import HEALTHY, deployment_state, provider_state
from neuroroute.places import FIRST_RUN_SAID
from providers.selectors import ModelOffer, ProviderOffer, offers
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.ranges import TimeRange
from usage.selectors import last_attempts

CENT = Decimal("0.01")
LATELY = timedelta(minutes=15)
EVERYBODYS = frozenset({"Unreachable", "CredentialRejected"})  # errors of a provider rather than of one model
ON_WELCOME = 2  # the rest is on the page that begins
MOST_MODELS = 12  # of one provider; an aggregator lists hundreds


class Line(Struct, frozen=True):
    """One model, its prices as text: `$0.15`, `free`, or nothing where unknown."""

    model: str
    state: str  # a badge: that of the deployment (`dashboard.standing`), or off
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
    """Who is not signed in is told what can be called while that is the sandbox alone: providers, prices and what fails
    are nobody else's business."""
    found = offers()
    known = request.user.is_staff or all(offer.sandbox for offer in found)
    found, states = (found, States.now()) if known else ([], None)
    context = {
        "known": known,
        "rows": [_row(offer, states) for offer in found if states],
        "sandbox": any(offer.sandbox and offer.callable for offer in found),
        "callable": sum(offer.callable for offer in found),
        "examples": examples(f"{request.scheme}://{request.get_host()}")[:ON_WELCOME],
        "first_run": FIRST_RUN_SAID,
    }
    return render(request, "welcome.html", context)


class States(Struct, frozen=True):
    """How upstreams stand, as this worker knows, or else by the last calls of all: what fails there is degraded."""

    health: HealthReport | None
    broken: frozenset[str] = frozenset()

    @classmethod
    def now(cls) -> "States":
        health = health_now()
        return cls(health, frozenset(_broken(datetime.now(UTC))) if health is None else frozenset())

    def of_model(self, provider: str, model: str) -> str:
        name = f"{provider}/{model}"
        return deployment_state(name, self.health) or ("degraded" if self.broken & {provider, name} else HEALTHY)

    def of_provider(self, offer: ProviderOffer) -> str:
        return provider_state(offer.name, self.health) or (
            "degraded" if any(self.of_model(offer.name, each.model) != HEALTHY for each in offer.models) else HEALTHY
        )


def _broken(now: datetime) -> set[str]:
    """The deployments whose last call failed, and the providers whose last call found nobody or no welcome."""
    lately = last_attempts(TimeRange.around(now - LATELY, now, now))
    newest = {one.provider: one for one in reversed(lately)}
    broken = {one.deployment for one in lately if one.failed}
    return broken | {one.provider for one in newest.values() if one.error in EVERYBODYS}


def _row(offer: ProviderOffer, states: States) -> Row:
    shown = tuple(_line(model, offer, states) for model in offer.models[:MOST_MODELS])
    return Row(offer, shown, len(offer.models) - len(shown))


def _line(model: ModelOffer, provider: ProviderOffer, states: States) -> Line:
    state = states.of_model(provider.name, model.model)
    return Line(
        model=model.model,
        state=state if provider.enabled and model.enabled else "off",
        context=model.context,
        capabilities=model.capabilities,
        input=_price(model.input_price),
        output=_price(model.output_price),
    )


def _price(usd: Decimal | None) -> str:
    if usd is None:
        return ""
    cents = usd == usd.quantize(CENT)
    return (f"${usd:.2f}" if cents else f"${usd.normalize():f}") if usd else "free"
