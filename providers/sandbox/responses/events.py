"""How output items are streamed: the events of each, from its opening to its end."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from zlib import crc32

from providers.sandbox.replies import Reply
from providers.sandbox.responses.kept import Item
from providers.sandbox.wires.base import EventKind

Step = tuple[EventKind, str, dict[str, Any]]  # kind, type, fields
PAD: Final = 16
SEAL_SHOWN: Final = 24  # characters: what an item is added with is not the whole of its sealed content


def item_events(at: int, item: Item, reply: Reply, padded: bool) -> Iterator[Step]:
    """All events of one output item; `padded` hides the length of each delta, as OpenAI does."""
    yield "frame", "response.output_item.added", {"output_index": at, "item": _opened(item)}
    where = {"item_id": item["id"], "output_index": at}
    if item["type"] == "function_call":
        yield from _call(item, where, padded)
    elif item["type"] == "message":
        yield from _message(item, where, reply.pieces, padded)
    elif item["summary"]:
        yield from _summary(item, where, reply.thoughts, padded)
    yield "frame", "response.output_item.done", {"output_index": at, "item": item}


def _opened(item: Item) -> Item:
    """The item as it is added: still empty."""
    opened = item | {key: empty for key, empty in _EMPTY.items() if key in item}
    if "encrypted_content" in item:
        opened["encrypted_content"] = item["encrypted_content"][:SEAL_SHOWN]
    return opened


_EMPTY: Final[dict[str, Any]] = {"status": "in_progress", "arguments": "", "content": [], "summary": []}


def _call(item: Item, where: dict[str, Any], padded: bool) -> Iterator[Step]:
    text = item["arguments"]
    middle = len(text) // 2
    halves = [part for part in (text[:middle], text[middle:]) if part]
    yield from _deltas("response.function_call_arguments.delta", where, halves, padded)
    yield "frame", "response.function_call_arguments.done", where | {"name": item["name"], "arguments": text}


def _message(item: Item, where: dict[str, Any], pieces: Sequence[str], padded: bool) -> Iterator[Step]:
    part = item["content"][0]
    here = where | {"content_index": 0}
    yield "frame", "response.content_part.added", here | {"part": part | {"text": ""}}
    yield from _deltas("response.output_text.delta", here | {"logprobs": []}, pieces, padded)
    yield "frame", "response.output_text.done", here | {"text": part["text"], "logprobs": []}
    yield "frame", "response.content_part.done", here | {"part": part}


def _summary(item: Item, where: dict[str, Any], thoughts: Sequence[str], padded: bool) -> Iterator[Step]:
    part = item["summary"][0]
    here = where | {"summary_index": 0}
    yield "frame", "response.reasoning_summary_part.added", here | {"part": part | {"text": ""}}
    yield from _deltas("response.reasoning_summary_text.delta", here, thoughts, padded)
    yield "frame", "response.reasoning_summary_text.done", here | {"text": part["text"]}
    yield "frame", "response.reasoning_summary_part.done", here | {"part": part}


def _deltas(name: str, where: dict[str, Any], pieces: Sequence[str], padded: bool) -> Iterator[Step]:
    for piece in pieces:
        noise = {"obfuscation": f"{crc32(piece.encode()):0{PAD}x}"[len(piece) % PAD :]} if padded else {}
        yield "content", name, where | {"delta": piece} | noise
