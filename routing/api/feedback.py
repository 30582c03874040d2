"""`POST /v1/feedback`: what a caller thinks of an answer, from JSON to JSON. It uses the ORM: call it in a thread."""

from datetime import datetime

import msgspec

from feedback.services import NewRating, rate
from routing.errors import InvalidBody
from tenants.callers import Caller

_body = msgspec.json.Decoder(NewRating)


class RatingTaken(msgspec.Struct):
    """What was kept; `score` is on the scale of -1 to 1."""

    response_id: str
    score: float
    comment: str


def take_rating(raw: bytes, caller: Caller, now: datetime) -> RatingTaken:
    """Keep the rating in `raw`; raises `InvalidBody`, `InvalidRating`, `UnknownAnswer`."""
    try:
        new = _body.decode(raw)
    except msgspec.ValidationError as exc:
        raise InvalidBody(str(exc)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidBody(f"the body is not valid JSON: {exc}") from exc
    kept = rate(new, caller.tenant_id, caller.key_id, now)
    return RatingTaken(f"req_{kept.request_id.hex}", kept.score, kept.comment)
