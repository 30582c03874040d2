"""Which policies are there? For pages; the data plane reads `routing.policybook`."""

from collections.abc import Collection

from providers.selectors import called
from routing.models import Policy
from routing.policybook import SHORT_NAMES


def policies_called(text: str, limit: int) -> list[str]:
    """Up to `limit` names of policies that hold `text`, the disabled ones too: records name them."""
    return called(Policy.objects.all(), "name", text, limit)


def auto_names(allowed: Collection[str]) -> list[str]:
    """`auto`, then `auto:<policy>` by its short name or its own, for the enabled ones that a tenant's list admits."""
    names = Policy.objects.filter(enabled=True, drill=False).order_by("name").values_list("name", flat=True)
    admitted = [name for name in names if "*" in allowed or name in allowed]
    short = {long: name for name, long in SHORT_NAMES.items()}
    return ["auto", *(f"auto:{name}" for name in sorted(short.get(each, each) for each in admitted))]
