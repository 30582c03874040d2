"""How does what was found become rows? Only what is missing is made: what an operator edited is never overwritten."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone
from msgspec import Struct

from providers.addresses import check_base_url
from providers.embeddings import only_embeds
from providers.found import FoundModel, FoundProvider
from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from providers.ownprices import KnownPrice
from providers.pricerows import BEGINNING, columns_of
from providers.realms import APART
from providers.revisions import CATALOG, bump
from providers.secrets import last_four, opens_to, seal
from providers.usdprice import UsdPrice, exact, listed

CREDENTIAL: Final = "environment"  # the name of the credential that we made and may therefore replace
OURS: Final = (Provider.Source.DISCOVERED, Provider.Source.SANDBOX)


class Adopted(Struct):
    """What changed. `lines` say it to a person, one sentence each."""

    providers: int = 0
    deployments: int = 0
    refreshed: int = 0
    switched: int = 0
    lines: list[str] = []

    @property
    def changed(self) -> bool:
        return bool(self.providers or self.deployments or self.refreshed or self.switched)


def adopt(found: Iterable[FoundProvider], *, keep_sandbox: bool = False) -> Adopted:
    """Make rows of what was found, in one transaction; workers reload only when something changed.

    A provider that an operator entered, in admin or by file, is left alone. Of one that was found before, the base URL
    and the credential are brought up to date and new models are added. Nothing is switched off by itself, but for the
    sandbox once a real upstream is there (unless `keep_sandbox`); it is switched on again when nothing else is left.
    """
    offers = list(found)
    adopted = Adopted()
    with transaction.atomic():
        for offer in offers:
            _adopt_provider(offer, adopted)
        _switch_sandbox(offers, adopted, keep_sandbox)
        if adopted.changed:
            bump(CATALOG)
    return adopted


@transaction.atomic
def add_models(provider: Provider, models: Sequence[FoundModel]) -> int:
    """Make the deployments that `provider`, whoever entered it, does not have yet; return how many."""
    made = _add_deployments(provider, models)
    if made:
        bump(CATALOG)
    return made


@transaction.atomic
def switch_sandbox(on: bool) -> int:
    """Switch the sandbox off, or on where all of it is off; return how many providers changed.

    One sandbox provider among others that an operator switched off stays off.
    """
    sandbox = Provider.objects.filter(source=Provider.Source.SANDBOX)
    if on and sandbox.filter(enabled=True).exists():
        return 0
    changed = sandbox.filter(enabled=not on).update(enabled=on)
    if changed:
        bump(CATALOG)
    return changed


def listed_price(provider: Provider, model: FoundModel) -> KnownPrice | None:
    """What the upstream lists, else what the project's list knows; half a price is none."""
    listing = UsdPrice(
        input=listed(model.input_price),
        output=listed(model.output_price),
        cached_input=listed(model.cached_input_price),
    )
    known = model.known_price or KnownPrice(listing, f"listed by {provider.name}", timezone.now().date())
    return known if exact(known.usd, only_embeds(model.capabilities)) is not None else None


def known_names() -> dict[str, int]:
    """Every name and alias of a model, with the model's id; a name goes before an alias."""
    rows = list(LanguageModel.objects.values_list("id", "name", "aliases"))
    by_alias = {alias: pk for pk, _, aliases in rows for alias in aliases}
    return by_alias | {name: pk for pk, name, _ in rows}


def _adopt_provider(offer: FoundProvider, adopted: Adopted) -> None:
    check_base_url(offer.base_url, offer.allow_private)
    provider, created = Provider.objects.get_or_create(
        name=offer.name,
        defaults={
            "wire": offer.wire,
            "base_url": offer.base_url,
            "source": offer.source,
            "local": offer.local,
            "allow_private": offer.allow_private,
        },
    )
    if provider.source not in OURS:
        return
    if created:
        adopted.providers += 1
    elif _refresh(provider, offer):
        adopted.refreshed += 1
        adopted.lines.append(f"{offer.name}: brought up to date")
    if offer.secret and _store(provider, offer.secret) and not created:
        adopted.refreshed += 1
        adopted.lines.append(f"{offer.name}: credential replaced by the one in the environment")
    made = _add_deployments(provider, offer.models)
    adopted.deployments += made
    if created or made:
        adopted.lines.append(f"{offer.name}: {made} {'model' if made == 1 else 'models'} added")


