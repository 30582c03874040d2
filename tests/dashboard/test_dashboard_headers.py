"""The headers of an answer on the page about its request: those that we set, and what no record has."""

import random
from datetime import UTC, datetime

import pytest
from msgspec import Raw

from dashboard.panels.request_headers import RequestHeaders
from dashboard.rendering import rendered
from dashboard.scope import scope_of
from routing.api.recorded import LIMITS, answer_headers
from tests.dashboard.traffic import day, outcome

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)
COUNTING = Raw(b'{"class": {"operation": "count_tokens"}}')


def drawn(record) -> str:
    body = rendered(RequestHeaders(), scope_of("request", {}, NOW, record)).body
    assert body is not None
    return str(body)


@pytest.mark.parametrize(
    ("facts", "kind", "headers"),
    [
        ({"http_status": 499, "status": "cancelled", "error": "CancelledError"}, "none", set()),
        ({"http_status": 503, "status": "failed", "error": "Overloaded"}, "error", {"x-request-id", "content-type"}),
        ({"http_status": 503, "status": "failed", "decision": COUNTING}, "counted", {"content-type"}),
        ({"http_status": 404, "status": "rejected", "decision": Raw(b"null")}, "error", {"x-neuroroute-request-id"}),
    ],
)
def test_what_left_depends_on_how_it_ended(facts, kind, headers):
    record = outcome(NOW, random.Random(3), stream=False, attempts=[], surface="messages", **facts)
    told = answer_headers(record)
    assert told.answer == kind and told.headers.keys() >= headers
    assert ("request-id" in told.headers) == (kind != "none"), "Anthropic's clients look for it"
    assert told.unrecorded_of_client == ("idempotency-key", "anthropic-beta", "anthropic-version")
    assert "x-neuroroute-model" not in drawn(record)


def test_the_page_shows_the_headers_the_answers_id_and_what_is_not_recorded():
    record = next(one for one in day(NOW, 60) if one.status == "answered" and not one.stream and one.cost_nano_usd)
    record.response_id = "chatcmpl-4711"
    body = drawn(record)
    for name, value in answer_headers(record).headers.items():
        assert f">{name}</th>" in body and f">{value}</td>" in body
    assert "x-neuroroute-cost-usd" in body and "chatcmpl-4711" in body
    assert all(name in body for name in LIMITS) and "idempotency-key" in body


def test_a_streams_headers_left_before_its_cost_was_known():
    record = next(one for one in day(NOW, 60) if one.status == "answered" and one.stream and one.cost_nano_usd)
    assert "x-neuroroute-cost-usd" not in drawn(record) and "text/event-stream" in drawn(record)
