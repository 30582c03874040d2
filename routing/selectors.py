"""Which policies are there? For pages; the data plane reads `routing.policybook`."""

from collections.abc import Collection

from routing.models import Policy
from routing.policybook import SHORT_NAMES


def policy_names() -> list[str]:
    """Every policy's name, the disabled ones too: records name them."""
    return list(Policy.objects.order_by("name").values_list("name", flat=True))


def auto_names(allowed: Collection[str]) -> list[str]:
    """`auto`, then `auto:<policy>` by its short name or its own, for the enabled ones that a tenant's list admits."""
    names = Policy.objects.filter(enabled=True, drill=False).order_by("name").values_list("name", flat=True)
    admitted = [name for name in names if "*" in allowed or name in allowed]
    short = {long: name for name, long in SHORT_NAMES.items()}
    return ["auto", *(f"auto:{name}" for name in sorted(short.get(each, each) for each in admitted))]
