"""What would answered requests have cost elsewhere? Sums of what the shipper compared, over any range."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from usage.ranges import TimeRange
from usage.selectors.totals import Entities, answered_by


class Compared(Struct, frozen=True):
    """Sums over answered requests; amounts in nano-dollars. The columns are those of `usage.rollups.ComparedSums`.

    Fewer `looked_at` than `answered`: some came before baselines were kept. Fewer `compared`: what they cost, or their
    tokens, are unknown. Of `asked` and `first` requests the costs of these alone are in the two sums that follow.
    """

    answered: int = 0
    looked_at: int = 0
    compared: int = 0
    compared_estimated: int = 0  # whose tokens are our estimate
    compared_paid: int = 0
    compared_prompt: int = 0
    compared_completion: int = 0
    compared_cached: int = 0
    compared_cache_write: int = 0
    compared_cache_write_1h: int = 0
    compared_reasoning: int = 0
    compared_long: int = 0
    dearest_cost: int = 0
    asked: int = 0
    asked_paid: int = 0
    asked_cost: int = 0
    first: int = 0
    first_paid: int = 0
    first_cost: int = 0


def compared(
    buckets: Sequence[TimeRange], entities: Entities, dimension: Literal["model", "policy"] | None = None
) -> dict[str, list[Compared]]:
    """The sums of each bucket, by the model that answered or the policy that decided; without a dimension under ''."""
    columns = (dimension,) if dimension else ()
    found: dict[str, list[Compared]] = {} if dimension else {"": [Compared()] * len(buckets)}
    for position, key, sums in answered_by(buckets, entities, columns, Compared.__struct_fields__):
        value = str(key[0]) if key else ""
        found.setdefault(value, [Compared()] * len(buckets))[position] = Compared(*sums)
    return found
