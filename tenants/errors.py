"""Why a caller is turned away: the tenant branch of the error tree."""

from providers.errors import GatewayError


class TenantError(GatewayError):
    """The caller, not the upstream, is the reason."""


class Unauthenticated(TenantError):
    """Missing, unknown, malformed, revoked or expired key: one body for all."""

    status, type, code = 401, "authentication_error", "invalid_api_key"


class Forbidden(TenantError):
    """The key may not use this model, policy or route."""

    status, type, code = 403, "permission_error", "permission_denied"


class OutsideScope(Forbidden):
    """The tenant may, this key may not."""

    code = "outside_key_scope"


class KeyWithheld(Forbidden):
    """A person gets no key for the playground."""


class RateLimitExceeded(TenantError):
    """The tenant's own limit; `retry_after_s` is when the window resets."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"


class LargerThanLimit(RateLimitExceeded):
    """One request alone would take more than a window holds; waiting does not help."""

    code, retry = "request_exceeds_limit", False


class TooManyAtOnce(RateLimitExceeded):
    """As many requests of the caller run as may run at once."""

    code = "concurrency_limit_exceeded"


class LimitsUnavailable(TenantError):
    """The store that counts requests is away, and the operator chose to refuse rather than to admit uncounted."""

    status, type, code = 503, "server_error", "limits_unavailable"


class BudgetExceeded(TenantError):
    """The tenant's budget is spent; retrying does not help."""

    status, type, code, retry = 402, "insufficient_quota", "insufficient_quota", False
