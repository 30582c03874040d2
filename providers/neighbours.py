"""Which known name did a person mean who mistyped one?"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

LONGEST: Final = 200  # as LanguageModel.name; a longer text has no neighbour worth the search
SHORTLIST: Final = 12
ENOUGH: Final = 2000  # names met through pairs of letters, the rare pairs first: what nearly all share tells little


def anybody(name: str) -> bool:
    """Nothing is kept from who asks."""
    return True


class Neighbours:
    """Names indexed by their pairs of letters: comparing each of thousands in full would block for 70 ms."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._with_pair: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._names):
            for pair in _pairs(name):
                self._with_pair[pair].append(index)

    def nearest(self, name: str, admits: Callable[[str], bool] = anybody) -> str | None:
        """The known name that is most like `name`, of those that `admits` lets be told; None when none is like it."""
        return next(iter(self.near(name, 1, admits)), None)

    def near(self, name: str, most: int, admits: Callable[[str], bool] = anybody) -> list[str]:
        """Up to `most` such names, whatever their case, the most like it first."""
        if len(name) > LONGEST:
            return []
        ranked = (known for index in self._ranked(name) if admits(known := self._names[index]))
        shortlist = {known.lower(): known for known in islice(ranked, SHORTLIST)}
        return [shortlist[like] for like in difflib.get_close_matches(name.lower(), shortlist, n=most)]

    def _ranked(self, name: str) -> list[int]:
        """Places of names that share pairs with `name`, those that share most of theirs first."""
        shared: Counter[int] = Counter()
        met = 0
        for holders in sorted((self._with_pair.get(pair, []) for pair in _pairs(name)), key=len):
            if met and met + len(holders) > ENOUGH:
                break
            shared.update(holders)
            met += len(holders)
        # Of names that share as many pairs the shorter is nearer: the rest of a longer one is not shared.
        return sorted(shared, key=lambda index: len(self._names[index]) - 2 * shared[index])


def _pairs(name: str) -> set[str]:
    padded = f"^{name.lower()}$"
    return {padded[start : start + 2] for start in range(len(padded) - 1)}
