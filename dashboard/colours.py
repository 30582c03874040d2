"""Which colour belongs to which name? The colour is the entity's, not its rank's; the seventh and later share grey."""

from collections.abc import Iterable
from zlib import crc32

COLOURS = 6
OTHER = COLOURS  # the index of grey


def colours_of(names: Iterable[str]) -> dict[str, int]:
    """Map up to six names to 0..5 by a hash; a collision moves on to the next free one, in the order of the names."""
    taken: dict[int, str] = {}
    for name in sorted(set(names))[:COLOURS]:
        place = crc32(name.encode()) % COLOURS
        while place in taken:
            place = (place + 1) % COLOURS
        taken[place] = name
    return {name: place for place, name in taken.items()}
