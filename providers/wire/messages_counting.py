"""How many tokens does Anthropic count in a chat? https://docs.claude.com/en/api/messages-count-tokens"""

from collections.abc import Callable
from typing import Final

from providers.adapters.base import Operation, WireRequest
from providers.chat import Answer, TokenUsage
from providers.counting import CountRequest
from providers.errors import BadUpstreamResponse
from providers.targets import Secret, Target
from providers.wire import loose

PATH: Final = "/messages/count_tokens"
FREE: Final = TokenUsage(0, 0)
Passing = Callable[[str, CountRequest, Target, Secret | None], WireRequest]


class Counting(Operation[CountRequest]):
    """The caller's own body to another address; `passing` makes the request of it."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing

    def request(self, request: CountRequest, target: Target, secret: Secret | None) -> WireRequest:
        return self._passing(PATH, request, target, secret)

    def answer(self, body: bytes, request: CountRequest, target: Target) -> Answer:
        payload = loose.loads(body)
        count = payload.get("input_tokens") if isinstance(payload, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise BadUpstreamResponse("the answer is not a count of tokens")
        return Answer(
            data=b'{"input_tokens":%d}' % count,
            id="",
            served_model=target.upstream_model,
            finish_reason=None,
            usage=FREE,
            native=True,
        )
