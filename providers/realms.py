"""Which parts of an installation are kept apart from all else? Each sees its own deployments and nobody else's.

What a realm brings along is not the operator's configuration, and its traffic is in no sum but its own tenant's.
"""

from typing import Final, Literal

Realm = Literal["", "drill", "demo"]
OURS: Final[Realm] = ""
DRILL: Final[Realm] = "drill"  # the resilience drill
DEMO: Final[Realm] = "demo"  # the sample traffic
APART: Final[tuple[Realm, ...]] = (DRILL, DEMO)  # values of `providers.models.Provider.Source` too


def realm_of(source: str) -> Realm:
    """The realm of a provider's source."""
    return next((realm for realm in APART if realm == source), OURS)
