"""Whose usage is on the page My usage? That of the person's own keys, or, on demand, that of all keys in sight."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Q
from msgspec import Struct

from dashboard.accepted import WHOSE
from dashboard.scope import Scope
from tenants.models import ClientKey, own
from tenants.sight import Sight, seen

MOST: Final = 100  # of a person's keys, the newest
MINE, TEAM = WHOSE


class Choice(Struct, frozen=True):
    """One of the two."""

    name: str
    address: str
    current: bool


def keys_shown(scope: Scope) -> frozenset[int] | None:
    """The keys whose usage is shown; None: all that the page is about, as the address says, or as it names a key."""
    if scope.word("whose") == TEAM or scope.key_id is not None:
        return None
    return frozenset(scope.ask(_own, scope.person, scope.sight))


def choices(scope: Scope) -> Sequence[Choice]:
    """The switch; none where the address names a key."""
    if scope.key_id is not None:
        return ()
    team = scope.word("whose") == TEAM
    several = scope.sight is None or len(scope.sight) > 1
    word = scope.word("tenant")
    all_keys = f"all keys of {word}" if word else "all keys of my tenants" if several else "all keys of my tenant"
    return (
        Choice("my keys", scope.here(whose=""), not team),
        Choice("all keys that I see" if scope.sight is None and not word else all_keys, scope.here(whose=TEAM), team),
    )


def _own(person: int | None, sight: Sight) -> list[int]:
    """The keys that a person made, those that ended too, and those with which the playground asks for them."""
    if person is None:
        return []
    mine = ClientKey.objects.filter(own("tenant__"), Q(owner=person) | Q(lent_to=person))
    return list(seen(mine, sight, "tenant").order_by("-id").values_list("pk", flat=True)[:MOST])
