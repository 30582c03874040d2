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


def mistral(*loc):
    refused = {"type": "extra_forbidden", "loc": ["body", *loc], "msg": "Extra inputs are not permitted", "input": 1}
    return {"object": "error", "message": {"detail": [refused]}, "type": "invalid_request_error", "code": None}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, mistral("seed")),
        (400, said("'messages.2' : for 'role:assistant' [('messages.2' : property 'reasoning' is unsupported)]")),
        (400, {"message": "property 'messages.1.assistant.x' is unsupported", "code": "wrong_api_format"}),
        (400, said("Unrecognized request argument supplied: top_k")),
        (400, said("Unknown parameter: 'top_k'.", "invalid_request_error", "unknown_parameter")),
        (400, said("Invalid 'tools': array too long.", "invalid_request_error", "array_above_max_length")),
        (400, said("messages[0]: unknown variant `image_url`, expected `text`", "invalid_request_error")),
        (400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
        (400, {"error": "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"}),
        (400, said("This response_format type is unavailable now", "invalid_request_error")),
        (400, said("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly …")),
        (400, said("Schemas contains too many optional parameters (26), which would make", "invalid_request_error")),
        (400, said("The compiled grammar is too large, which would cause performance issues.")),
        (400, said("Function tools are not supported for x in /v1/chat/completions. Please use /v1/responses")),
        (400, said("invalid temperature: only 1 is allowed for this model")),
        (400, said('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser', code=400)),
        (400, said("ours is not a multimodal model", "BadRequestError", 400)),
        (400, said("At most 1 image(s) may be provided in one prompt.", "BadRequestError", 400)),
        (400, said("The chatCompletion operation does not work with this model", code="OperationNotSupported")),
        (400, said("Conversation roles must alternate user/assistant/user/assistant/...", code=400)),
        (400, said("user messages should alternate with assistant message(s).", "invalid_message", 400)),
        (400, said("Unexpected role 'user' after role 'tool'", "invalid_request_message_order", "3230")),
        (400, said("Provider returned error", metadata={"raw": '{"message":"Unexpected role \'user\' after role"}'})),
        (400, said("Expected last role User or Tool (or Assistant with prefix True)")),
        (400, said("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", code="3280")),
        (400, said("The `reasoning_content` in the thinking mode must be passed back to the API.")),
        (400, said("Missing `reasoning_content` field in the assistant message at message index 5.")),
        (500, said("image input is not supported - hint: you may need to provide the mmproj", "server_error", 500)),
        (500, said("tools param requires --jinja flag", "server_error", 500)),
        (404, said("No endpoints found that support tool use.", code=404)),
        (404, said("No endpoints found matching your data policy", code=404)),
        (404, said("No allowed providers are available for the selected model.", code=404)),
    ],
)  # fmt: skip
def test_what_this_server_alone_refuses_may_be_asked_of_another(status, body):
    error = refused(status, body)
    assert type(error) is UnsupportedByWire and error.upstream_status == status


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (400, said("Model Not Exist", "invalid_request_error", "invalid_request_error"), UpstreamNotFound),
        (400, said("Invalid model: x", "invalid_model", "1500"), UpstreamNotFound),
        (400, said("The model `x` has been decommissioned", code="model_decommissioned"), UpstreamNotFound),
        (400, said("No models loaded.", "invalid_request_error", "model_not_found"), UpstreamNotFound),
        (400, said("'x' is not supported by any provider", code="model_not_supported"), UpstreamNotFound),
        (404, said("No endpoints found for x/y.", code=404), UpstreamNotFound),
        (400, said("You have reached your specified API usage limits. You will regain access on"), QuotaExhausted),
        (400, said("API key expired. Please renew the API key.", code=400), CredentialRejected),
        (400, said("Failed to call a function.", "invalid_request_error", "tool_use_failed"), BadUpstreamResponse),
        (400, said("Failed to generate JSON.", code="json_validate_failed"), BadUpstreamResponse),
        (500, said("prefill node failed: it does not support this", "server_error", 500), Overloaded),
        (503, said("image input is not supported", "server_error", 503), Overloaded),
    ],
)  # fmt: skip
def test_what_the_operator_or_the_model_got_wrong_is_not_the_callers_mistake(status, body, cls):
    assert type(refused(status, body)) is cls


def test_mistrals_object_in_the_message_is_read():
    error = refused(422, mistral("messages", 1, "name"))
    assert (error.message, error.param) == ("Extra inputs are not permitted", "messages.1.name")
    assert refused(422, {"message": {}}).message == "the upstream answered 422 without a reason"


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
