"""Which colour has a bar of what is used? The same on every page; whether it will last is said by a badge beside it."""

from typing import Literal

NEARLY_ALL = 0.9  # of a limit or budget


def fill_of_used(share: float) -> Literal["fok", "fwarn", "fbad"]:
    """The class of the bar of a used share: a tenth left warns, nothing left is bad."""
    return "fbad" if share >= 1 else "fwarn" if share >= NEARLY_ALL else "fok"
