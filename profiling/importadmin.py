"""What an operator takes over from a provider's listing: models that are not here yet."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action

from profiling.provideradmin import back_to, listing_of
from profiling.providertests import Tried
from providers.adminbase import actor_of
from providers.barred import takes
from providers.choosing import Choice, Line, choice_page
from providers.importing import Offer, import_models, offers
from providers.models import Provider
from providers.priceadmin import price_text

COLUMNS = ("Model", "USD per million tokens, in / out", "Context, tokens", "Skills", "State")


class ImportsModels:
    """Goes before the admin class of providers."""

    @takes("the rights to change providers and to add deployments")
    def has_import_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may add what a provider lists."""
        may = self.has_change_permission(request)  # type: ignore[attr-defined]
        return may and request.user.has_perm("providers.add_deployment")

    @action(description="Import models", url_path="import", icon="download", permissions=["import"])
    def import_listed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, has a worker list what the provider has, and adds what was chosen of it."""
        provider: Provider = self.row(request, object_id)  # type: ignore[attr-defined]
        effect = f"Lists the models at {provider.base_url}, for you to choose from. Nothing is generated or billed."
        title = f"Import the models of {provider}"
        told = listing_of(self, request, provider, title=title, verb="List the models", effect=effect)
        if isinstance(told, HttpResponse):
            return told
        offered, choice = offers(provider, told.kept or ()), Choice(request.POST)
        lines = [_line(offer) for offer in offered]
        if choice.decided:
            if chosen := choice.chosen(lines):
                return self._import(request, provider, offered, chosen)
            messages.error(request, "No model was chosen: tick at least one that is not here yet.")
        return self._choices(request, provider, told, choice, lines)

    def _choices(
        self, request: HttpRequest, provider: Provider, told: Tried, choice: Choice, lines: list[Line]
    ) -> HttpResponse:
        here, count = sum(not line.offered for line in lines), len(told.kept or ())
        sentences = [
            f"{provider} listed {count:,} models at {told.at:%Y-%m-%d %H:%M} UTC; {here:,} are here already, and "
            f"{count - len(lines):,} are left out: they neither chat nor embed, stand twice, or are called as the "
            "router itself is.",
            "A deployment is added for each that is chosen, with what is known of it. Those that are here stay as they "
            "are. Of a long listing, models that are not well known are added switched off.",
        ]
        return choice_page(
            self,
            request,
            choice,
            lines,
            title=f"Import the models of {provider}",
            told=sentences,
            columns=COLUMNS,
            verb="Add the ticked ones",
            verb_all=lambda count: f"Add all {count:,} that match",
            ticked=True,
            empty="No listed model matches.",
            back=back_to(provider),
        )

    def _import(self, request: HttpRequest, provider: Provider, offered: list[Offer], chosen: list[str]) -> Any:
        made = import_models(provider, offered, frozenset(chosen), actor_of(request))
        off = sum(not model.enabled for model in made)
        told = f"{len(made):,} deployments added" + (f", {off:,} of them switched off." if off else ".")
        messages.success(request, told)
        return HttpResponseRedirect(back_to(provider))


def _line(offer: Offer) -> Line:
    model, usd = offer.model, offer.usd
    name = model.name or model.upstream_model
    state = f"here as {offer.here}" if offer.here else "new" if model.enabled else "new, switched off"
    return Line(
        value=model.upstream_model,
        cells=(
            name if name == model.upstream_model else f"{name} ({model.upstream_model})",
            price_text(usd.input, usd.output) if usd else "—",
            "—" if model.context is None else f"{model.context:,}",
            ", ".join(model.capabilities) or "—",
            state,
        ),
        offered=not offer.here,
    )
