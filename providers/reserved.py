"""Which names are the router's own? `auto` leaves the choice to the tenant's policy, and `auto:NAME` to that one."""

from typing import Final

AUTO: Final = "auto"
AUTO_COLON: Final = AUTO + ":"


def is_auto(model: str) -> bool:
    """Whether the name of a model leaves the choice to a policy."""
    return model == AUTO or model.startswith(AUTO_COLON)


def why_reserved(name: str) -> str:
    """Why no model may bear this name, as its name or as an alias; empty: it may."""
    if not is_auto(name):
        return ""
    return f"{name} is a name of the router itself; choose another, e.g. my-{name.replace(':', '-')}"
