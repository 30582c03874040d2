"""Why no answer could be routed: the routing branch of the error tree."""

from providers.errors import GatewayError


class RoutingError(GatewayError):
    """The engine found no way to an answer."""


class UnknownModel(RoutingError):
    """No enabled deployment has this name; the message names the nearest."""

    status, type, code = 404, "invalid_request_error", "model_not_found"


class UnknownPolicy(RoutingError):
    """No enabled policy has this name; the message names the nearest."""

    status, type, code = 404, "invalid_request_error", "policy_not_found"


class NoEligibleCandidate(RoutingError):
    """Deployments exist, but each was ruled out; the message gives each one's reason."""

    status, type, code = 503, "no_eligible_candidate", "no_eligible_candidate"


class NotAsWished(NoEligibleCandidate):
    """The caller's own wishes rule everybody out: the same request will be refused again, so the SDK should not."""

    retry = False


class NobodyAble(NoEligibleCandidate):
    """Nobody can do what is asked, at whatever time it is asked: the SDK should not send it again."""

    retry = False


class IdempotencyKeyReused(RoutingError):
    """The same Idempotency-Key came with another body before."""

    status, type, code, retry = 422, "invalid_request_error", "idempotency_key_reused", False


class AllAttemptsFailed(RoutingError):
    """Every candidate was tried: the gateway has retried enough, so the client's SDK should not."""

    status, type, code, retry = 503, "upstream_error", "all_attempts_failed", False


class DeadlineExceeded(RoutingError):
    """The request's own time, or the longest that any may take, ended before anybody answered."""

    status, type, code = 504, "server_error", "deadline_exceeded"


class NotReady(RoutingError):
    """The worker has just begun and could not read its configuration: the database is away."""

    status, type, code = 503, "server_error", "not_ready"


class GatewayBusy(RoutingError):
    """This worker has more to do than it can: refused at the door, before anything was read."""

    status, type, code, retry = 503, "server_error", "gateway_overloaded", True


class GatewayStopping(RoutingError):
    """The worker ends and the answer was not complete in the time that was left; another worker answers."""

    status, type, code, retry = 503, "server_error", "gateway_stopping", True


class CancelledByOperator(RoutingError):
    """Somebody who runs the gateway has ended this very request, so the client's SDK should not send it again."""

    status, type, code, retry = 503, "server_error", "cancelled_by_operator", False


class UnsupportedParameter(RoutingError):
    """No deployment that was meant has a wire that can carry a parameter of the request; `param` names it."""

    status, type, code = 400, "invalid_request_error", "unsupported_parameter"


class InvalidBody(RoutingError):
    """The caller's JSON is malformed or a field has a wrong type or value; `param` names it."""

    status, type, code = 400, "invalid_request_error", "invalid_request"


class BodyTooLarge(RoutingError):
    """The body is longer than the limit, which the message names."""

    status, type, code = 413, "invalid_request_error", "request_too_large"


class UnknownAddress(RoutingError):
    """The API has nothing at this address."""

    status, type, code = 404, "invalid_request_error", "unknown_url"


class UnknownRecord(RoutingError):
    """No record of one's own has this id."""

    status, type, code = 404, "invalid_request_error", "request_not_found"
