"""What can a wire other than OpenAI's not carry? What changes the answer is refused, the rest is dropped and noted."""

from typing import Any, Final

import msgspec
from msgspec import Raw

from providers.chat import ChatBody, ChatRequest, Part
from providers.embeddings import EmbeddingRequest
from providers.errors import InvalidRequest, UnsupportedByWire
from providers.parameters import PARAMETERS, rules_out, used
from providers.targets import Target

decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def settled(body: ChatBody, target: Target, unsupported: frozenset[str]) -> list[str]:
    """A note for each parameter of the body that the wire lacks and that is left out.

    Raises `UnsupportedByWire` naming one that the target may not be sent without.
    """
    used_here = used(body) & unsupported
    lacking = [name for name in PARAMETERS if name in used_here] if used_here else []
    for name in lacking:
        if rules_out(name, target.unsupported):
            raise UnsupportedByWire(f"{target.name} cannot carry {name}", param=PARAMETERS[name].field)
    return [f"{PARAMETERS[name].field} dropped" for name in lacking]


def unknown_fields(request: ChatRequest | EmbeddingRequest) -> dict[str, Raw]:
    """The fields of the caller's body that neither the router nor our form of the request knows."""
    try:
        fields = decode_fields(request.raw)
    except msgspec.DecodeError as exc:
        raise InvalidRequest("the request is not a JSON object") from exc
    known = request.router_fields.union(request.body.__struct_fields__)
    return {name: value for name, value in fields.items() if name not in known}


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
