"""Which thinking may a Messages body carry to an upstream? What it signed itself: it refuses what another thought.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

UNSIGNED: Final = (b'"signature":""', b'"signature": ""')  # what we made of the reasoning of other vendors' models
LEFT_OUT: Final = "thinking of another model dropped"
NOT_NOW: Final = "thinking dropped: the tool loop was begun by another model"


class Turn(Struct):
    role: str = ""
    content: Raw = Raw(b"null")


class Part(Struct):
    type: str = ""
    signature: Any = None


class Wish(Struct):
    type: str = ""


_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_turns: Final = msgspec.json.Decoder(list[Raw]).decode
_turn: Final = msgspec.json.Decoder(Turn).decode
_blocks: Final = msgspec.json.Decoder(str | list[Raw] | None).decode
_part: Final = msgspec.json.Decoder(Part).decode
_wish: Final = msgspec.json.Decoder(Wish | None).decode


def leave_thoughts_out(fields: dict[str, Raw], body: bytes, may_carry: bool) -> tuple[str, ...]:
    """Take thinking out of `fields` that this upstream would refuse; everything else keeps its bytes.

    `may_carry` says whether what is signed may go there. Returns warnings.
    """
    if may_carry and not any(mark in body for mark in UNSIGNED):
        return ()
    turns = _turns(fields["messages"])
    kept = [fit for turn in turns if (fit := _without_foreign(turn, may_carry)) is not None]
    if kept == turns:
        return ()
    fields["messages"] = Raw(msgspec.json.encode(kept))
    if _wish(fields.get("thinking", b"null")) != Wish("enabled") or not _in_tool_loop(kept):
        return (LEFT_OUT,)
    del fields["thinking"]  # such a turn must begin with thinking, and there is none any more
    return (LEFT_OUT, NOT_NOW)


def _without_foreign(raw: Raw, may_carry: bool) -> Raw | None:
    """The turn without another's thinking, None where nothing else was in it."""
    turn = _turn(raw)
    blocks = _blocks(turn.content) if turn.role == "assistant" else None
    if not isinstance(blocks, list):
        return raw
    kept = [block for block in blocks if not _is_foreign(_part(block), may_carry)]
    if len(kept) == len(blocks):
        return raw
    return Raw(msgspec.json.encode(_fields(raw) | {"content": kept})) if kept else None


def _is_foreign(part: Part, may_carry: bool) -> bool:
    if part.type == "redacted_thinking":
        return not may_carry
    return part.type == "thinking" and not (may_carry and part.signature)


def _in_tool_loop(turns: list[Raw]) -> bool:
    blocks = _blocks(_turn(turns[-1]).content) if turns else None
    return isinstance(blocks, list) and any(_part(block).type == "tool_result" for block in blocks)
