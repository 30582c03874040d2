"""What stands before a file is applied: the rows of providers, read once, by their names."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.models import Credential, Deployment, LanguageModel, Provider
from providers.prices import History, histories


@dataclass(slots=True)
class Stored:
    """Rows by name; prices by the deployment's id."""

    providers: dict[str, Provider] = field(default_factory=dict)
    models: dict[str, LanguageModel] = field(default_factory=dict)
    deployments: dict[tuple[str, str], Deployment] = field(default_factory=dict)
    credentials: dict[str, dict[str, Credential]] = field(default_factory=dict)
    prices: Mapping[int, History] = field(default_factory=dict)


def stored_rows() -> Stored:
    """Read them all: five queries."""
    stored = Stored(
        providers={row.name: row for row in Provider.objects.all()},
        models={row.name: row for row in LanguageModel.objects.all()},
        prices=histories(),
    )
    for deployment in Deployment.objects.select_related("provider", "model"):
        stored.deployments[deployment.provider.name, deployment.model.name] = deployment
    for credential in Credential.objects.select_related("provider"):
        stored.credentials.setdefault(credential.provider.name, {})[credential.name] = credential
    return stored
