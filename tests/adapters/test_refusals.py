"""What a refusal means. Numbers are rows of the fault table."""

import json
import time

import pytest

from providers.adapters import adapters
from providers.errors import (
    AccessDenied,
    BadUpstreamResponse,
    ContentRefused,
    ContextTooLong,
    CredentialRejected,
    InvalidRequest,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    UnsupportedByWire,
    UpstreamNotFound,
)
from providers.wire.retryafter import retry_after_s

OPENAI = adapters()["openai"]
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
NO_TOKENS_LEFT = {"x-ratelimit-remaining-tokens": "0"}


def refused(status, body=b"", **headers):
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OPENAI.error(status, {name.replace("_", "-"): value for name, value in headers.items()}, encoded)


def said(message="", type=None, code=None, **more):
    return {"error": {"message": message, "type": type, "param": None, "code": code, **more}}


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (401, said("Incorrect API key provided: sk-abc", code="invalid_api_key"), CredentialRejected),
        (403, said("Country not supported", code="unsupported_country_region_territory"), AccessDenied),
        (403, said("Your chosen model requires moderation and your input was flagged", metadata={}), ContentRefused),
        (400, said("API key not valid. Please pass a valid API key.", code=400), CredentialRejected),
        (402, said("Insufficient credits", code=402), QuotaExhausted),
        (429, said("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), QuotaExhausted),
        (429, said("Rate limit reached", "tokens", "rate_limit_exceeded"), RateLimited),
        (413, said("Request too large on tokens per minute", "tokens", "rate_limit_exceeded"), RateLimited),
        (429, b"", RateLimited),
        (404, said("The model `x` does not exist", code="model_not_found"), UpstreamNotFound),
        (404, b"404 page not found", UpstreamNotFound),
        (405, {"detail": "Method Not Allowed"}, UpstreamNotFound),
        (400, said("maximum context length is 8192 tokens", code="context_length_exceeded"), ContextTooLong),
        (400, said("This model's maximum context length is 8192 tokens. However, you requested 9000"), ContextTooLong),
        (400, said("the request exceeds the available context size", "exceed_context_size_error", 400), ContextTooLong),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096"}, ContextTooLong),
        (400, said("Provider returned error", code=400, metadata={"raw": "prompt is too long: 9 > 8"}), ContextTooLong),
        (400, said("filtered", code="content_filter"), ContentRefused),
        (400, said("Unsupported parameter: 'max_tokens'", code="unsupported_parameter"), UnsupportedByWire),
        (400, said("max_tokens is too large: 99. This model supports at most 8."), UnsupportedByWire),
        (400, said("max_tokens: 99 > 8, which is the maximum allowed number of output tokens"), UnsupportedByWire),
        (400, said("`max_completion_tokens` must be less than or equal to `8`"), UnsupportedByWire),
        (400, said("Invalid max_tokens value, the valid range of max_tokens is [1, 8]"), UnsupportedByWire),
        (400, said("a maxOutputTokens value of 99 but the supported range is from 1 to 9"), UnsupportedByWire),
        (400, said("input length and `max_tokens` exceed context limit: 9 + 9 > 10"), ContextTooLong),
        (400, said("Invalid 'temperature'", "invalid_request_error"), InvalidRequest),
        (400, said("Invalid schema for function 'get_billing_info'", "invalid_request_error"), InvalidRequest),
        (413, said("too big"), InvalidRequest),
        (422, {"detail": [{"loc": ["body", "n"], "msg": "too large", "type": "value_error"}]}, InvalidRequest),
        (408, b"", Overloaded),
        (409, b"", Overloaded),
        (425, b"", Overloaded),
        (498, said("capacity", code="capacity_exceeded"), Overloaded),
        (500, b"<html>boom</html>", Overloaded),
        (502, b"", Overloaded),
        (503, said("Loading model", "unavailable_error", 503), Overloaded),
        (529, b"", Overloaded),
        (301, b"", BadUpstreamResponse),
        (204, b"", BadUpstreamResponse),
    ],
)  # fmt: skip
def test_rows_7_to_12_and_33_status_and_body_become_a_class(status, body, cls):
    error = refused(status, body)
    assert type(error) is cls and error.upstream_status == status


def test_the_callers_mistake_keeps_its_message_and_parameter():
    error = refused(400, {"error": {"message": "Invalid 'top_p'", "type": "invalid_request_error", "param": "top_p"}})
    assert (error.message, error.param, error.about_request) == ("Invalid 'top_p'", "top_p", True)
    assert refused(422, {"detail": [{"msg": "too small"}]}).message == "too small"


def test_googles_array_of_errors_and_its_retry_delay():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "33s"}]
    body = [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": details}}]
    error = refused(429, body)
    assert isinstance(error, RateLimited) and error.retry_after_s == 33


def test_row_11_our_credential_is_never_quoted():
    error = refused(401, said("Incorrect API key provided: sk-very-secret-1234", code="invalid_api_key"))
    assert "sk-very" not in error.message and "invalid_api_key" in error.message


def test_row_13_a_page_is_never_quoted():
    for body in (b"<html>secret-host</html>", said("<!doctype html><html>secret-host</html>")):
        assert "secret" not in refused(503, body).message


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:30 GMT"}, None),
        ({"retry-after": "Fri, 15 Jan 2029 08:00:30 GMT"}, 300.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1000000000"}, 300.0),
        ({"retry-after": ""}, None),
        ({}, None),
        ({"x-ratelimit-reset-requests": "12ms", "x-ratelimit-reset-tokens": "6m0s"}, 0.012),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "1m2.5s"} | NO_TOKENS_LEFT, 62.5),
        ({"x-ratelimit-reset-tokens": "1h2m3s"}, 300.0),
        ({"x-ratelimit-reset-requests": "-1", "x-ratelimit-reset-tokens": "0"}, None),
        ({"retry-after": "garbage", "x-ratelimit-reset-requests": "7.66s"}, 7.66),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:30Z"}, 30.0),
        (
            {
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:01Z",
                "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:01:00Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
            },
            60.0,
        ),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T07:00:00Z"}, None),
        ({"anthropic-ratelimit-tokens-reset": "soon"}, None),
        ({"x-ratelimit-reset": "1800000005000", "x-ratelimit-remaining": "0"}, 5.0),
        ({"x-ratelimit-reset": "12"}, None),
    ],
)  # fmt: skip
def test_row_8_how_long_to_wait(headers, expected):
    assert retry_after_s(headers, now=lambda: NOW) == (expected if expected is None else pytest.approx(expected))


def test_row_7_the_wait_reaches_the_error():
    assert refused(429, said("slow"), retry_after="7").retry_after_s == 7
    assert (
        refused(503, b"", retry_after=time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(0))).retry_after_s is None
    )
