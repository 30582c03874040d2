"""Where do deployments differ from what their provider lists, or from what `priors.yaml` knows? Changes nothing."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from providers.adapters.base import ListedModel
from providers.importing import vendor_of
from providers.listing import described
from providers.models import Deployment, Provider
from providers.priors import Prior, prior_of

LABELS: Final = {"context": "Context, tokens", "max_output": "Longest answer, tokens", "capabilities": "Skills"}
LISTING, CATALOGUE = "the provider's listing", "the shipped catalogue"


class Difference(Struct, frozen=True):
    """One column of one deployment; what is not known is no difference."""

    deployment_id: int
    deployment: str
    column: str
    old: Any
    new: Any
    source: str  # who says so: LISTING or CATALOGUE

    @property
    def key(self) -> str:
        """Names the difference with both values: once either has changed it is another."""
        values = blake2b(repr((self.old, self.new)).encode(), digest_size=8).hexdigest()
        return f"{self.deployment_id}.{self.column}.{values}"


def differences(provider: Provider, listed: Sequence[ListedModel]) -> list[Difference]:
    """Those of every deployment of `provider`, by the deployments' names; without a listing, the catalogue's alone."""
    by_name = {model.name: model for model in listed}
    rows = provider.deployments.select_related("provider", "model").order_by("model__name")
    count = len(listed)
    return [each for row in rows for each in _of(row, by_name.get(row.upstream_model), count)]


def _of(row: Deployment, model: ListedModel | None, count: int) -> Iterator[Difference]:
    prior = prior_of(row.upstream_model) or prior_of(row.model.name)
    said = model or ListedModel(row.upstream_model)
    found = described(vendor_of(row.provider, count), said, prior)
    skills = sorted(found.capabilities) if said.capabilities or (prior and prior.can) else None
    news = {"context": found.context, "max_output": found.max_output, "capabilities": skills}
    for column, new in news.items():
        old, source = getattr(row, column), _source(said, prior, column)
        if source == CATALOGUE and row.provider.local and old:
            continue  # one's own server has its own context and templates, which its discovery has asked for
        if new is not None and new != (sorted(old) if column == "capabilities" else old):
            yield Difference(row.pk, str(row), column, old, new, source)


def _source(said: ListedModel, prior: Prior | None, column: str) -> str:
    return LISTING if prior is None or getattr(said, column) else CATALOGUE
