"""Which policies are there? For pages; the data plane reads `routing.policybook`."""

from collections.abc import Collection, Mapping

from django.db.models import Value

from providers.models import Deployment, LanguageModel, Provider
from providers.selectors import called
from routing.models import Policy
from routing.policybook import SHORT_NAMES


def policies_called(text: str, limit: int) -> list[str]:
    """Up to `limit` names of policies that hold `text`, the disabled ones too: records name them."""
    return called(Policy.objects.all(), "name", text, limit)


def words_known(wanted: Mapping[str, str]) -> set[str]:
    """Of filters by provider, model, deployment (provider/model) and policy, those whose value is there; one query."""
    provider, _, model = wanted.get("deployment", "").partition("/")
    rows = {
        "provider": Provider.objects.filter(name=wanted.get("provider")),
        "model": LanguageModel.objects.filter(name=wanted.get("model")),
        "deployment": Deployment.objects.filter(provider__name=provider, model__name=model),
        "policy": Policy.objects.filter(name=wanted.get("policy")),
    }
    found = [
        rows[word].order_by().annotate(word=Value(word)).values_list("word", flat=True)
        for word in wanted
        if word in rows
    ]
    return set(found[0].union(*found[1:])) if found else set()


def auto_names(allowed: Collection[str]) -> list[str]:
    """`auto`, then `auto:<policy>` by its short name or its own, for the enabled ones that a tenant's list admits."""
    names = Policy.objects.filter(enabled=True, drill=False).order_by("name").values_list("name", flat=True)
    admitted = [name for name in names if "*" in allowed or name in allowed]
    short = {long: name for name, long in SHORT_NAMES.items()}
    return ["auto", *(f"auto:{name}" for name in sorted(short.get(each, each) for each in admitted))]