def _refresh(provider: Provider, offer: FoundProvider) -> bool:
    fresh = {
        "wire": offer.wire,
        "base_url": offer.base_url,
        "allow_private": offer.allow_private or provider.allow_private,
    }
    if all(getattr(provider, field) == value for field, value in fresh.items()):
        return False
    for field, value in fresh.items():
        setattr(provider, field, value)
    provider.save(update_fields=[*fresh, "updated_at"])
    return True


def _store(provider: Provider, secret: str) -> bool:
    """Keep the key of the environment as a credential; return whether that changed anything.

    One that is there by another name was rotated by an operator: the environment does not bring it back.
    """
    if any(opens_to(row.ciphertext, secret) for row in provider.credentials.all()):
        return False
    sealed = {"ciphertext": seal(secret), "last_four": last_four(secret), "expires_at": None}
    Credential.objects.update_or_create(provider=provider, name=CREDENTIAL, defaults=sealed)
    return True


def _add_deployments(provider: Provider, models: Sequence[FoundModel]) -> int:
    rows = _rows_by_name(models)
    present = set(provider.deployments.values_list("model_id", flat=True))
    missing: dict[int, FoundModel] = {}
    for model in models:
        if rows[_name(model)] not in present:
            missing.setdefault(rows[_name(model)], model)
    Deployment.objects.bulk_create(
        [_deployment(provider, row, model) for row, model in missing.items()], ignore_conflicts=True
    )
    _add_prices(provider, missing)
    return len(missing)


def _add_prices(provider: Provider, models: dict[int, FoundModel]) -> None:
    """The first price of deployments that were just made."""
    made = [row for row in provider.deployments.filter(prices=None) if row.model_id in models]
    first = [price for row in made if (price := _first_price(provider, row, models[row.model_id]))]
    DeploymentPrice.objects.bulk_create(first, ignore_conflicts=True)


def _first_price(provider: Provider, row: Deployment, model: FoundModel) -> DeploymentPrice | None:
    known = listed_price(provider, model)
    if known is None:
        return None
    return DeploymentPrice(
        deployment=row,
        effective_from=BEGINNING,
        source=known.source,
        source_date=known.read_on,
        **columns_of(known.usd),
    )


def _rows_by_name(models: Sequence[FoundModel]) -> dict[str, int]:
    """Map every name and alias to its model's id, after making the models that are missing."""
    rows = known_names()
    taken = set(rows)
    new = [_language_model(model, taken) for model in models if _name(model) not in taken]
    if not new:
        return rows
    LanguageModel.objects.bulk_create(new, ignore_conflicts=True)
    return known_names()


def _language_model(model: FoundModel, taken: set[str]) -> LanguageModel:
    name = _name(model)
    aliases = [alias for alias in model.aliases if alias not in taken and alias != name]
    taken |= {name, *aliases}
    return LanguageModel(
        name=name, aliases=aliases, quality=model.quality, category_quality=dict(model.category_quality)
    )


def _deployment(provider: Provider, model_id: int, model: FoundModel) -> Deployment:
    return Deployment(
        provider=provider,
        model_id=model_id,
        upstream_model=model.upstream_model,
        enabled=model.enabled,
        context=model.context,
        max_output=model.max_output,
        capabilities=list(model.capabilities),
        ttft_ms=model.ttft_ms,
        tokens_per_s=model.tokens_per_s,
    )


def _switch_sandbox(offers: Sequence[FoundProvider], adopted: Adopted, keep_sandbox: bool) -> None:
    real = any(offer.source == "discovered" and offer.models for offer in offers)
    offered = any(offer.source == "sandbox" for offer in offers)
    if real and not keep_sandbox:
        adopted.switched, line = switch_sandbox(on=False), "switched off, because a real upstream was found"
    elif offered and not Provider.objects.filter(enabled=True).exclude(source__in=APART).exists():
        adopted.switched, line = switch_sandbox(on=True), "switched on, because nothing else is"
    if adopted.switched:
        adopted.lines.append(f"the sandbox is {line}")


def _name(model: FoundModel) -> str:
    return model.name or model.upstream_model
