"""What is each model of an upstream? What its listing says, and else what `priors.yaml` and `pricelist.yaml` know."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from providers.adapters.base import ListedModel
from providers.found import FoundModel
from providers.ownprices import known_price
from providers.priors import AtProvider, Prior, plain_name, prior_of, priors
from providers.reserved import is_auto
from providers.vendors import Vendor, embeds, is_usable

LONGEST_NAME: Final = 200
FREE: Final = "0"  # one's own hardware sends no bill
NOWHERE: Final = AtProvider()


def listed_models(vendor: Vendor, moved: bool, listed: Sequence[ListedModel]) -> tuple[FoundModel, ...]:
    """Return the models of a listing that chat or embed, the known ones under the name that they have everywhere.

    Of several that are the same known model (dated snapshots, `:free` editions) the plainest takes the name, and the
    others are left switched off. Where an upstream lists other companies' models by the hundred, only known ones are
    switched on; with an operator's own URL (`moved`) and on local servers all are.
    """
    usable = [model for model in listed if _is_usable(model)]
    best = _best_of_each(usable)
    if moved:  # another server stands there, and may do less than the vendor's own
        vendor = msgspec.structs.replace(vendor, serves=())
    found = [_found(vendor, moved, model, best) for model in usable]
    return tuple({model.name: model for model in reversed(found)}.values())[::-1]


def known_models(vendor: Vendor) -> tuple[FoundModel, ...]:
    """What `priors.yaml` knows at a vendor, for when its listing does not come."""
    at = [(prior, prior.at[vendor.name]) for prior in priors().models if vendor.name in prior.at]
    return tuple(_merged(vendor, prior.name, ListedModel(here.id or prior.name), prior) for prior, here in at)


def described(vendor: Vendor, model: ListedModel, prior: Prior | None) -> FoundModel:
    """What is known of one model of a vendor, whatever the others of its listing are."""
    return _merged(vendor, model.name, model, prior)


def _is_usable(model: ListedModel) -> bool:
    fits = 0 < len(model.name) <= LONGEST_NAME and model.name.isprintable()
    return fits and is_usable(model.name) and not is_auto(model.name)


def _best_of_each(models: Iterable[ListedModel]) -> dict[str, str]:
    """Map the name of a known model to the provider's name that bears it best: the plainest, then the shortest."""
    best: dict[str, str] = {}
    for model in sorted(models, key=lambda model: (len(model.name), model.name)):
        prior = prior_of(model.name)
        if prior and (prior.name not in best or plain_name(model.name) == prior.name != plain_name(best[prior.name])):
            best[prior.name] = model.name
    return best


def _found(vendor: Vendor, moved: bool, model: ListedModel, best: dict[str, str]) -> FoundModel:
    prior = prior_of(model.name)
    if prior is None:
        return _merged(vendor, model.name, model, None, enabled=moved or not vendor.many)
    if vendor.local:  # several sizes and quantisations of one model stand side by side, by their own names
        return _merged(vendor, model.name.removesuffix(":latest"), model, prior)
    if best[prior.name] != model.name:
        return _merged(vendor, model.name, model, prior, enabled=False)
    return _merged(vendor, prior.name, model, prior)


def _merged(vendor: Vendor, name: str, model: ListedModel, prior: Prior | None, *, enabled: bool = True) -> FoundModel:
    here = NOWHERE if vendor.local else _at(vendor, prior)
    speed, free = here.speed or (None, None), FREE if vendor.local else None
    priced = model.input_usd_per_million is not None or vendor.local
    return FoundModel(
        upstream_model=model.name,
        name=name,
        aliases=(model.name,) if name != model.name else (),
        context=model.context or (prior.context if prior else None),
        max_output=model.max_output or (prior.max_output if prior else None),
        capabilities=_skills(vendor, model, prior),
        input_price=model.input_usd_per_million or free,
        output_price=model.output_usd_per_million or free,
        known_price=known_price(vendor.name, prior.name) if prior and not priced else None,
        quality=prior.quality if prior else None,
        category_quality=tuple(sorted(prior.categories.items())) if prior else (),
        ttft_ms=speed[0],
        tokens_per_s=speed[1],
        enabled=enabled,
    )


def _skills(vendor: Vendor, model: ListedModel, prior: Prior | None) -> tuple[str, ...]:
    """What the listing says, else what is known; a model that embeds does nothing else."""
    said = model.capabilities or frozenset(prior.can if prior else ())
    if "embeddings" in said or (not said and embeds(model.name)):
        return ("embeddings",)
    return tuple(sorted({*(said or vendor.skills), *vendor.serves}))


def _at(vendor: Vendor, prior: Prior | None) -> AtProvider:
    return prior.at.get(vendor.name, NOWHERE) if prior else NOWHERE
