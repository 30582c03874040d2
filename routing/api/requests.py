"""`GET /v1/requests/{id}`: the story of one of one's own requests, told from its record."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from routing.api.contracts import RequestStory, answers
from routing.api.database import DatabaseView
from routing.api.headers import usd
from routing.decisions import told as told_decision
from routing.errors import UnknownRecord
from usage import ids
from usage.outcomes import AttemptOutcome, Outcome
from usage.selectors import find

# What is billed apart from plain tokens, where the provider or the price tells it apart.
PARTS: Final = (
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "images",
)


@extend_schema(tags=["Data plane"])
class RequestRecordView(DatabaseView):
    """What happened to a request."""

    route = "requests"

    @extend_schema(
        operation_id="retrieveRequest",
        summary="Tell the story of a request",
        description="Features, every candidate with its scores or the rule that excluded it, attempts, tokens, cost.",
        responses=answers(RequestStory, "The story", 401, 403, 404),
    )
    def get(self, request: Request, request_id: str) -> HttpResponse:
        caller = self.caller(request)
        outcome = find(request_id, caller.tenant_id, key_id=caller.reads_key)
        if outcome is None:
            raise UnknownRecord(f"{request_id[:80]}: no request of yours has this id", param="request_id")
        return HttpResponse(msgspec.json.encode(told(outcome)), "application/json")


def told(outcome: Outcome, whole: bool = False) -> dict[str, Any]:
    """An outcome as its caller reads it, or an operator: `whole`, with what the caller may not use."""
    return {
        "id": f"req_{outcome.id}",
        "status": outcome.status,
        "started_at": datetime.fromtimestamp(outcome.started_us / 1e6, UTC).isoformat(),
        "stream": outcome.stream,
        "asked_model": outcome.asked_model,
        "model": outcome.model,
        "provider": outcome.provider,
        "policy": outcome.policy,
        "why": outcome.why,
        "error": error_of(outcome),
        "features": outcome.features,
        "decision": outcome.decision if whole else told_decision(outcome.decision),
        "attempts": [attempt_of(outcome.id, attempt) for attempt in outcome.attempts],
        "usage": {
            "prompt_tokens": outcome.prompt_tokens,
            "completion_tokens": outcome.completion_tokens,
            "cached_tokens": outcome.cached_tokens,
            "reasoning_tokens": outcome.reasoning_tokens,
            "estimated": outcome.estimated,
        },
        "cost": {
            "usd": money(outcome.cost_nano_usd),
            "forecast_low_usd": money(outcome.forecast_low_nano_usd),
            "forecast_high_usd": money(outcome.forecast_high_nano_usd),
        },
        "timing": {"total_ms": outcome.total_ms, "ttft_ms": outcome.ttft_ms, "overhead_ms": outcome.overhead_ms},
        "session": outcome.session,
        "tags": outcome.tags,
        "warnings": outcome.warnings,
    }


def error_of(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.error is None:
        return None
    return {"class": outcome.error, "code": outcome.error_code, "status": outcome.http_status}


def attempt_of(request_id: str, attempt: AttemptOutcome) -> dict[str, Any]:
    """One attempt, without what an upstream said in its own words."""
    return {
        "id": ids.attempt_name(request_id, attempt.index),
        "deployment": attempt.deployment,
        "kind": attempt.kind,
        "status": attempt.status,
        "error": attempt.error,
        "upstream_status": attempt.upstream_status,
        "upstream_request_id": attempt.upstream_request_id,
        "committed": attempt.committed,
        "started_ms": attempt.started_ms,
        "first_byte_ms": attempt.first_byte_ms,
        "first_token_ms": attempt.first_token_ms,
        "ended_ms": attempt.ended_ms,
        "finish_reason": attempt.finish_reason,
        "prompt_tokens": attempt.prompt_tokens,
        "completion_tokens": attempt.completion_tokens,
        **{name: getattr(attempt, name) for name in PARTS},
        "estimated": attempt.estimated,
        "cost_usd": money(attempt.cost_nano_usd),
    }


def money(nano: int | None) -> str | None:
    """Dollars as a decimal string; None stays unknown."""
    return None if nano is None else usd(nano)
