"""How many tokens does Anthropic count in a chat? https://docs.claude.com/en/api/messages-count-tokens"""

from collections.abc import Callable
from typing import Final

from providers.adapters.base import Operation, WireRequest
from providers.chat import Answer
from providers.counting import CountRequest
from providers.targets import Secret, Target
from providers.wire.counting import counted

PATH: Final = "/messages/count_tokens"
Passing = Callable[[str, CountRequest, Target, Secret | None], WireRequest]


class Counting(Operation[CountRequest]):
    """The caller's own body to another address; `passing` makes the request of it."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing

    def request(self, request: CountRequest, target: Target, secret: Secret | None) -> WireRequest:
        return self._passing(PATH, request, target, secret)

    def answer(self, body: bytes, request: CountRequest, target: Target) -> Answer:
        return counted(body, "input_tokens", target, native=True)
