"""Which known name did a person mean who mistyped one?"""

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

LONGEST: Final = 200  # as LanguageModel.name; a longer text has no neighbour worth the search
SHORTLIST: Final = 12


class Neighbours:
    """Names indexed by their pairs of letters: comparing each of thousands in full would block for 70 ms."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._with_pair: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._names):
            for pair in _pairs(name):
                self._with_pair[pair].append(index)

    def nearest(self, name: str, admits: Callable[[str], bool] = lambda name: True) -> str | None:
        """The known name that is most like `name`, of those that `admits` lets be told; None when none is like it."""
        if len(name) > LONGEST:
            return None
        shared: Counter[int] = Counter()
        for pair in _pairs(name):
            shared.update(self._with_pair.get(pair, ()))
        # Of names that share as many pairs the shorter is nearer: the rest of a longer one is not shared.
        ranked = sorted(shared, key=lambda index: len(self._names[index]) - 2 * shared[index])
        shortlist = list(islice((known for index in ranked if admits(known := self._names[index])), SHORTLIST))
        return next(iter(difflib.get_close_matches(name, shortlist, n=1)), None)


def _pairs(name: str) -> set[str]:
    padded = f"^{name.lower()}$"
    return {padded[start : start + 2] for start in range(len(padded) - 1)}
