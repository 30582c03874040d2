"""What does an upstream's refusal mean? A status and a body of any shape become one class of the error tree.

Texts are read here and nowhere else: behind this file errors are told apart by class.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from providers.errors import (
    AccessDenied,
    BadUpstreamResponse,
    ContentRefused,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    UnsupportedByWire,
    UpstreamNotFound,
)
from providers.wire import loose
from providers.wire.ratelimits import duration_s
from providers.wire.retryafter import clamped, retry_after_s

LONGEST_MESSAGE: Final = 500
LONGEST_HINT: Final = 2000
DEEPEST: Final = 4  # {"error": [{"error": {…}}]} is the deepest seen
NOT_FOUND: Final = frozenset({404, 405, 410})
BUSY: Final = frozenset({408, 409, 425, 498, 499})  # 498: Groq's flex capacity; 499: Google gave the request up

# Of names (`type` and `code`), which no caller's text can reach:
QUOTA_NAME = re.compile(r"insufficient_(quota|credits|balance)|billing|payment_required|quota_exceeded")
RATE_NAME = re.compile(r"rate_limit|too_many_requests|resource_exhausted")
CREDENTIAL_NAME = re.compile(r"invalid_api_key|authentication|permission|unauthorized|forbidden")
ACCOUNT_NAME = re.compile(r"failed_precondition")  # Google: this account may not, from there or without billing
BAD_REQUEST_NAME = re.compile(r"invalid_request|invalid_argument|invalid_prompt|bad_?request|too_large")
MISSING_NAME = re.compile(r"not_found")
MODEL_NAME = re.compile(r"model_(not_(found|supported)|decommissioned|terms_required)|invalid_model")  # said with 400
BROKEN_NAME = re.compile(r"tool_use_failed|json_validate_failed|output_parse_failed")  # Groq: what the model wrote
# Of everything that the body says, so they are whole phrases:
QUOTA = re.compile(
    r"insufficient_quota|billing hard limit|credit balance is too low|insufficient (credits|balance|funds)"
    r"|exceeded your (monthly|current quota)|reached your specified (api )?usage limits"
)
KEY = re.compile(r"invalid_api_key|api_key_invalid|api key (not valid|not found|expired)|incorrect api key")
MODERATION = re.compile(
    r"content.filter|content_policy|content management policy|moderation|flagged|guardrail|responsibleai|safety system"
)
CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|model_context_window_exceeded|maximum context length|context window"
    r"|context (length|size).*(exceed|overflow)|exceeds? (the|its|available|max\w*).*context|context the overflows"
    r"|prompt is too long|input is too long|prompt too long|reduce the length of the messages"
    r"|input token count.*exceeds|`?inputs`? tokens \+ `?max_new_tokens`?|input length and `?max_tokens`? exceed"
)
UNSUPPORTED = re.compile(  # by this model or server; another may be able to
    r"unsupported_(parameter|value)|does not support|prefill"
    r"|(deprecated|(not|n't) (supported|available)) (for|by|with|on|in) this model"
    r"|not (enabled|supported) for (the current model|models/)|missing a thought_signature|mime type.{1,60}unsupported"
    r"|max_?((completion|output|new)_?)?tokens\b.{0,60}"  # an answer longer than this model writes
    r"(too (large|high)|above maximum|is the maximum|less than or equal|valid range|supported range)"
    # a field that one server knows and the next refuses
    r"|extra_forbidden|extra inputs are not permitted"
    r"|property \W{1,3}[\w.-]{1,80}\W{1,3} is (unsupported|not supported)"
    r"|unknown_parameter|unknown variant|unrecognized request argument|cannot find field"
    r"|(string|array)_above_max_length"
    # a form of one that this server does not take
    r"|response_format\.type\W{1,3} must be|response_format type is unavailable|invalid tool_choice type"
    r"|too many (strict tools|optional parameters|parameters with union)|grammar is too large"
    r"|too complex for compilation"
    r"|output_(config\.)?format\.schema:|please use /v1/responses|allowed for this model"
    # what its templates, parsers and models cannot do
    r"|requires --[a-z]|not a multimodal model|at most \d+ \w+\(s\) may be provided|operationnotsupported"
    # a conversation that another model began
    r"|roles must alternate|should alternate with|unexpected role \W{1,3}\w+\W{1,3} after role|expected last role"
    r"|tool call id was|reasoning_content\W.{0,60}(must be passed back|is missing)|missing .?reasoning_content"
)
# The same where a status says something else: OpenRouter of wishes, llama.cpp of what its model cannot take.
UNSUPPORTED_AT: Final = {
    404: re.compile(r"no endpoints found (that|matching)|no allowed providers"),
    500: re.compile(r"(image|audio) input is not supported|requires --[a-z]|unsupported param: |roles must alternate"),
}
NO_MODEL: Final = "model not exist"  # the whole of what DeepSeek says, with 400


class Detail(Struct, frozen=True):
    """What the body says, as far as it says anything."""

    message: str = ""
    kind: str = ""  # the body's `type`
    code: str = ""
    param: str | None = None
    hint: str = ""  # what a gateway quotes of its own upstream
    wait_s: float | None = None
    for_the_day: bool = False  # Google: what is used up comes back tomorrow, not in a minute

    @property
    def names(self) -> str:
        return f"{self.kind} {self.code}".lower()

    @property
    def text(self) -> str:
        return f"{self.kind} {self.code} {self.message} {self.hint}".lower()

    @property
    def reason(self) -> str:
        """The short machine-readable reason, safe to show to an operator."""
        return re.sub(r"[^\w.-]+", "_", self.code or self.kind)[:60] or "no reason given"


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error of an answer whose status is not 200; `headers` have lower-case names."""
    try:
        detail = _detail(loose.loads(body))
    except BadUpstreamResponse:
        detail = Detail()
    wait_s = retry_after_s(headers)
    return _classified(status, detail, clamped(detail.wait_s) if wait_s is None else wait_s)


