"""What may a caller read of an error? The only place that knows; each surface writes it in its own form."""

from math import ceil
from typing import Final

from providers.errors import GatewayError, ProviderError
from routing.api.headers import JSON, id_headers
from routing.surfaces.base import Told
from routing.surfaces.chat import openai_error

Headers = list[tuple[bytes, bytes]]

PHRASES: Final = {
    "upstream_rate_limited": "the upstream limits our rate",
    "upstream_quota_exhausted": "the quota at the upstream is exhausted",
    "upstream_overloaded": "the upstream is overloaded or failed",
    "upstream_timeout": "the upstream did not answer in time",
    "upstream_unreachable": "the upstream could not be reached",
    "upstream_bad_response": "the upstream answered something that makes no sense",
    "upstream_auth": "the upstream rejects the gateway's credential; its operator has to mend that",
    "journal_unavailable": "the gateway cannot record requests now, and so answers none; its operator has to mend that",
    "upstream_interrupted": "the upstream broke off in the middle of the answer: what was sent is not complete",
}


class Internal(GatewayError):
    """A fault of ours: the caller learns that and no more."""

    status, type, code = 500, "server_error", "internal_error"


def message_of(exc: GatewayError) -> str:
    """What the caller may read: an upstream's own words only where they are about the caller's request."""
    if phrase := PHRASES.get(exc.code or ""):
        return phrase
    if isinstance(exc, ProviderError) and not exc.about_request:
        return "the upstream failed"
    return exc.message or (type(exc).__doc__ or "").strip()


def told(exc: GatewayError, request_id: str = "") -> Told:
    """The error as its caller may read it."""
    return Told(exc.status, message_of(exc), exc.type, exc.param, exc.code, request_id)


def openai_body(exc: GatewayError) -> bytes:
    """The error's body where no surface says otherwise."""
    return openai_error(told(exc))


def error_headers(exc: GatewayError, request_id: str) -> Headers:
    """The headers of an error answer."""
    headers = [JSON, *id_headers(request_id)]
    if exc.retry_after_s is not None:
        headers.append((b"retry-after", str(max(ceil(exc.retry_after_s), 1)).encode()))
    if exc.retry is not None:
        headers.append((b"x-should-retry", b"true" if exc.retry else b"false"))
    if exc.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers
