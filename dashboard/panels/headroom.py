"""How much is left of each upstream's rate limits?"""

from msgspec import Struct

from dashboard.headrooms import Known, Left, known_headrooms
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table

MOST_ROWS = 60
LITTLE, SOME = 0.1, 0.3  # of a limit


class Headroom(Struct, frozen=True):
    known: Known
    rows: tuple[tuple[Left, str], ...]  # each with its fill
    hidden: int


class HeadroomPanel(Panel):
    """Each limit that an upstream told, the tightest first."""

    name = "headroom"
    title = "How much of their rate limits is left?"
    unit = "as each upstream told last"
    page = "upstreams"
    order = 20
    formula = (
        "Upstreams tell their limits in the headers of their answers (x-ratelimit-…, anthropic-ratelimit-…); here is "
        "the newest word on each deployment and credential that any worker heard since it started. Empty in: what is "
        "left, divided by the pace of the last 15 minutes (attempts, or tokens of answered requests), shared equally "
        "among the deployment's credentials; what refills meanwhile is left out, so it is early rather than late. "
        "What others ask with the same account is known only by what the upstream says is left."
    )

    def data(self, scope: Scope) -> Headroom:
        known = known_headrooms(scope)
        rows = tuple((left, fill_of(left.share)) for left in known.lefts[:MOST_ROWS])
        return Headroom(known, rows, len(known.lefts) - len(rows))

    def table(self, data: Headroom, scope: Scope) -> Table | None:
        heads = ("Deployment", "Credential", "Limit of", "Left", "Limit", "Resets in, s", "Told at", "Empty in, s")
        rows = [
            (one.deployment, one.last_four, one.kind, None if one.over else one.remaining, one.limit, one.reset_in_s,
             one.told_at, one.empty_in_s)
            for one in data.known.lefts
        ]  # fmt: skip
        return Table(tuple(map(Column, heads)), rows) if rows else None


def fill_of(share: float | None) -> str:
    """The colour of what is left."""
    if share is None:
        return "f6"
    return "fbad" if share < LITTLE else "fwarn" if share < SOME else "fok"
