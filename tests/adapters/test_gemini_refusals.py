"""What the Gemini adapter makes of refusals and of listings."""

import json

import pytest

from providers.errors import (
    AccessDenied,
    BadUpstreamResponse,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    UnsupportedByWire,
    UpstreamNotFound,
)
from tests.adapters.examples import chat, sse, streamed, target
from tests.adapters.gemini import GEMINI, event, said

QUOTA = "You exceeded your current quota, please check your plan and billing details."
LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
UNSIGNED = "Function call is missing a thought_signature in functionCall parts."
BOTH = "Function calling with a response mime type: 'application/json' is unsupported"
REFUSED = [
    (400, "INVALID_ARGUMENT", "Unknown name 'x' at 'generation_config'", InvalidRequest),
    (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", CredentialRejected),
    (400, "INVALID_ARGUMENT", LONG, ContextTooLong),
    (400, "INVALID_ARGUMENT", "Logprobs is not enabled for models/gemini-2.5-pro", UnsupportedByWire),
    (400, "INVALID_ARGUMENT", "Function calling is not enabled for models/gemma-3-4b-it", UnsupportedByWire),
    (400, "INVALID_ARGUMENT", UNSIGNED, UnsupportedByWire),
    (400, "INVALID_ARGUMENT", BOTH, UnsupportedByWire),
    (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", CredentialRejected),
    (401, "UNAUTHENTICATED", "", CredentialRejected),
    (403, "PERMISSION_DENIED", "Your API key was reported as leaked.", AccessDenied),
    (404, "NOT_FOUND", "models/x is not found for API version v1beta", UpstreamNotFound),
    (429, "RESOURCE_EXHAUSTED", QUOTA, RateLimited),
    (499, "CANCELLED", "The operation was cancelled.", Overloaded),
    (500, "INTERNAL", "An internal error has occurred.", Overloaded),
    (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", Overloaded),
    (504, "DEADLINE_EXCEEDED", "", Overloaded),
]


def told(status, word, message, *details):
    return {"error": {"code": status, "message": message, "status": word, "details": list(details)}}


@pytest.mark.parametrize(("status", "word", "message", "cls"), REFUSED)
def test_refusals(status, word, message, cls):
    body = told(status, word, message)
    for payload in (body, [body]):
        found = GEMINI.error(status, {}, json.dumps(payload).encode())
        assert type(found) is cls and found.upstream_status == status and found.retry_after_s is None


@pytest.mark.parametrize(("status", "word", "message", "cls"), REFUSED)
def test_rows_20_and_21_errors_inside_a_stream_and_a_body(status, word, message, cls):
    body = told(status, word, message)
    array = json.dumps([event(said("A")), body]).encode()
    for data in (sse(body), sse(event(said("A")), body), json.dumps(body).encode(), array):
        with pytest.raises(cls) as caught:
            streamed(GEMINI, [data])
        assert type(caught.value) is cls
    with pytest.raises(cls):
        GEMINI.answer(json.dumps(body).encode(), chat(), target("gemini"))


def test_googles_retry_info_says_how_long_to_wait():
    quota = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]}
    again = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "33.074824224s"}
    body = json.dumps(told(429, "RESOURCE_EXHAUSTED", QUOTA, quota, again)).encode()
    found = GEMINI.error(429, {}, body)
    assert type(found) is RateLimited and found.retry_after_s == pytest.approx(33.07, abs=0.01)
    assert GEMINI.error(429, {"retry-after": "5"}, body).retry_after_s == 5


def test_a_quota_for_the_day_is_no_limit_of_a_minute():
    violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"}
    quota = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}
    body = told(429, "RESOURCE_EXHAUSTED", QUOTA, quota)
    assert type(GEMINI.error(429, {}, json.dumps(body).encode())) is QuotaExhausted
    with pytest.raises(QuotaExhausted):
        streamed(GEMINI, [sse(body)])


def test_the_listing():
    chats = ["generateContent", "countTokens"]
    rows = [
        {"name": "models/gemini-2.5-pro", "inputTokenLimit": 1048576, "outputTokenLimit": 65536, "thinking": True,
         "supportedGenerationMethods": chats},
        {"name": "models/gemini-2.0-flash", "supportedGenerationMethods": chats},
        {"name": "models/gemma-3-27b-it", "supportedGenerationMethods": chats},
        {"name": "models/gemini-embedding-001", "inputTokenLimit": 2048,
         "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/imagen-4", "supportedGenerationMethods": ["predict"]},
        {"name": "models/of-tomorrow"},
        {"name": ""},
        5,
    ]  # fmt: skip
    listed = {model.name: model for model in GEMINI.models(json.dumps({"models": rows}).encode())}
    assert list(listed) == ["gemini-2.5-pro", "gemini-2.0-flash", "gemma-3-27b-it", "gemini-embedding-001",
                            "of-tomorrow"]  # fmt: skip
    first = listed["gemini-2.5-pro"]
    assert (first.context, first.max_output) == (1048576, 65536)
    assert first.capabilities == {"tools", "vision", "json_mode", "json_schema", "reasoning"}
    assert listed["gemini-2.0-flash"].capabilities == first.capabilities - {"reasoning"}
    assert listed["gemma-3-27b-it"].capabilities == frozenset() == listed["of-tomorrow"].capabilities
    assert listed["gemini-embedding-001"].capabilities == {"embeddings"}
    with pytest.raises(BadUpstreamResponse):
        GEMINI.models(b"{}")
