"""What does an upstream's count of tokens say? Each wire has a field of its own for it; clients read Anthropic's."""

from typing import Final

from providers.chat import Answer, TokenUsage
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose

FREE: Final = TokenUsage(0, 0)  # nobody bills a count


def counted(body: bytes, field: str, target: Target, *, native: bool = False) -> Answer:
    """The answer to a question for a count; raises `BadUpstreamResponse` where `field` holds none."""
    payload = loose.loads(body)
    count = payload.get(field) if isinstance(payload, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise BadUpstreamResponse("the answer is not a count of tokens")
    return Answer(
        data=b'{"input_tokens":%d}' % count,
        id="",
        served_model=target.upstream_model,
        finish_reason=None,
        usage=FREE,
        native=native,
    )
