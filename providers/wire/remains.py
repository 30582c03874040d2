"""How much had an answer said that did not arrive whole, or that cannot be read?

Whoever wrote it bills it, whether it was received or not; without a usage that can be read, its text is the only trace.
"""

import re
from collections.abc import Iterable
from typing import Final

MOST_BYTES: Final = 256 * 1024  # are looked through: a millisecond or two of the event loop, after a failure
NAMES: Final = b"content|text|thinking|reasoning|reasoning_content|refusal|arguments"  # of texts, on all wires
TEXTS: Final = re.compile(rb'"(?:' + NAMES + rb')"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
ESCAPED: Final = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)


def characters_in(pieces: Iterable[bytes]) -> int:
    """Characters of text in the pieces of a whole answer's body that came. A page of HTML or a refusal has none."""
    body = b"".join(pieces)[:MOST_BYTES]
    return sum(len(ESCAPED.sub(b"-", text).decode(errors="replace")) for text in TEXTS.findall(body))
