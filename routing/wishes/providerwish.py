"""What may a caller wish of providers? OpenRouter's `provider` in the body, as routing reads it and as it passes on.

https://openrouter.ai/docs/features/provider-routing. Names that no provider of ours has mean OpenRouter's own
providers: an upstream that is OpenRouter receives them, and is what they stand for among our deployments.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from providers.catalog import Catalog
from providers.targets import Target
from providers.vendors import routes_itself
from tenants.budgets import USD
from tenants.callers import Caller

Sort = Literal["price", "throughput", "latency"]
LISTS: Final = ("order", "only", "ignore")


class SortBy(Struct, frozen=True):
    """The longer spelling of `sort`."""

    by: Sort


class MaxPrice(Struct, frozen=True, omit_defaults=True):
    """The highest price in USD, as numbers or strings: per million tokens, per request, per image."""

    prompt: Decimal | None = None
    completion: Decimal | None = None
    request: Decimal | None = None
    image: Decimal | None = None


class ProviderWish(Struct, frozen=True, omit_defaults=True):
    """`provider` in the body; everything is optional, and names are those of providers or provider/model."""

    order: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    allow_fallbacks: bool | None = None
    sort: Sort | SortBy | None = None
    max_price: MaxPrice | None = None
    require_parameters: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    quantizations: tuple[str, ...] | None = None

    @property
    def sort_by(self) -> Sort | None:
        return self.sort.by if isinstance(self.sort, SortBy) else self.sort


class PassedOn(Struct, frozen=True):
    """What an upstream that routes by itself receives of the fields that are the router's."""

    provider: dict[str, Raw] | None = None
    models: tuple[str, ...] = ()


_passed = msgspec.json.Decoder(PassedOn)
_names = msgspec.json.Decoder(tuple[str, ...] | None)


def place(target: Target, names: Sequence[str], catalog: Catalog) -> int | None:
    """The position of the first of `names` that means the target; None: none does."""
    for index, name in enumerate(names):
        wanted = name.lower()
        if wanted in (target.provider, target.name.lower()):
            return index
        if routes_itself(target.provider, target.base_url) and not is_ours(wanted, catalog):
            return index
    return None


def is_ours(name: str, catalog: Catalog) -> bool:
    """Whether a name means a provider or deployment of ours."""
    return name.lower() in catalog.providers or name in catalog.by_name


def passed_on(raw: bytes, catalog: Catalog, caller: Caller) -> tuple[Mapping[str, Raw], tuple[str, ...]]:
    """The body's `provider` without our own names and its `models` without our own and without those that the caller
    may not call, where anything is left of them. Nobody here knows what those cost: a hard budget refuses them, which
    is warned of."""
    wanted = _passed.decode(raw)
    fields: dict[str, Raw] = {}
    if wanted.provider and (provider := _without_ours(wanted.provider, catalog)):
        fields["provider"] = Raw(msgspec.json.encode(provider))
    known = (catalog.by_model, catalog.by_name)
    theirs = [name for name in wanted.models if not any(name in names for names in known)]
    theirs = [name for name in theirs if caller.may_call(name, *_at_routers(name, catalog))]
    if theirs and any(spec.hard and spec.unit == USD and not spec.allows_unpriced for spec in caller.budgets):
        return fields, (f"models {', '.join(theirs)} dropped: their prices are unknown, and a budget is hard",)
    if theirs:
        fields["models"] = Raw(msgspec.json.encode(theirs))
    return fields, ()


def _at_routers(name: str, catalog: Catalog) -> set[str]:
    """A model that only an upstream router knows, as allow lists and scopes may call it: provider/model."""
    return {f"{each.provider}/{name}" for each in catalog.targets if routes_itself(each.provider, each.base_url)}


def _without_ours(provider: Mapping[str, Raw], catalog: Catalog) -> dict[str, Raw]:
    fields = dict(provider)
    for name in LISTS:
        given = _names.decode(fields[name]) if name in fields else None
        if given:
            fields[name] = Raw(msgspec.json.encode([each for each in given if not is_ours(each, catalog)]))
    return {name: value for name, value in fields.items() if name not in LISTS or bytes(value) not in (b"[]", b"null")}
