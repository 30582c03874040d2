"""How does a client of Responses reach an upstream of Responses? Its body passes, but for the model's name and for
reasoning that only another upstream can read.

https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from providers.chat import ChatRequest
from providers.errors import UnsupportedByWire
from providers.targets import Target
from providers.wire.fitting import shortened
from providers.wire.passing import passed_fields

SURFACE: Final = "responses"
CAPABILITY: Final = "responses"  # of deployments whose upstream speaks the form itself
PATH: Final = "/responses"
OUR_REASONING: Final = "rs_nr_"  # ids of reasoning items that the gateway wrote: no upstream knows them
LEFT_OUT: Final = "reasoning of another model dropped"


class Item(Struct):
    type: str | None = None
    id: str | None = None


_items: Final = msgspec.json.Decoder(list[Raw]).decode
_item: Final = msgspec.json.Decoder(Item).decode
_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def speaks_responses(request: ChatRequest, target: Target) -> bool:
    """Whether caller and upstream both do; raises `UnsupportedByWire` where the caller goes on from an answer that
    this upstream did not give."""
    native = request.surface == SURFACE and CAPABILITY in target.capabilities
    if request.continues and not (native and request.bound_to == target.id):
        raise UnsupportedByWire(f"{request.continues}: this upstream did not give that answer", param=request.continues)
    return native


def native_body(request: ChatRequest, target: Target) -> tuple[bytes, tuple[str, ...]]:
    """The caller's own body for this target, and what could not be sent along."""
    fields = passed_fields(request.native, request, target)
    warnings = shortened(fields, request, target)
    may_carry = request.may_carry_to(target.id)
    if not may_carry or OUR_REASONING.encode() in request.native:
        warnings += _leave_reasoning_out(fields, may_carry)
    return msgspec.json.encode(fields), warnings


def _leave_reasoning_out(fields: dict[str, Raw], may_carry: bool) -> tuple[str, ...]:
    """Sealed reasoning opens for its maker alone, and ids of items mean something only there."""
    try:
        items = _items(fields.get("input", Raw(b"[]")))
        heads = [_item(item) for item in items]
    except msgspec.ValidationError:
        return ()  # a string, or something that the upstream will refuse
    kept = [
        item if may_carry or head.id is None else _without_id(item)
        for item, head in zip(items, heads, strict=True)
        if not (head.type == "reasoning" and (not may_carry or (head.id or "").startswith(OUR_REASONING)))
    ]
    fields["input"] = Raw(msgspec.json.encode(kept))
    return (LEFT_OUT,) if len(kept) < len(items) else ()


def _without_id(item: Raw) -> Raw:
    return Raw(msgspec.json.encode({name: value for name, value in _fields(item).items() if name != "id"}))
