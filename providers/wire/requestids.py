"""By which name does an upstream know a call? Its id is what a vendor's support asks for first."""

from collections.abc import Iterable
from typing import Final

# As vendors document them: OpenAI and most others, Anthropic, Azure, Amazon, Google.
NAMES: Final = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-gemini-service-request-id")
LONGEST: Final = 128  # characters that are kept
_SPELLED: Final = frozenset(
    spelled.encode()
    for name in NAMES
    for spelled in (name, name.title(), name.title().removesuffix("Id") + "ID", name.upper(), "x-amzn-RequestId")
)


def request_id_of(fields: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The id in the headers of an answer; None where there is none. Looks for the usual spellings only: this is on
    the way of each request, and costs a look into a set per header."""
    for name, value in fields:
        if name in _SPELLED:
            return value[:LONGEST].decode("ascii", "replace") or None
    return None
