"""What can be called: an immutable snapshot of every enabled deployment, with the ways to find one by name."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils import timezone

from providers.embeddings import only_embeds
from providers.models import Credential, Deployment, DeploymentPrice, in_use
from providers.neighbours import Neighbours
from providers.prices import histories, in_effect, next_change
from providers.realms import OURS, Realm, realm_of
from providers.revisions import CATALOG
from providers.secrets import SecretUnreadable, unseal
from providers.snapshots import Snapshot
from providers.targets import KEEPS_NOTHING, Price, Secret, Target
from providers.timelimits import PHASES, time_limits
from providers.usdprice import exact

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Targets in the order of their names; every mapping leads to the same objects."""

    targets: tuple[Target, ...]
    by_model: Mapping[str, tuple[Target, ...]]  # model names, and aliases that are not also names
    by_name: Mapping[str, Target]  # provider/model, provider/alias, provider/upstream_model
    by_id: Mapping[int, Target]
    model_names: tuple[str, ...]  # without aliases, sorted
    providers: frozenset[str]  # names
    contexts: tuple[int, ...]  # every distinct context window, ascending
    _neighbours: Neighbours = field(repr=False)
    until: datetime | None = None  # when another price comes into effect, or a credential ends
    _apart: "Mapping[Realm, Catalog]" = field(default_factory=dict, repr=False)  # of those kept apart

    def nearest(self, name: str, admits: Callable[[str], bool] = lambda name: True) -> str | None:
        """The name that a person who wrote `name` probably meant, of those that `admits` lets be told."""
        return self._neighbours.nearest(name, admits)

    def seen(self, by: Realm) -> "Catalog":
        """What a caller can find: who is kept apart its own deployments alone, everybody else all but those."""
        return (self._apart.get(by) or build(())) if by else self


def load_catalog() -> Catalog:
    """Read the catalog from the database: three queries, each enabled credential decrypted once."""
    now = timezone.now()
    credentials, prices = _credentials(now), histories()
    secrets = _secrets(credentials)
    rows = Deployment.objects.filter(enabled=True, provider__enabled=True)
    rows = rows.select_related("provider", "model").order_by("provider__name", "model__name")
    found: dict[Realm, list[Target]] = defaultdict(list)
    for row in rows:
        price = in_effect(prices.get(row.pk, ()), now)
        found[realm_of(row.provider.source)].append(_target(row, secrets.get(row.provider_id, ()), price))
    changes = (
        next_change((price for history in prices.values() for price in history), now),
        *(row.expires_at for row in credentials),
    )
    until = min((change for change in changes if change), default=None)
    ours = build(found.pop(OURS, ()))
    return replace(ours, until=until, _apart={realm: build(targets) for realm, targets in found.items()})


def build(targets: Iterable[Target]) -> Catalog:
    """Index `targets`, which come in the order of their names."""
    targets = tuple(targets)
    by_model = _by_model(targets)
    return Catalog(
        targets=targets,
        by_model=by_model,
        by_name=_by_name(targets),
        by_id={target.id: target for target in targets},
        model_names=tuple(sorted({target.model for target in targets})),
        providers=frozenset(target.provider for target in targets),
        contexts=tuple(sorted({target.context for target in targets if target.context is not None})),
        _neighbours=Neighbours((*by_model, *(target.name for target in targets))),
    )


catalog: Snapshot[Catalog] = Snapshot(CATALOG, load_catalog, until=lambda catalog: catalog.until)


def _credentials(now: datetime) -> list[Credential]:
    rows = Credential.objects.filter(in_use(now), provider__enabled=True)
    return list(rows.select_related("provider").order_by("id"))


def _secrets(rows: Iterable[Credential]) -> dict[int, tuple[Secret, ...]]:
    """Secrets by provider; one that cannot be decrypted is left out and named in the log."""
    found: dict[int, list[Secret]] = defaultdict(list)
    for row in rows:
        try:
            found[row.provider_id].append(Secret(row.pk, unseal(row.ciphertext), row.last_four))
        except SecretUnreadable as exc:
            logger.error("credential %s of provider %s is left out: %s", row.name, row.provider.name, exc)
    return {provider_id: tuple(secrets) for provider_id, secrets in found.items()}


def _target(row: Deployment, secrets: tuple[Secret, ...], price: DeploymentPrice | None) -> Target:
    provider, model = row.provider, row.model
    return Target(
        id=row.pk,
        provider_id=provider.pk,
        model_id=model.pk,
        provider=provider.name,
        model=model.name,
        upstream_model=row.upstream_model,
        wire=provider.wire,
        base_url=provider.base_url,
        secrets=secrets,
        headers=tuple((str(name), str(value)) for name, value in provider.headers.items()),
        aliases=tuple(model.aliases),
        context=row.context,
        max_output=row.max_output,
        capabilities=frozenset(row.capabilities),
        price=_price(row, price),
        quality=model.quality if row.quality is None else row.quality,
        category_quality=tuple(model.category_quality.items()),
        ttft_ms=row.ttft_ms,
        tokens_per_s=row.tokens_per_s,
        timeouts=time_limits(_given_time_limits(row), row.capabilities, provider.local),
        retries=row.retries,
        local=provider.local,
        data_policy=provider.data_policy or (KEEPS_NOTHING if provider.local else ""),
        quantization=row.quantization,
        unsupported=row.unsupported,
    )


def _price(row: Deployment, price: DeploymentPrice | None) -> Price | None:
    return exact(price.usd, only_embeds(row.capabilities)) if price else None


def _given_time_limits(row: Deployment) -> dict[str, float | None]:
    """What the operator said of each phase, in seconds."""
    return {phase: getattr(row, f"{phase}_timeout_s") for phase in PHASES}


def _by_model(targets: tuple[Target, ...]) -> dict[str, tuple[Target, ...]]:
    """A model's own name wins over an alias of another; an alias of several models leads to all of them."""
    names: dict[str, list[Target]] = defaultdict(list)
    aliases: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        names[target.model].append(target)
        for alias in dict.fromkeys(target.aliases):
            aliases[alias].append(target)
    return {name: tuple(found) for name, found in {**aliases, **names}.items()}


def _by_name(targets: tuple[Target, ...]) -> dict[str, Target]:
    found = {target.name: target for target in targets}
    for target in targets:
        for alias in target.aliases:
            found.setdefault(f"{target.provider}/{alias}", target)
    for target in targets:
        found.setdefault(f"{target.provider}/{target.upstream_model}", target)
    return found
