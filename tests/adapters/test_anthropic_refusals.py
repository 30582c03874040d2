"""What the Anthropic adapter makes of refusals and of listings. Numbers are rows of the fault table."""

import json

import pytest

from providers.adapters import adapters
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
from tests.adapters.examples import chat, streamed, target
from tests.adapters.test_anthropic_answer import PING, TEXT, events, start

ANTHROPIC = adapters()["anthropic"]


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, Overloaded),
        ({"type": "api_error", "message": "Internal"}, Overloaded),
        ({"type": "timeout_error", "message": "late"}, Overloaded),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimited),
        ({"type": "billing_error", "message": "pay"}, QuotaExhausted),
        ({"type": "authentication_error", "message": "who"}, CredentialRejected),
        ({"type": "permission_error", "message": "no"}, CredentialRejected),
        ({"type": "not_found_error", "message": "model: x"}, UpstreamNotFound),
        ({"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}, ContextTooLong),
        ({"type": "invalid_request_error", "message": "max_tokens: too high"}, UnsupportedByWire),
        ({"type": "invalid_request_error", "message": "max_tokens: Input should be a valid integer"}, InvalidRequest),
        ({"type": "invalid_request_error", "message": "Your credit balance is too low to access"}, QuotaExhausted),
        ({"type": "request_too_large", "message": "32 MB"}, InvalidRequest),
    ],
)
def test_rows_20_and_21_errors_inside_a_stream_and_a_body(error, cls):
    failed = {"type": "error", "error": error, "request_id": "req_1"}
    for body in (
        events(failed),
        events(start(), failed),
        events(start(), PING, *TEXT, failed),
        json.dumps(failed).encode(),
    ):
        with pytest.raises(cls) as caught:
            streamed(ANTHROPIC, [body])
        assert type(caught.value) is cls
    with pytest.raises(cls):
        ANTHROPIC.answer(json.dumps(failed).encode(), chat(), target("anthropic"))


@pytest.mark.parametrize(
    ("status", "error", "cls"),
    [
        (400, {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}, ContextTooLong),
        (400, {"type": "invalid_request_error", "message": "Your credit balance is too low"}, QuotaExhausted),
        (400, {"type": "invalid_request_error", "message": "`top_p` is deprecated for this model."}, UnsupportedByWire),
        (400, {"type": "invalid_request_error", "message": "top_p: too high"}, InvalidRequest),
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, CredentialRejected),
        (402, {"type": "billing_error", "message": ""}, QuotaExhausted),
        (403, {"type": "permission_error", "message": ""}, AccessDenied),
        (404, {"type": "not_found_error", "message": "model: x"}, UpstreamNotFound),
        (413, {"type": "request_too_large", "message": ""}, InvalidRequest),
        (429, {"type": "rate_limit_error", "message": ""}, RateLimited),
        (500, {"type": "api_error", "message": ""}, Overloaded),
        (504, {"type": "timeout_error", "message": ""}, Overloaded),
        (529, {"type": "overloaded_error", "message": ""}, Overloaded),
    ],
)  # fmt: skip
def test_refusals(status, error, cls):
    found = ANTHROPIC.error(status, {"retry-after": "3"}, json.dumps({"type": "error", "error": error}).encode())
    assert type(found) is cls and found.upstream_status == status and found.retry_after_s == 3


def test_the_listing():
    can = {
        "image_input": {"supported": True},
        "structured_outputs": {"supported": False},
        "thinking": {"supported": True},
    }
    rows = [
        {"id": "claude-a", "max_input_tokens": 200000, "max_tokens": 64000, "capabilities": can, "lifecycle": "active"},
        {"id": "claude-old", "lifecycle": "retired"},
        {"id": "claude-b"},
    ]
    first, second = ANTHROPIC.models(json.dumps({"data": rows, "has_more": False}).encode())
    assert (first.name, first.context, first.max_output) == ("claude-a", 200000, 64000)
    assert first.capabilities == {"tools", "vision", "reasoning"}
    assert (second.name, second.context, second.capabilities) == ("claude-b", None, frozenset())
    with pytest.raises(BadUpstreamResponse):
        ANTHROPIC.models(b"{}")
