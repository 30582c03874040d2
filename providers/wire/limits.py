"""What can a wire other than OpenAI's not carry? What changes the answer is refused, the rest is dropped and noted."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from providers.chat import ChatBody, ChatRequest, Part
from providers.errors import InvalidRequest, UnsupportedByWire

READ: Final = frozenset(ChatBody.__struct_fields__)
decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def refuse_what_changes_the_answer(body: ChatBody) -> None:
    """Raise `UnsupportedByWire` for several answers and for log probabilities."""
    if body.n is not None and body.n > 1:
        raise UnsupportedByWire("this wire gives one answer only", param="n")
    if body.logprobs or body.top_logprobs:
        raise UnsupportedByWire("this wire has no log probabilities", param="logprobs")


def unknown_fields(request: ChatRequest) -> dict[str, Raw]:
    """The fields of the caller's body that neither the router nor the chat's own form knows."""
    try:
        fields = decode_fields(request.raw)
    except msgspec.DecodeError as exc:
        raise InvalidRequest("the request is not a JSON object") from exc
    return {name: value for name, value in fields.items() if name not in READ and name not in request.router_fields}


def dropped(body: ChatBody, *names: str) -> Iterator[str]:
    """A note for each of these fields that is set to something."""
    for name in names:
        if getattr(body, name):
            yield f"{name} dropped"


def plain_text(content: str | list[Part] | None) -> str:
    """The text of a content that may hold nothing else; raises `UnsupportedByWire` naming the part."""
    if not isinstance(content, list):
        return content or ""
    for part in content:
        if part.type not in ("text", "refusal"):
            raise UnsupportedByWire(f"no {part.type} is possible here", param="messages")
    return "\n".join(part.text or part.refusal or "" for part in content)


def object_of(arguments: str | None) -> dict[str, Any]:
    """A tool call's arguments as the object that some wires want; other text goes in under a name that says so."""
    try:
        return msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {"invalid_json": arguments}
