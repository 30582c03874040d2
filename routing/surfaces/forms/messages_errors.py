"""How are errors said in Messages? https://docs.claude.com/en/api/errors"""

from typing import Final

import msgspec

from routing.surfaces.base import Told

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def error_body(error: Told) -> bytes:
    """`{"type": "error", "error": {...}, "request_id": ...}`, as Anthropic's clients expect it."""
    shown = {"type": TYPES.get(error.status, "api_error"), "message": error.message}
    return msgspec.json.encode({"type": "error", "error": shown, "request_id": f"req_{error.request_id}"})
