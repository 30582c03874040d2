"""Ratings: of one's own answers only, one per answer, on one scale."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import uuid_utils

from feedback.errors import InvalidRating, UnknownAnswer
from feedback.models import Rating
from feedback.services import LONGEST_COMMENT, NewRating, normal_score, rate
from routing.api.feedback import take_rating
from routing.errors import InvalidBody
from tenants.callers import Caller
from tenants.models import Tenant
from usage.journal import Journal
from usage.outcomes import Outcome

NOW = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(name="team-a")


@pytest.fixture
def answered(tenant: Tenant, own_var: Path) -> str:
    """The id of an answer that the tenant has just received; it is in the journal, not yet in the database."""
    request_id = uuid_utils.uuid7().hex
    journal = Journal(own_var / "spool", f"test-{request_id}")
    started_us = int(request_id[:12], 16) * 1000
    journal.write(
        Outcome(
            id=request_id,
            started_us=started_us,
            tenant_id=tenant.pk,
            tenant=tenant.name,
            key_id=7,
            key_prefix="nr-x",
            status="answered",
        )
    )
    journal.close()
    return f"req_{request_id}"


def caller(tenant: Tenant) -> Caller:
    return Caller(tenant.pk, tenant.name, 7, "ci", "nr-x")


def test_a_rating_is_kept(tenant: Tenant, answered: str) -> None:
    rate(NewRating(answered, 0.5, "fine"), tenant.pk, 7, NOW)
    rating = Rating.objects.get()
    assert (rating.request_id, rating.score, rating.comment) == (UUID(answered.removeprefix("req_")), 0.5, "fine")
    assert (rating.tenant, rating.key_id, rating.created_at) == (tenant, 7, NOW)


def test_a_second_opinion_replaces_the_first(tenant: Tenant, answered: str) -> None:
    rate(NewRating(answered, 1, "good"), tenant.pk, 7, NOW)
    rate(NewRating(answered, -1), tenant.pk, 8, NOW)
    rating = Rating.objects.get()
    assert (rating.score, rating.comment, rating.key_id) == (-1, "", 8)


def test_another_tenants_answer_cannot_be_rated(answered: str) -> None:
    stranger = Tenant.objects.create(name="stranger")
    with pytest.raises(UnknownAnswer):
        rate(NewRating(answered, 1), stranger.pk, 9, NOW)
    assert not Rating.objects.exists()


@pytest.mark.parametrize("response_id", ["", "chatcmpl-123", "req_" + "0" * 32])
def test_an_unknown_answer_cannot_be_rated(tenant: Tenant, response_id: str) -> None:
    with pytest.raises(UnknownAnswer):
        rate(NewRating(response_id, 1), tenant.pk, 7, NOW)


@pytest.mark.parametrize(("given", "kept"), [(-1, -1), (0, 0), (0.5, 0.5), (1, 1), (1.5, 0.5), (2, 1)])
def test_both_scales_are_read(given: float, kept: float) -> None:
    assert normal_score(given) == kept


@pytest.mark.parametrize("score", [-1.01, 2.01, float("nan"), float("inf")])
def test_a_score_outside_both_scales_is_refused(score: float) -> None:
    with pytest.raises(InvalidRating):
        normal_score(score)


def test_a_comment_has_a_longest_length(tenant: Tenant, answered: str) -> None:
    with pytest.raises(InvalidRating) as refused:
        rate(NewRating(answered, 1, "x" * (LONGEST_COMMENT + 1)), tenant.pk, 7, NOW)
    assert refused.value.param == "comment"


def test_the_endpoints_body_becomes_a_rating(tenant: Tenant, answered: str) -> None:
    body = json.dumps({"response_id": answered, "score": 2, "comment": "great", "unknown": 1}).encode()
    taken = take_rating(body, caller(tenant), NOW)
    assert (taken.response_id, taken.score, taken.comment) == (answered, 1, "great")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"score": 1}', b'{"response_id": "x", "score": "good"}', b"\xff"])
def test_a_malformed_body_is_refused(tenant: Tenant, body: bytes) -> None:
    with pytest.raises(InvalidBody):
        take_rating(body, caller(tenant), NOW)
