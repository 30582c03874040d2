"""How each fault changes the lines of a stream, which must mean the same to whoever reads them by the rules.

What only server-sent events can have leaves lines of JSON alone.
"""

from collections.abc import Callable
from typing import Final

from providers.sandbox.drafts import Draft
from providers.sandbox.steps import Step

BOM: Final = b"\xef\xbb\xbf"


def crlf(draft: Draft, step: Step) -> None:
    _rewrite(draft, lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def cr(draft: Draft, step: Step) -> None:
    if _has_events(draft):
        _rewrite(draft, lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"))


def bom(draft: Draft, step: Step) -> None:
    draft.pieces[0].data = BOM + draft.pieces[0].data


def comments(draft: Draft, step: Step) -> None:
    _rewrite(draft, lambda data: draft.wire.comment + data)


def many_lines(draft: Draft, step: Step) -> None:
    """JSON may have a line break behind any comma between its members: here it has one behind the first."""
    if _has_events(draft):
        _rewrite(draft, lambda data: data.replace(b',"', b',\ndata: "', 1) if b"data: {" in data else data)


def no_space(draft: Draft, step: Step) -> None:
    if _has_events(draft):
        _rewrite(draft, lambda data: data.replace(b"data: ", b"data:").replace(b"event: ", b"event:"))


def other_fields(draft: Draft, step: Step) -> None:
    if _has_events(draft):
        _rewrite(draft, lambda data: b"id: 7\nretry: 100\nmood: good\n" + data)


def _rewrite(draft: Draft, change: Callable[[bytes], bytes]) -> None:
    for piece in draft.pieces:
        piece.data = change(piece.data)


def _has_events(draft: Draft) -> bool:
    return draft.wire.stream_type.startswith("text/event-stream")
