"""What can go wrong on the way to an answer: the root of the error tree, and its provider branch.

    GatewayError
      ProviderError        one attempt failed
        RateLimited QuotaExhausted Overloaded Unreachable (Untrusted)
        UpstreamTimeout (UpstreamStalled TakenTooSlowly DeadlineReached)
        BadUpstreamResponse (UpstreamNotFound)
        CredentialRejected (AccessDenied) UnsupportedByWire NotAsked    fail over
        ContextTooLong                                             fails over to a larger context only
        InvalidRequest ContentRefused                              do not fail over: wrong everywhere
        StreamInterrupted                                          after the commit point
      RoutingError         routing/errors.py
      TenantError          tenants/errors.py

The engine decides by `fails_over`, never by a number or a text. Statuses and types are those that OUR caller sees.
"""

from typing import ClassVar

from msgspec import Raw, Struct

from providers.chat import TokenUsage


class Refused(Struct, frozen=True):
    """Who was weighed, and by which policy, where it came to nobody; `decision` is JSON."""

    policy: str
    version: int
    why: str
    decision: Raw


class GatewayError(Exception):
    """An error with a place on the wire: `status`, `type` and `code` are class attributes."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str | None] = None
    retry: ClassVar[bool | None] = None  # what `x-should-retry` tells the client's SDK; None leaves it to the SDK

    def __init__(self, message: str = "", *, param: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.refused: Refused | None = None


class ProviderError(GatewayError):
    """One attempt at one deployment failed.

    `message` is safe to show to the caller only where `about_request` is true; `upstream_status` is the upstream's
    HTTP status, None where none arrived; `retry_after_s` is what the upstream asked for, in seconds, at most 300;
    `counted` the tokens that it had counted by then.
    """

    status = 502
    type = "upstream_error"
    fails_over: ClassVar[bool] = True
    retries_same: ClassVar[bool] = False  # worth another attempt on the same deployment
    cools_down: ClassVar[bool] = True  # says something about the deployment's health
    blames_credential: ClassVar[bool] = False  # another credential of the same deployment may fare better
    about_request: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.upstream_status = upstream_status
        self.counted: TokenUsage | None = None


class RateLimited(ProviderError):
    """The upstream said 429: too many requests for this key and model."""

    status, type, code, blames_credential = 429, "rate_limit_error", "upstream_rate_limited", True


class QuotaExhausted(ProviderError):
    """The account behind the credential has no money or quota left; hours, not seconds."""

    status, code, blames_credential = 502, "upstream_quota_exhausted", True


class Overloaded(ProviderError):
    """The upstream answered 5xx, 408, 425, 498 or 529."""

    status, code, retries_same = 503, "upstream_overloaded", True


class UpstreamTimeout(ProviderError):
    """Connect, first byte, first token or total time ran out; `message` says which."""

    status, code = 504, "upstream_timeout"


class UpstreamStalled(UpstreamTimeout):
    """The answer had begun, and then nothing more came for longer than a stall may last."""


class TakenTooSlowly(UpstreamTimeout):
    """The total time ran out while our caller took what the upstream had sent: nothing that the upstream did."""

    cools_down = False


class DeadlineReached(UpstreamTimeout):
    """The deadline that our caller set came before any limit of the deployment: nothing that the upstream did."""

    cools_down = False


class Unreachable(ProviderError):
    """DNS, connect, TLS, or a connection that broke.

    `connected` says whether it ever stood, `connection_refused` whether the host itself said no: no slowness of ours
    explains that.
    """

    status, code, retries_same = 502, "upstream_unreachable", True

    def __init__(self, message: str = "", *, connected: bool = False, connection_refused: bool = False) -> None:
        super().__init__(message)
        self.connected, self.connection_refused = connected, connection_refused


class Untrusted(Unreachable):
    """TLS failed: expired, for another name, or signed by nobody known. Never downgraded, so that a retry is futile."""

    retries_same = False


class BadUpstreamResponse(ProviderError):
    """The upstream answered something that its wire format does not allow."""

    status, code = 502, "upstream_bad_response"


class UpstreamNotFound(BadUpstreamResponse):
    """404, 405 or 410 from the upstream: its base URL or the model's name there is wrong; others may have it."""

    code = "upstream_not_found"


class CredentialRejected(ProviderError):
    """401 or 403 from the upstream: OUR credential is bad; never shown as the caller's 401."""

    status, code, blames_credential = 502, "upstream_auth", True


class AccessDenied(CredentialRejected):
    """403: our credential is known, and may not call this model; it may be good for others."""


class NotAsked(ProviderError):
    """Nothing was sent, as the deployment is left alone at the moment, or as we could not; `message` says why."""

    status, code, cools_down = 503, "upstream_resting", False


class UnsupportedByWire(ProviderError):
    """The wire format cannot carry something that the request needs; `param` names it."""

    status, type, code, cools_down, about_request = 400, "invalid_request_error", "unsupported_parameter", False, True


class ContextTooLong(ProviderError):
    """The prompt does not fit; worth trying a larger context only."""

    status, type, code, cools_down, about_request = 400, "invalid_request_error", "context_length_exceeded", False, True


class InvalidRequest(ProviderError):
    """The upstream refuses the caller's request: wrong everywhere."""

    status, type, code, fails_over, cools_down, about_request = 400, "invalid_request_error", None, False, False, True


class ContentRefused(ProviderError):
    """The upstream's content filter refused the request."""

    status, type, code, fails_over, cools_down, about_request = (
        400,
        "invalid_request_error",
        "content_filter",
        False,
        False,
        True,
    )


class StreamInterrupted(ProviderError):
    """The stream broke after its first content byte had been sent: never presented as success."""

    status, code, fails_over = 502, "upstream_interrupted", False
