"""Scorers: one file per quality of a candidate, found by discovery."""

from collections.abc import Mapping
from functools import cache

from neuroroute.plugins import discover
from routing.scorers.base import Scorer


@cache
def scorers() -> Mapping[str, Scorer]:
    """Every scorer, one instance each, by name; the names are those of a policy's weights."""
    return {name: cls() for name, cls in sorted(discover("routing.scorers", Scorer).items())}
