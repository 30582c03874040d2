"""What do both of OpenAI's chat forms share: the words of errors, and images?"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.prompts import Image
from providers.sandbox.replies import Trouble, invalid

ERRORS: Final[Mapping[str, tuple[str, str | None]]] = {
    "invalid": ("invalid_request_error", None),
    "context": ("invalid_request_error", "context_length_exceeded"),
    "content": ("invalid_request_error", "content_filter"),
    "auth": ("invalid_request_error", "invalid_api_key"),
    "forbidden": ("invalid_request_error", "unsupported_country_region_territory"),
    "not_found": ("invalid_request_error", "model_not_found"),
    "rate_limit": ("requests", "rate_limit_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "server": ("server_error", None),
    "unavailable": ("service_unavailable", None),
    "overloaded": ("overloaded_error", "overloaded"),
    "timeout": ("server_error", "timeout"),
}


def error_of(trouble: Trouble) -> dict[str, Any]:
    """The `error` object: all four keys, always."""
    kind, code = ERRORS[trouble.kind]
    return {"message": trouble.message, "type": kind, "param": trouble.param, "code": trouble.code or code}


def image_at(url: str, param: str) -> Image:
    """The image of a data URL, or one elsewhere; raises `Trouble` for data that is no base64."""
    if not url.startswith("data:"):
        return Image("image/*", None)
    head, _, data = url.removeprefix("data:").partition(",")
    try:
        return Image(head.split(";")[0], len(base64.b64decode(data, validate=True)))
    except binascii.Error:
        raise invalid("Invalid base64 image_url.", param) from None
