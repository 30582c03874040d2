"""`POST /v1/feedback`: what a caller thinks of an answer."""

from datetime import datetime

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from feedback.services import NewRating, rate
from routing.api import examples
from routing.api.bodies import decode_body
from routing.api.contracts import RatingTaken, answers, shape
from routing.api.database import DatabaseView
from tenants.callers import Caller

_body = msgspec.json.Decoder(NewRating)


@extend_schema(tags=["Data plane"])
class Feedback(DatabaseView):
    """Rates one of one's own answers."""

    route = "feedback"

    @extend_schema(
        operation_id="rateAnswer",
        summary="Rate an answer",
        description="`response_id` is `x-neuroroute-request-id`. `score`: -1..1; above 1 it is read on the scale 0..2.",
        request=shape(NewRating),
        examples=examples.RATING,
        responses=answers(RatingTaken, "What was kept", 400, 401, 403, 404),
    )
    def post(self, request: Request) -> HttpResponse:
        taken = take_rating(request.body, self.caller(request), timezone.now())
        return HttpResponse(msgspec.json.encode(taken), "application/json")


def take_rating(raw: bytes, caller: Caller, now: datetime) -> RatingTaken:
    """Keep the rating in `raw`; raises `InvalidBody`, `InvalidRating`, `UnknownAnswer`."""
    kept = rate(decode_body(_body.decode, raw), caller.tenant_id, caller.key_id, now, of_key=caller.reads_key)
    return RatingTaken(f"req_{kept.request_id.hex}", kept.score, kept.comment)
