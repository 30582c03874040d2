"""How an opinion is kept: checked against the caller's own requests, one per answer."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from feedback.errors import InvalidRating, UnknownAnswer
from feedback.models import Rating
from usage.ids import parse
from usage.selectors import find

LONGEST_COMMENT: Final = 4000


class NewRating(Struct, frozen=True):
    """What a caller says. `response_id` is the request's id: `req_<32 hex>` of the header `x-neuroroute-request-id`."""

    response_id: str
    score: float
    comment: str = ""


def rate(
    new: NewRating,
    tenant_id: int,
    key_id: int | None,
    now: datetime,
    person_id: int | None = None,
    of_key: int | None = None,
) -> Rating:
    """Keep the rating of a key, or of a person, in place of the tenant's earlier one; with `of_key` of an answer to
    that key alone.

    Raises `InvalidRating` or `UnknownAnswer`.
    """
    score = normal_score(new.score)
    if len(new.comment) > LONGEST_COMMENT:
        raise InvalidRating(f"comment: {len(new.comment)} characters, at most {LONGEST_COMMENT}", param="comment")
    request_id = _own_request(new.response_id, tenant_id, of_key)
    if "\0" in new.comment:
        raise InvalidRating("comment: a NUL in it", param="comment")
    said = {"key_id": key_id, "person_id": person_id, "score": score, "comment": new.comment, "created_at": now}
    rating, _ = Rating.objects.update_or_create(tenant_id=tenant_id, request_id=request_id, defaults=said)
    return rating


def normal_score(score: float) -> float:
    """Return the score as -1..1. Older clients rate 0..2 (1 is neutral): above 1 a score can only be on that scale."""
    if not -1 <= score <= 2:  # false for NaN too
        raise InvalidRating(f"score: {score:g} is not between -1 and 1 (or 1 and 2 on the older scale)", param="score")
    return score - 1 if score > 1 else score


def _own_request(response_id: str, tenant_id: int, of_key: int | None) -> UUID:
    request_id = parse(response_id)
    if request_id is None:
        raise UnknownAnswer(
            "response_id: not an id of ours; it is in the header x-neuroroute-request-id, e.g. req_0199f0c2…",
            param="response_id",
        )
    if find(request_id, tenant_id, key_id=of_key) is None:
        raise UnknownAnswer(f"response_id: no answer of yours has the id {response_id}", param="response_id")
    return request_id
