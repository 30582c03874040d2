"""What comes back beside the body: which model answered, by which policy, after how many attempts, at what cost."""

from typing import Final, get_args

import msgspec

from tenants.admission import RateState
from tenants.limits import Measure
from usage.outcomes import Outcome

Headers = list[tuple[bytes, bytes]]
JSON: Final = (b"content-type", b"application/json")
EVENT_STREAM: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back otherwise
]
RATE_NAMES: Final = {
    measure: (
        f"x-ratelimit-limit-{measure}".encode(),
        f"x-ratelimit-remaining-{measure}".encode(),
        f"x-ratelimit-reset-{measure}".encode(),
    )
    for measure in get_args(Measure)
}


def story_headers(outcome: Outcome, rates: tuple[RateState, ...], warnings: list[str]) -> Headers:
    """The `x-neuroroute-*` and `x-ratelimit-*` headers of an answer. Unknown cost is left out, never 0."""
    attempt = outcome.decisive
    headers = [
        *id_headers(outcome.id),
        (b"x-neuroroute-model", _ascii(attempt.model)),
        (b"x-neuroroute-provider", _ascii(attempt.provider)),
        (b"x-neuroroute-policy", _ascii(outcome.policy or "")),
        (b"x-neuroroute-attempts", str(attempt.index).encode()),
        (b"x-neuroroute-overhead-ms", f"{outcome.overhead_ms:.3f}".encode()),
    ]
    if outcome.cost_nano_usd is not None:
        headers.append((b"x-neuroroute-cost-usd", usd(outcome.cost_nano_usd).encode()))
    if warnings:
        headers.append(warning_header(warnings))
    if rates:
        headers += rate_headers(rates)
    return headers


def unknown_story_headers(request_id: str, rates: tuple[RateState, ...]) -> Headers:
    """The same where nobody has begun to answer yet: who did, its record will tell."""
    return [*id_headers(request_id), *rate_headers(rates)]


def id_headers(request_id: str) -> Headers:
    """What every answer has, an error's too."""
    name = f"req_{request_id}".encode()
    return [(b"x-request-id", name), (b"x-neuroroute-request-id", name)]


def warning_header(warnings: list[str]) -> tuple[bytes, bytes]:
    """What was not carried, ignored or estimated."""
    return b"x-neuroroute-warnings", _ascii("; ".join(warnings))[:1000]


def rate_headers(rates: tuple[RateState, ...]) -> Headers:
    """OpenAI's names for the tightest limits of requests and of tokens."""
    headers: Headers = []
    for rate in rates:
        limit, remaining, reset = RATE_NAMES[rate.measure]
        headers.append((limit, b"%d" % rate.limit))
        headers.append((remaining, b"%d" % rate.remaining))
        headers.append((reset, b"%gs" % rate.reset_s))
    return headers


def metadata(outcome: Outcome) -> bytes:
    """`routing_metadata`, the body field that explains an answer to those who ask for it."""
    return msgspec.json.encode(
        {
            "request_id": f"req_{outcome.id}",
            "primary_provider": (outcome.first_choice or "").partition("/")[0],
            "first_choice": outcome.first_choice,
            "policy_used": outcome.policy,
            "why": outcome.why,
            "attempts": [
                {"provider": a.provider, "model": a.model, "status": a.error or a.status} for a in outcome.attempts
            ],
            "cost_usd": None if outcome.cost_nano_usd is None else usd(outcome.cost_nano_usd),
            "overhead_ms": outcome.overhead_ms,
        }
    )


def usd(nano: int) -> str:
    """Nano-dollars as a decimal string of dollars, exact, without trailing zeros: 10200 -> 0.0000102."""
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    whole, rest = divmod(nano, 1_000_000_000)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def _ascii(text: str) -> bytes:
    """A header value: control characters and everything outside ASCII replaced."""
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode("ascii") if not _plain(text) else text.encode()


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
