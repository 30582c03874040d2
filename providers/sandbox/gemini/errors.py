"""How Google's servers tell of errors: a code, a status word, and details with a type of their own."""

from typing import Any, Final

from providers.sandbox.replies import Trouble, TroubleKind

STATUSES: Final[dict[TroubleKind, str]] = {
    "invalid": "INVALID_ARGUMENT",
    "context": "INVALID_ARGUMENT",
    "content": "INVALID_ARGUMENT",
    "auth": "INVALID_ARGUMENT",
    "forbidden": "PERMISSION_DENIED",
    "not_found": "NOT_FOUND",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "quota": "RESOURCE_EXHAUSTED",
    "server": "INTERNAL",
    "unavailable": "UNAVAILABLE",
    "overloaded": "UNAVAILABLE",
    "timeout": "DEADLINE_EXCEEDED",
}
MESSAGES: Final[dict[TroubleKind, str]] = {
    "context": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "auth": "API key not valid. Please pass a valid API key.",
    "forbidden": "The caller does not have permission",
    "quota": "You exceeded your current quota, please check your plan and billing details.",
    "rate_limit": "Resource has been exhausted (e.g. check quota).",
    "overloaded": "The model is overloaded. Please try again later.",
    "timeout": "Deadline expired before operation could complete.",
}
CODES: Final[dict[TroubleKind, int]] = {"auth": 400, "overloaded": 503, "timeout": 504}  # not the usual ones
TYPE: Final = "type.googleapis.com/google.rpc."
PER_MINUTE: Final = "GenerateRequestsPerMinutePerProjectPerModel"
PER_DAY: Final = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
METRIC: Final = "generativelanguage.googleapis.com/generate_content_requests"


def error(trouble: Trouble) -> dict[str, Any]:
    """The body of an error."""
    body: dict[str, Any] = {
        "code": CODES.get(trouble.kind, trouble.status),
        "message": MESSAGES.get(trouble.kind, trouble.message),
        "status": STATUSES[trouble.kind],
    }
    details = _details(trouble)
    return {"error": body | ({"details": details} if details else {})}


def _details(trouble: Trouble) -> list[dict[str, Any]]:
    match trouble.kind:
        case "auth":
            service = {"service": "generativelanguage.googleapis.com"}
            info = {"reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": service}
            return [{"@type": f"{TYPE}ErrorInfo"} | info]
        case "rate_limit":
            return [_violation(PER_MINUTE, "60"), *_retry(trouble)]
        case "quota":
            return [_violation(PER_DAY, "250"), *_retry(trouble)]
        case "unavailable":
            return _retry(trouble)
    return []


def _violation(quota: str, value: str) -> dict[str, Any]:
    violation = {
        "quotaMetric": METRIC,
        "quotaId": quota,
        "quotaDimensions": {"location": "global"},
        "quotaValue": value,
    }
    return {"@type": f"{TYPE}QuotaFailure", "violations": [violation]}


def _retry(trouble: Trouble) -> list[dict[str, Any]]:
    """When to come back: a number of seconds with an s behind it, as protocol buffers write durations."""
    wait = trouble.retry_after
    if wait is None:
        return []
    numeric = wait.lstrip("-").replace(".", "", 1).isdigit()
    return [{"@type": f"{TYPE}RetryInfo", "retryDelay": f"{wait}s" if numeric else wait}]
