"""Which part of a prompt a vendor would have in its cache: the longest beginning that was sent before."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from providers.sandbox.prompts import Prompt
from providers.sandbox.tokens import prompt_tokens, turn_tokens

SHORTEST: Final = 1024  # tokens; OpenAI and Anthropic cache nothing shorter
KEPT: Final = 512


class PromptCache:
    """Remembers the beginnings of the last prompts."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def clear(self) -> None:
        self._seen.clear()

    def read(self, prompt: Prompt) -> tuple[int, int]:
        """Tokens read from the cache and tokens newly written to it; the second is 0 where caching is automatic."""
        if prompt.caching == "none" or prompt_tokens(prompt) < SHORTEST:
            return 0, 0
        beginnings = list(_beginnings(prompt))
        cached = max((tokens for digest, tokens in beginnings if digest in self._seen), default=0)
        longest = max((tokens for _, tokens in beginnings), default=0)
        for digest, _ in beginnings:
            self._remember(digest)
        return cached, longest - cached if prompt.caching == "marked" else 0

    def _remember(self, digest: bytes) -> None:
        self._seen[digest] = None
        self._seen.move_to_end(digest)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)


def _beginnings(prompt: Prompt) -> Iterator[tuple[bytes, int]]:
    """Each beginning of the prompt that may be cached: its digest and its tokens."""
    state = hashlib.blake2b(f"{prompt.model} {prompt.tools}".encode(), digest_size=16)
    tokens = prompt_tokens(prompt) - sum(turn_tokens(turn) for turn in prompt.turns)
    for turn in prompt.turns:
        state.update(repr((turn.role, turn.text, turn.images, turn.tool_uses)).encode())
        tokens += turn_tokens(turn)
        if tokens >= SHORTEST and (turn.cached or prompt.caching == "automatic"):
            yield state.digest(), tokens
