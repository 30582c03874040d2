"""The `deployments` of a provider: which models it serves, at what price, how long and how often we try."""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, UnsetType

from providers.embeddings import only_embeds
from providers.formfields import CAPABILITIES
from providers.models import Deployment, LanguageModel, Provider
from providers.revisions import CATALOG
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.modelpart import is_free
from routing.configfile.reading import nearest
from routing.configfile.schema import given

PRICES: Final = ("input", "output", "cached_input", "cache_write")
HIGHEST: Final = Decimal(1_000_000)  # six digits before the point and six after it, as the column has
SMALLEST_STEP: Final = -6
CHAT: Final = "chat"


def put_deployments(
    changes: Changes,
    path: str,
    spec: schema.Provider,
    provider: Provider,
    models: dict[str, LanguageModel],
    rows: dict[tuple[str, str], Deployment],
) -> None:
    """Make or update every deployment that the file gives this provider; a model that is new is made too."""
    wanted = spec.deployments or []
    if not changes.unique(f"{path}.deployments", (each.model for each in wanted)):
        return
    for index, each in enumerate(wanted):
        where = f"{path}.deployments[{index}]"
        row = rows.get((provider.name, each.model))
        if not _is_sound(changes, where, each, row):
            continue
        row = row or Deployment(provider=provider, model=_model(changes, each.model, models), upstream_model=each.model)
        changes.put(CATALOG, row, f"deployment {provider.name}/{each.model}", _values(each))


def _model(changes: Changes, name: str, models: dict[str, LanguageModel]) -> LanguageModel:
    row = models.get(name)
    if row is None:
        row = models[name] = LanguageModel(name=name)
        changes.put(CATALOG, row, f"model {name}", [])
    return row


def _is_sound(changes: Changes, path: str, spec: schema.Deployment, row: Deployment | None) -> bool:
    before = len(changes.problems)
    is_free(changes, f"{path}.model", spec.model)
    skills = given(spec.capabilities, row.capabilities if row else [])
    _check_prices(changes, f"{path}.price", spec.price, only_embeds(skills))
    context = given(spec.context, row.context if row else None)
    longest = given(spec.max_output, row.max_output if row else None)
    if context and longest and longest > context:
        field = "context" if isinstance(spec.max_output, UnsetType) else "max_output"
        changes.problem(f"{path}.{field}", f"max_output {longest} does not fit a context of {context}")
    for index, name in enumerate(spec.capabilities or ()):
        if name not in CAPABILITIES and name != CHAT:
            known = f"no request asks for {name}{nearest(name, CAPABILITIES)}"
            changes.warn(f"{path}.capabilities[{index}]", known)
    return len(changes.problems) == before


def _check_prices(changes: Changes, path: str, price: schema.Price | None | UnsetType, embeds: bool) -> None:
    if isinstance(price, UnsetType) or price is None:
        return
    if price.input is None or (price.output is None and not embeds):
        changes.problem(path, "give both input and output, or no price at all: half a price counts nothing")
    for name in PRICES:
        usd: Decimal | None = getattr(price, name)
        if usd is not None and not _fits(usd):
            changes.problem(f"{path}.{name}", f"{usd} is not between 0 and {HIGHEST:f}, in steps of 0.000001")


def _fits(usd: Decimal) -> bool:
    if not usd.is_finite() or not 0 <= usd < HIGHEST:
        return False
    exponent = usd.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= SMALLEST_STEP


def _values(spec: schema.Deployment) -> list[tuple[str, str, object]]:
    limits = ("upstream_model", "enabled", "context", "max_output", "quantization", "unsupported")
    plain = (*limits, "quality", "ttft_ms", "tokens_per_s", "retries")
    return [
        *((name, name, getattr(spec, name)) for name in plain),
        ("capabilities", "capabilities", _once_each(spec.capabilities)),
        *((f"price.{name}", f"{name}_price", _price(spec.price, name)) for name in PRICES),
        *((f"timeouts.{name}", f"{name}_timeout_s", getattr(spec.timeouts, name)) for name in _phases()),
    ]


def _once_each(names: list[str] | UnsetType) -> list[str] | UnsetType:
    return UNSET if isinstance(names, UnsetType) else list(dict.fromkeys(names))


def _price(price: schema.Price | None | UnsetType, name: str) -> object:
    """A price is given whole: what it leaves out becomes unknown."""
    return price if isinstance(price, UnsetType) or price is None else getattr(price, name)


def _phases() -> tuple[str, ...]:
    return schema.Timeouts.__struct_fields__
