"""Why a rating is not taken."""

from providers.errors import GatewayError


class InvalidRating(GatewayError):
    """A field of the rating is out of its range; `param` names it."""

    status, type, code = 400, "invalid_request_error", "invalid_rating"


class UnknownAnswer(GatewayError):
    """The caller's tenant has no answer of this id."""

    status, type, code = 404, "invalid_request_error", "request_not_found"
