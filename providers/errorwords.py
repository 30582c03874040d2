"""What is each class of error in plain words? For whoever reads a finding, a test of a provider, a page or a legend.

It stands below all who tell of errors, so it names those of every app, by their classes' names alone.
"""

import builtins
import re
from collections.abc import Mapping
from typing import Final

OURS: Final = "fault inside the gateway"

IN_WORDS: Final[Mapping[str, str]] = {  # what went wrong, as it stands in a legend
    # of one attempt at a provider
    "AccessDenied": "our credential may not use this model",
    "BadUpstreamResponse": "provider's answer unreadable",
    "ContentRefused": "refused by the provider's content filter",
    "ContextTooLong": "prompt too long for the model",
    "CredentialRejected": "our credential rejected by the provider",
    "Diverged": "repeated answer differed from the first",
    "DeadlineReached": "request's own deadline came first",
    "InvalidRequest": "request found invalid by the provider",
    "NotAsked": "provider not asked",
    "NotOffered": "not offered by the local server",
    "Overloaded": "provider overloaded or broken",
    "QuotaExhausted": "provider's quota used up",
    "RateLimited": "rate limited by the provider",
    "StreamInterrupted": "answer broke off",
    "TakenTooSlowly": "answer read too slowly by the client",
    "Unreachable": "provider not reachable",
    "UnsupportedByWire": "not possible with the provider's API",
    "Untrusted": "provider's certificate not trusted",
    "UpstreamNotFound": "model or address unknown to the provider",
    "UpstreamStalled": "answer stalled",
    "UpstreamTimeout": "no answer in time",
    # of a request
    "AllAttemptsFailed": "every attempt failed",
    "BodyTooLarge": "request too large",
    "CancelledError": "client left before the end",  # Python's name of it, as records have it
    "CancelledByOperator": "ended by an operator",
    "DeadlineExceeded": "request's time ran out",
    "GatewayBusy": "gateway too busy",
    "GatewayStopping": "gateway was stopping",
    "IdempotencyKeyReused": "idempotency key used for another request",
    "Internal": OURS,
    "InvalidBody": "request malformed",
    "JournalUnavailable": "request could not be recorded",
    "NobodyAble": "no deployment can do what was asked",
    "NoEligibleCandidate": "every deployment ruled out",
    "NotAsWished": "no deployment fits the request's wishes",
    "NotReady": "gateway not ready yet",
    "UnknownModel": "no such model",
    "UnknownPolicy": "no such policy",
    "UnsupportedParameter": "parameter that no deployment supports",
    "WorkerDied": "gateway process died",
    # of its caller
    "BudgetExceeded": "budget used up",
    "Forbidden": "not allowed for this tenant",
    "KeyWithheld": "no key given for the playground",
    "LargerThanLimit": "larger than the tenant's limit allows",
    "LimitsUnavailable": "limits could not be checked",
    "OutsideScope": "not allowed with this client key",
    "RateLimitExceeded": "tenant's rate limit reached",
    "TooManyAtOnce": "too many requests at once",
    "Unauthenticated": "client key missing or not valid",
    # of the rest of the API
    "ChangedMeanwhile": "changed by somebody else meanwhile",
    "Conflict": "in conflict with what is stored",
    "DatabaseAway": "database not reachable",
    "InvalidRating": "rating out of range",
    "MethodNotAllowed": "method not allowed at this address",
    "NotInFlight": "request no longer running",
    "NotOfferedYet": "not offered yet",
    "NotThere": "no such row",
    "ServerCannot": "not possible with the local server",
    "ServerFailed": "local server failed",
    "UnknownAddress": "no such address in the API",
    "UnknownAnswer": "no such answer to rate",
    "UnknownRecord": "no such request",
}


def in_words(name: str) -> str:
    """What a class of error is to somebody who has not read the code: `no answer in time`."""
    return IN_WORDS.get(name) or (OURS if is_builtin(name) else name)


def reworded(reason: str) -> str:
    """A reason that begins with the name of a class, in words: `provider overloaded or broken, 5 in a row`."""
    return re.sub(r"^\w+", lambda first: in_words(first[0]), reason)


def is_builtin(name: str) -> bool:
    """Whether it is a fault of ours that Python has a name for."""
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)
