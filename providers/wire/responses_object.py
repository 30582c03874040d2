"""What does a response object say? Its items, how it ended, what it used; an error where it is one.

https://platform.openai.com/docs/api-reference/responses/object
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from providers.chat import WireUsage
from providers.errors import BadUpstreamResponse, ProviderError
from providers.wire import counts, loose
from providers.wire.composing import unix_time
from providers.wire.refusals import refusal_inside
from providers.wire.whole import Whole, WholeChoice, WholeMessage

CALLS: Final = frozenset({"function_call", "custom_tool_call"})
ENDED: Final = ("completed", "incomplete")
FINISHES: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}


class Item(Struct):
    """An output item, as far as it is read."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    encrypted_content: str | None = None
    content: Any = None
    summary: Any = None

    @property
    def marks(self) -> tuple[str, ...]:
        """What binds a conversation to who gave it out."""
        return tuple([mark for mark in (self.id, self.call_id, self.encrypted_content) if mark])

    def texts(self, kind: str) -> str:
        """The texts of its parts of one kind."""
        parts = [*(self.content or ()), *(self.summary or ())]
        return "".join(part.get(kind) or "" for part in parts if isinstance(part, dict))


class Response(Struct):
    """A response object, as far as it is read."""

    id: str
    model: str = ""
    status: str = ""
    created_at: float = 0
    output: list[Item] | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None
    conversation: dict[str, Any] | None = None

    @property
    def items(self) -> list[Item]:
        return self.output or []

    @property
    def finish(self) -> str:
        reason = (self.incomplete_details or {}).get("reason")
        if self.status == "incomplete":
            return FINISHES.get(str(reason), "stop")
        return "tool_calls" if any(item.type in CALLS for item in self.items) else "stop"

    @property
    def marks(self) -> tuple[str, ...]:
        kept = (self.conversation or {}).get("id")
        return (self.id, str(kept)) if kept else (self.id,)


_response: Final = msgspec.json.Decoder(Response).decode


def read_response(body: bytes, ended: bool = True) -> tuple[bytes, Response]:
    """A response and its bytes; raises the error that it is. Where it has `ended` its status says how."""
    try:
        response = _response(loose.text(body))
    except loose.MALFORMED:
        payload = loose.loads(body)
        if not isinstance(payload, dict) or payload.get("error"):
            raise refusal_inside(payload) from None
        body = msgspec.json.encode(payload)
        try:
            response = _response(body)
        except msgspec.ValidationError as exc:
            raise BadUpstreamResponse(f"the answer is not a response: {exc}") from exc
    if response.error:
        raise refused(response.error)
    if ended and (response.status not in ENDED or response.output is None):
        raise BadUpstreamResponse("the upstream answered with a response that has not ended, or has no output")
    return body, response


def refused(error: dict[str, Any]) -> ProviderError:
    """The codes of pictures that cannot be read speak of the request, and their names do not say so."""
    code = str(error.get("code") or "")
    about_request = "image" in code or code == "bio_policy"
    return refusal_inside(error | {"type": "invalid_request_error"} if about_request else error)


def usage_of(response: Response) -> WireUsage | None:
    given = response.usage or {}
    spelled = {
        "prompt_tokens": given.get("input_tokens"),
        "completion_tokens": given.get("output_tokens"),
        "total_tokens": given.get("total_tokens"),
        "prompt_tokens_details": given.get("input_tokens_details"),
        "completion_tokens_details": given.get("output_tokens_details"),
    }
    found = counts.usable(spelled)
    return None if found is None else counts.typed(found)


def length_of(item: Item) -> int:
    texts = (item.texts("text"), item.texts("refusal"), item.arguments, item.input)
    return sum(len(text) for text in texts if text)


def whole_of(response: Response) -> Whole:
    """The response as a chat's answer; only what every chat has."""
    if any(item.type not in ("message", "reasoning", "function_call") for item in response.items):
        raise BadUpstreamResponse("the upstream did not stream, and answered with items that no chat has")
    said = [item for item in response.items if item.type == "message"]
    thoughts = "".join(item.texts("text") for item in response.items if item.type == "reasoning")
    calls = [
        {"id": item.call_id, "type": "function", "function": {"name": item.name, "arguments": item.arguments or ""}}
        for item in response.items
        if item.type == "function_call"
    ]
    message = WholeMessage(
        content="".join(item.texts("text") for item in said) or None,
        refusal="".join(item.texts("refusal") for item in said) or None,
        reasoning_content=thoughts or UNSET,
        tool_calls=calls or UNSET,
    )
    return Whole(
        id=response.id,
        created=int(response.created_at) or unix_time(),
        model=response.model,
        choices=[WholeChoice(message=message, finish_reason=response.finish)],
        usage=usage_of(response) or UNSET,
    )
