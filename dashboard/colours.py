"""Which colour belongs to which name? The colour is the entity's, not its rank's; the seventh and later share grey."""

from collections.abc import Iterable
from zlib import crc32

COLOURS = 6
OTHER = COLOURS  # the index of grey
NOT_ENTITIES = frozenset({"", "Other", "nobody", "none"})  # grey, whatever their weight


def colours_of(names: Iterable[str]) -> dict[str, int]:
    """Map the first six names, the weightiest first, to 0..5.

    A hash of the name chooses; where two meet, the later in the alphabet moves on to the next free one.
    """
    taken: dict[int, str] = {}
    for name in sorted([name for name in dict.fromkeys(names) if name not in NOT_ENTITIES][:COLOURS]):
        place = crc32(name.encode()) % COLOURS
        while place in taken:
            place = (place + 1) % COLOURS
        taken[place] = name
    return {name: place for place, name in taken.items()}
