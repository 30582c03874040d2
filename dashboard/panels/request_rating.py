"""Was the answer good? What was said of it, and the form that says it."""

from typing import Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from feedback.selectors import Said, rating_of
from feedback.services import LONGEST_COMMENT
from usage.ids import WIRE_PREFIX
from usage.outcomes import Outcome

RIGHT: Final = "feedback.add_rating"
RATEABLE: Final = ("answered", "interrupted")  # there is an answer, or a part of one


class Rated(Struct, frozen=True):
    said: Said | None
    rateable: bool
    may: bool
    address: str  # where the form is sent
    longest: int


class RequestRating(RequestPanel):
    """The rating that applications give by `POST /v1/feedback`; one per answer, the last one counts."""

    name = "request_rating"
    title = "Was the answer good?"
    order = 60
    width = "half"
    formula = "One rating per answer, by `POST /v1/feedback` or from this page; the last one counts, as it was given."

    def about(self, record: Outcome, scope: Scope) -> Rated:
        said = scope.ask(rating_of, UUID(record.id), record.tenant_id)
        address = reverse("dashboard:request-rate", args=[f"{WIRE_PREFIX}{record.id}"])
        return Rated(said, record.status in RATEABLE, scope.may(RIGHT), address, LONGEST_COMMENT)
