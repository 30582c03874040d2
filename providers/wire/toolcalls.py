"""Which tool call does a fragment belong to? Servers send gaps, all calls at index 0, or one id twice."""

import uuid
from collections.abc import Callable

from msgspec import Struct

from providers.chat import ToolCall


def minted_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"


class Place(Struct, frozen=True):
    """Where the fragments of one call go; `their_id` is what the upstream calls it."""

    index: int
    id: str
    their_id: str | None


class ToolPlaces:
    """Numbers the tool calls of one choice 0, 1, 2 … in the order of their first fragments, each with an id of its own.

    A fragment opens a new call where its index is new, where its id is new at its index, and where it has a name but
    neither it nor the call at its index has an id. Without an index or a name of its own it continues the last call.
    Arguments are not looked at: they may be no JSON at all.
    """

    __slots__ = ("_ids", "_last", "_mint", "_open")

    def __init__(self, mint: Callable[[], str] = minted_id) -> None:
        self._open: dict[int, Place] = {}  # by their index
        self._last: Place | None = None
        self._ids: set[str] = set()
        self._mint = mint

    def place(self, calls: list[ToolCall]) -> bool:
        """Set `index` and `id` of every fragment; return whether any of them was changed."""
        changed = False
        for call in calls:
            index = -1 if call.index is None else call.index
            place = self._continued(index, call)
            new_id = call.id and place.id if place else None
            if place is None:
                place = self._opened(index, call)
                new_id = place.id
            if place.index != call.index or new_id != call.id:
                call.index, call.id = place.index, new_id
                changed = True
        return changed

    def _continued(self, index: int, call: ToolCall) -> Place | None:
        """The call that this fragment continues, None where it opens one."""
        named = call.function is not None and bool(call.function.name)
        place = self._open.get(index)
        if place is None:
            return None if call.id or named else self._last
        if call.id:
            return place if call.id == place.their_id else None
        return None if named and place.their_id is None else place

    def _opened(self, index: int, call: ToolCall) -> Place:
        number = 0 if self._last is None else self._last.index + 1
        new_id = call.id if call.id and call.id not in self._ids else self._mint()
        self._ids.add(new_id)
        self._last = self._open[index] = Place(number, new_id, call.id)
        return self._last
