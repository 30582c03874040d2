"""What may be asked in the playground, by whom, for which tenant; and if nothing, why?"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from providers.reserved import AUTO
from providers.selectors import ChatModel, chat_models
from routing.selectors import auto_names
from tenants.callers import admits
from tenants.models import Tenant, own
from tenants.selectors import tenants_seen_by

RIGHT: Final = "tenants.use_playground"
MOST_MODELS: Final = 500  # more than that nobody finds in a list; the address still takes any name
FORBIDDEN: Final = (
    "You may look, and take the code. Running it spends a tenant's money, and takes the right to use the playground: "
    "the role operator has it, and an owner can give it on your page in admin."
)


class Choices(Struct, frozen=True):
    """What a column may ask for."""

    routed: tuple[str, ...]
    fixed: tuple[str, ...]
    left_out: int = 0  # fixed ones beyond the list


def tenants_for(user: Any) -> dict[int, Tenant]:
    """The tenants that a person may ask for: those in sight that are in use, by name."""
    names = tenants_seen_by(user).names
    return {row.pk: row for row in Tenant.objects.filter(own(), pk__in=names, enabled=True).order_by("name")}


def tenant_named(name: str, tenants: Mapping[int, Tenant]) -> Tenant | None:
    """The one of this name; without a name the first."""
    return next((row for row in tenants.values() if name in ("", row.name)), None)


def choices_for(tenant: Tenant | None) -> Choices:
    """The names that the tenant's rules admit, of what is switched on and answers chats."""
    if tenant is None:
        return Choices((AUTO,), ())
    found = sorted({each.model for each in chat_models() if _admits(tuple(tenant.allow_models), each)})
    return Choices(tuple(auto_names(tenant.allow_policies)), tuple(found[:MOST_MODELS]), len(found[MOST_MODELS:]))


def why_not(user: Any, tenant: Tenant | None, choices: Choices) -> str:
    """Why this person cannot run anything now; empty: they can."""
    if not user.has_perm(RIGHT):
        return FORBIDDEN
    if tenant is None:
        return "No tenant of this name is in use, or none that you see. An owner can switch one on in admin."
    if not choices.fixed:
        return f"No model that {tenant} may use is switched on: providers and models are set in admin."
    return ""


def _admits(patterns: tuple[str, ...], each: ChatModel) -> bool:
    """As `routing.candidates.in_list`, of rows instead of the data plane's targets."""
    return admits(patterns, each.model, f"{each.provider}/{each.model}") or not each.aliases.isdisjoint(patterns)
