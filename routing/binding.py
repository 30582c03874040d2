"""Who alone can go on with a conversation? The deployment that signed it or waits for its tool results.

It holds for every name that may mean that deployment, `auto` before all. A caller who names another model has chosen to
go on without what the first one signed, and adapters leave that out (`Request.may_carry_to`).
"""

from collections.abc import Sequence
from typing import Final

from providers.catalog import Catalog
from providers.requests import Request
from providers.reserved import is_auto
from providers.targets import Target
from routing.asked import Asked
from routing.candidates import Rule, may_call
from tenants.callers import Caller

RULE: Final = "serving identity"


def identity_rules(
    asked: Asked[Request], catalog: Catalog, pools: Sequence[Sequence[Target]], caller: Caller
) -> tuple[Rule, ...]:
    """The rule that excludes everybody else; none where it is not bound to anyone that is meant and may be called.

    Another key of the tenant may have begun the conversation: one whose scope leaves its deployment out goes on
    elsewhere, as who names another model does.
    """
    bound_to = asked.request.bound_to
    if bound_to is None:
        return ()
    meant = next((target for pool in pools for target in pool if target.id == bound_to), None)
    if meant is not None:
        if not may_call(caller, meant, catalog):
            return ()
        others = f"the conversation is bound to {meant.name}"
        return ((RULE, lambda target: None if target.id == bound_to else others),)
    known = caller.may_call(asked.bound_name.partition("/")[2], asked.bound_name)
    if known and bound_to not in catalog.by_id and _means(asked.request.model, asked.bound_name):
        gone = f"the conversation is bound to {asked.bound_name}, which is not enabled; name another model to leave it"
        return ((RULE, lambda target: gone),)
    return ()


def _means(model: str, deployment: str) -> bool:
    """Whether the name asked for meant a deployment that is no longer in the catalogue."""
    return is_auto(model) or model in (deployment, deployment.partition("/")[2])
