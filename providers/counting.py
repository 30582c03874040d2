"""What is asked when nothing but the tokens of a chat are to be counted? The chat itself, with another operation."""

from dataclasses import dataclass
from typing import ClassVar

from providers.chat import ChatRequest


@dataclass(slots=True, kw_only=True)
class CountRequest(ChatRequest):
    """A chat that nobody answers; the `Answer` to it has the surface's own body in `data`, and costs nothing."""

    operation: ClassVar[str] = "count_tokens"
