"""How each fault changes the way in which an answer travels: its encoding, its length, what stands around it."""

import zlib
from typing import Final

from providers.sandbox.drafts import Draft, End, Framing, Piece
from providers.sandbox.steps import Step

GZIP: Final = 16 + zlib.MAX_WBITS
BOMB: Final = 100_000_000
BOMB_PIECE: Final = 1_000_000
ENDLESS: Final = b"x" * 65_536
INTERIM: Final = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
POISON: Final = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"poison":true}'


def compressed(draft: Draft, step: Step) -> None:
    packer = zlib.compressobj(wbits=GZIP)
    for piece in draft.pieces:
        piece.data = packer.compress(piece.data) + packer.flush(zlib.Z_SYNC_FLUSH)
    draft.pieces.append(Piece(packer.flush()))
    _say_gzip(draft)


def compressed_and_cut(draft: Draft, step: Step) -> None:
    compressed(draft, step)
    body = b"".join(piece.data for piece in draft.pieces)
    draft.pieces[:] = [Piece(body[: len(body) // 2], draft.pieces[0].wait_s)]
    _say_gzip(draft)


def falsely_compressed(draft: Draft, step: Step) -> None:
    draft.headers["content-encoding"] = "gzip"


def bomb(draft: Draft, step: Step) -> None:
    """A small body that unpacks to `size` bytes of blanks, which both JSON and a stream may begin with."""
    packer = zlib.compressobj(9, wbits=GZIP)
    size = step.size or BOMB
    packed = b"".join(packer.compress(b"\n" * BOMB_PIECE) for _ in range(size // BOMB_PIECE))
    draft.pieces[:] = [Piece(packed + packer.flush())]
    _say_gzip(draft)


def too_short(draft: Draft, step: Step) -> None:
    """The body ends before the length that its head promises."""
    draft.length = sum(len(piece.data) for piece in draft.pieces) + 1000
    draft.end = End.CUT


def too_long(draft: Draft, step: Step) -> None:
    """Behind a complete answer stands another that nobody asked for, and the connection stays open."""
    draft.length = sum(len(piece.data) for piece in draft.pieces)
    draft.excess = POISON


def cut_by_length(draft: Draft, step: Step) -> None:
    """The head promises half of the body; the rest comes all the same."""
    body = b"".join(piece.data for piece in draft.pieces)
    draft.length = len(body) // 2
    draft.pieces[:] = [Piece(body[: draft.length], draft.pieces[0].wait_s)]
    draft.excess = body[draft.length :]


def interim(draft: Draft, step: Step) -> None:
    draft.preface = INTERIM


def trailers(draft: Draft, step: Step) -> None:
    draft.framing = Framing.TRAILERS


def http10(draft: Draft, step: Step) -> None:
    draft.framing = Framing.HTTP10


def reset_reused(draft: Draft, step: Step) -> None:
    draft.resets_reused = True


def endless_line(draft: Draft, step: Step) -> None:
    at = draft.after(step.after or 0) if draft.stream else 0
    begun = draft.pieces[at].data.rstrip() if draft.stream else draft.pieces[at].data[:-1]
    draft.pieces[at:] = [Piece(begun, draft.pieces[at].wait_s)]
    draft.length, draft.endless = None, ENDLESS


def open_after_end(draft: Draft, step: Step) -> None:
    draft.endless = draft.pieces[0].data


def _say_gzip(draft: Draft) -> None:
    draft.headers["content-encoding"] = "gzip"
    if draft.length is not None:
        draft.length = sum(len(piece.data) for piece in draft.pieces)
