"""Which policies are there? For pages; the data plane reads `routing.policybook`."""

from routing.models import Policy


def policy_names() -> list[str]:
    """Every policy's name, the disabled ones too: records name them."""
    return list(Policy.objects.order_by("name").values_list("name", flat=True))
