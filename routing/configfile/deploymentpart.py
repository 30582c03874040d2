"""The `deployments` of a provider: which models it serves, at what price, how long and how often we try."""

from typing import Final

from msgspec import UNSET, UnsetType

from providers.embeddings import only_embeds
from providers.formfields import CAPABILITIES
from providers.models import Deployment, LanguageModel, Provider
from providers.revisions import CATALOG
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.modelpart import is_free
from routing.configfile.pricepart import check_prices, put_prices
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from routing.configfile.stored import Stored

CHAT: Final = "chat"


def put_deployments(
    changes: Changes,
    path: str,
    spec: schema.Provider,
    provider: Provider,
    stored: Stored,
) -> None:
    """Make or update every deployment that the file gives this provider; a model that is new is made too."""
    wanted = spec.deployments or []
    if not changes.unique(f"{path}.deployments", (each.model for each in wanted)):
        return
    for index, each in enumerate(wanted):
        where = f"{path}.deployments[{index}]"
        row = stored.deployments.get((provider.name, each.model))
        if not _is_sound(changes, where, each, row):
            continue
        row = row or Deployment(provider=provider, model=_model(changes, each.model, stored), upstream_model=each.model)
        changes.put(CATALOG, row, f"deployment {provider.name}/{each.model}", _values(each))
        put_prices(changes, row, each.price, stored.prices.get(row.pk, ()))


def _model(changes: Changes, name: str, stored: Stored) -> LanguageModel:
    row = stored.models.get(name)
    if row is None:
        row = stored.models[name] = LanguageModel(name=name)
        changes.put(CATALOG, row, f"model {name}", [])
    return row


def _is_sound(changes: Changes, path: str, spec: schema.Deployment, row: Deployment | None) -> bool:
    before = len(changes.problems)
    is_free(changes, f"{path}.model", spec.model)
    skills = given(spec.capabilities, row.capabilities if row else [])
    check_prices(changes, f"{path}.price", spec.price, only_embeds(skills))
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


def _values(spec: schema.Deployment) -> list[tuple[str, str, object]]:
    limits = ("upstream_model", "enabled", "context", "max_output", "quantization", "unsupported")
    plain = (*limits, "quality", "ttft_ms", "tokens_per_s", "retries")
    return [
        *((name, name, getattr(spec, name)) for name in plain),
        ("capabilities", "capabilities", _once_each(spec.capabilities)),
        *((f"timeouts.{name}", f"{name}_timeout_s", getattr(spec.timeouts, name)) for name in _phases()),
    ]


def _once_each(names: list[str] | UnsetType) -> list[str] | UnsetType:
    return UNSET if isinstance(names, UnsetType) else list(dict.fromkeys(names))


def _phases() -> tuple[str, ...]:
    return schema.Timeouts.__struct_fields__