def refusal_inside(payload: Any, status: int = 200) -> ProviderError:
    """The error that stands in a decoded body or event of an answer whose status was `status`."""
    detail = _detail(payload)
    if detail.code.isdigit() and 400 <= int(detail.code) < 600:
        return _classified(int(detail.code), detail, detail.wait_s)
    return _classified(_implied_status(detail), detail, detail.wait_s, upstream_status=status)


def _classified(status: int, detail: Detail, wait_s: float | None, upstream_status: int | None = None) -> ProviderError:
    unsupported = UNSUPPORTED_AT.get(status)
    cls = UnsupportedByWire if unsupported and unsupported.search(detail.text) else _class_of(status, detail)
    message = _said(detail) or f"the upstream answered {status} without a reason"
    if issubclass(cls, CredentialRejected):
        message = f"the upstream rejects our credential ({detail.reason})"  # its text may quote the key
    param = detail.param
    if cls is UnsupportedByWire and param is None:
        param = next((name for name in ("tools", "thinking") if name in detail.text), None)
    return cls(message, param=param, retry_after_s=wait_s, upstream_status=upstream_status or status)


def _class_of(status: int, detail: Detail) -> type[ProviderError]:
    if status < 400:
        return BadUpstreamResponse
    if status == 402 or (status < 500 and _says_quota(detail)):
        return QuotaExhausted
    if status == 429 or (status < 500 and RATE_NAME.search(detail.names)):
        return RateLimited
    if status == 401:
        return CredentialRejected
    if status == 403:
        return ContentRefused if MODERATION.search(detail.text) else AccessDenied
    if status in NOT_FOUND:
        return UpstreamNotFound
    if CONTEXT.search(detail.text):
        return ContextTooLong
    return Overloaded if status >= 500 or status in BUSY else _class_of_bad_request(detail)


def _says_quota(detail: Detail) -> bool:
    if "resource_exhausted" in detail.names:
        return detail.for_the_day  # Google speaks of the quota where a minute's limit is meant, too
    return bool(QUOTA_NAME.search(detail.names) or QUOTA.search(detail.text))


def _class_of_bad_request(detail: Detail) -> type[ProviderError]:
    text = detail.text
    if MODERATION.search(text):
        return ContentRefused
    if KEY.search(text) or ACCOUNT_NAME.search(detail.names):
        return CredentialRejected
    if MODEL_NAME.search(detail.names) or detail.message.lower() == NO_MODEL:
        return UpstreamNotFound
    if BROKEN_NAME.search(detail.names):
        return BadUpstreamResponse
    return UnsupportedByWire if UNSUPPORTED.search(text) else InvalidRequest


def _implied_status(detail: Detail) -> int:
    """The status that an error inside a 200 would have had; a server's own trouble where nothing tells."""
    names = detail.names
    for pattern, status in ((QUOTA_NAME, 402), (RATE_NAME, 429), (CREDENTIAL_NAME, 401), (MISSING_NAME, 404)):
        if pattern.search(names):
            return status
    about_request = BAD_REQUEST_NAME.search(names) or MODERATION.search(names) or CONTEXT.search(detail.text)
    return 400 if about_request else 500


def _detail(payload: Any) -> Detail:
    """Read OpenAI's object, a string, Gemini's array, FastAPI's `detail`, Mistral's object in `message`, or the fields
    at top level."""
    for _ in range(DEEPEST):
        inner = _inner(payload)
        if inner is None:
            break
        payload = inner
    if isinstance(payload, str):
        return Detail(payload)
    if not isinstance(payload, dict):
        return Detail()
    message = payload.get("message") or payload.get("msg")
    metadata = payload.get("metadata")
    return Detail(
        message if isinstance(message, str) else "",
        _word(payload.get("type") or payload.get("status")),
        _word(payload.get("code")),
        _word(payload.get("param")) or _place(payload.get("loc")),
        str(metadata)[:LONGEST_HINT] if isinstance(metadata, dict) else "",
        _retry_delay(payload.get("details")),
        "PerDay" in str(payload.get("details"))[:LONGEST_HINT],
    )


def _inner(payload: Any) -> Any:
    """What stands inside the wrapping of `payload`, None where there is none."""
    if isinstance(payload, list):
        return payload[0] if payload else None
    if isinstance(payload, dict):
        message = payload.get("message")
        said = payload.get("error") or payload.get("errors") or payload.get("detail")
        return said or (message if isinstance(message, dict | list) else None) or None
    return None


def _place(loc: Any) -> str | None:
    """Pydantic's `["body", "messages", 1, "name"]` as a parameter's name."""
    steps = loc[1:] if isinstance(loc, list) and loc[:1] == ["body"] else ()
    return ".".join(map(_word, steps)) or None


def _word(value: Any) -> str:
    return str(value)[:200] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _retry_delay(details: Any) -> float | None:
    """Google's RetryInfo: `details: [{"retryDelay": "33s"}]`."""
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict) and isinstance(item.get("retryDelay"), str):
            return duration_s(item["retryDelay"])
    return None


def _said(detail: Detail) -> str:
    text = " ".join("".join(char if char.isprintable() else " " for char in detail.message).split())
    if "<html" in text.lower():
        return ""
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"
