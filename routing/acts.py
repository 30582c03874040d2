"""What can an operator do to a deployment at once? Leave it alone, forget its health, take it out of use or back."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from django.db import transaction

from providers import audit, revisions
from providers.models import Deployment
from routing import resets

Act = Literal["open", "reset", "drain", "undrain"]
CHANGE: Final = "providers.change_deployment"
DRAIN: Final = "providers.drain_deployment"
RIGHTS: Final[Mapping[Act, tuple[str, ...]]] = {  # any of them is enough
    "open": (CHANGE, DRAIN),  # less than to drain it
    "reset": (CHANGE,),
    "drain": (CHANGE, DRAIN),
    "undrain": (CHANGE,),
}


def may(has: Callable[[str], bool], act: Act) -> bool:
    """Whether somebody who has the rights of which `has` tells may do it."""
    return any(map(has, RIGHTS[act]))


def do(act: Act, row: Deployment, actor: audit.Actor, reason: str) -> None:
    """Do it in every worker within a second, with an audit row; what is as it should be already stays silent."""
    with transaction.atomic():
        if act in ("open", "reset"):
            resets.ask(str(row), opens=act == "open")
            audit.record(actor, "opened breaker" if act == "open" else "reset health", row, {}, reason)
        else:
            _switch(row, act == "undrain", actor, reason)


def _switch(row: Deployment, enabled: bool, actor: audit.Actor, reason: str) -> None:
    before = audit.state(row)
    row.enabled = enabled
    if changes := audit.difference(before, audit.state(row)):
        row.save(update_fields=["enabled"])
        audit.record(actor, "undrained" if enabled else "drained", row, changes, reason)
        revisions.bump(revisions.CATALOG)
