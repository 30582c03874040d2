"""What would answered requests have cost elsewhere? Sums of what the shipper compared, over any range."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from usage.ranges import TimeRange
from usage.selectors.totals import Entities, answered_by

Column = Literal["provider", "policy"]


class Compared(Struct, frozen=True):
    """Sums over answered requests; amounts in nano-dollars. The columns are those of `usage.rollups.ComparedSums`.

    Fewer `looked_at` than `answered`: some came before baselines were kept. Fewer `compared`: what they cost, or their
    tokens, are unknown. Of `asked` and `first` requests the costs of these alone are in the two sums that follow. Fewer
    `split` than compared: some came before the steps of the difference were kept, or the price of what answered, which
    tells what a cache saved, is unknown.
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
    split: int = 0
    split_local: int = 0
    split_served: int = 0
    split_cached: int = 0
    dearest_routing: int = 0
    dearest_cache: int = 0
    dearest_further: int = 0
    asked_split: int = 0
    asked_routing: int = 0
    asked_cache: int = 0
    asked_further: int = 0
    first_split: int = 0
    first_routing: int = 0
    first_cache: int = 0
    first_further: int = 0


ALWAYS: Final = ("answered", "looked_at", "compared", "compared_estimated", "compared_paid")


def compared(
    buckets: Sequence[TimeRange], entities: Entities, columns: Sequence[str], group: Sequence[Column] = ()
) -> dict[tuple[str, ...], list[Compared]]:
    """These columns, and `ALWAYS`, of each bucket, by the provider that answered and the policy that decided, as asked
    for; the others are 0. Without a group under ()."""
    named = list(dict.fromkeys((*ALWAYS, *columns)))
    found: dict[tuple[str, ...], list[Compared]] = {} if group else {(): [Compared()] * len(buckets)}
    for position, key, sums in answered_by(buckets, entities, group, named):
        of_key = found.setdefault(tuple(map(str, key)), [Compared()] * len(buckets))
        of_key[position] = Compared(**dict(zip(named, sums, strict=True)))
    return found
