"""What does an upstream of the caller's own form receive? The caller's fields, but for what routing must alter."""

from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Raw

from providers.errors import InvalidRequest
from providers.requests import Request
from providers.targets import Target
from providers.vendors import routes_itself
from providers.wire.signatures import without_extras, without_seals

GOOGLE: Final = ".googleapis.com/"  # its OpenAI-compatible server
decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def passed_fields(raw: bytes, request: Request, target: Target) -> dict[str, Raw]:
    """The top-level fields of `raw`, without those for the router alone, with the target's name of the model."""
    try:
        fields = decode_fields(without_seals(raw))
    except msgspec.DecodeError as exc:
        raise InvalidRequest("the request is not a JSON object") from exc
    for name in request.router_fields:
        fields.pop(name, None)
    if request.passed_on and routes_itself(target.provider, target.base_url):
        fields |= request.passed_on
    fields["model"] = quoted(target.upstream_model)
    if "messages" in fields and not _keeps_extras(request, target):
        fields["messages"] = without_extras(fields["messages"])
    return fields


def _keeps_extras(request: Request, target: Target) -> bool:
    """Whether signatures of thinking go along: to who gave them out, and to Google, where nobody remembers who did."""
    return request.bound_to == target.id or (request.bound_to is None and GOOGLE in target.base_url)


@lru_cache(maxsize=4096)
def quoted(text: str) -> Raw:
    """A text as JSON."""
    return Raw(msgspec.json.encode(text))
