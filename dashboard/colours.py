"""Which colour belongs to which name? The colour is the entity's, not its rank's: it is kept from its first sight on.

The check of each minute gives new names their colours (`given`) and keeps them on the board. A drawing has a name in
its own colour or, where a weightier one in the same drawing has that too, in grey; never in another's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zlib import crc32

COLOURS: Final = 6
OTHER: Final = COLOURS  # the index of grey
NOT_ENTITIES: Final = frozenset({"", "Other", "nobody", "none"})  # grey, whatever their weight
MOST: Final = 300  # names that are kept

Kept = Mapping[str, int]  # name -> 0..5


def colours_of(names: Iterable[str], kept: Kept) -> dict[str, int]:
    """The colours of the names of one drawing, the weightiest first: six at most, each given once.

    A name that has none yet gets one of those that are left: a hash chooses; where two meet, the later in the alphabet
    moves on.
    """
    ordered = [name for name in dict.fromkeys(names) if name not in NOT_ENTITIES]
    taken: dict[int, str] = {}
    for name in ordered:
        if name in kept:
            taken.setdefault(kept[name], name)
    for name in sorted([name for name in ordered if name not in kept][: COLOURS - len(taken)]):
        place = crc32(name.encode()) % COLOURS
        while place in taken:
            place = (place + 1) % COLOURS
        taken[place] = name
    return {name: place for place, name in taken.items()}


def given(kept: Kept, kinds: Iterable[Sequence[tuple[str, int]]]) -> dict[str, int]:
    """`kept`, and a colour for each new name; of each kind come names with their requests, the busiest first.

    A new name gets the colour with the fewest requests among those of its kind, so that the six busiest differ.
    """
    found = dict(kept)
    for named in kinds:
        load = [0] * COLOURS
        for name, requests in named:
            if name in found:
                load[found[name]] += requests + 1
        for name, requests in named:
            if name not in found and name not in NOT_ENTITIES and len(found) < MOST:
                first = crc32(name.encode()) % COLOURS
                place = min(range(COLOURS), key=lambda one: (load[one], (one - first) % COLOURS))
                found[name] = place
                load[place] += requests + 1
    return found
