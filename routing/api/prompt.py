"""`POST /prompt` and `POST /api/route`: one prompt in; its answer, and where asked for the decision, in one object."""

from typing import Any

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from providers.chat import ChatRequest
from routing.api import contracts, examples
from routing.api.asking import SurfaceView
from routing.api.base import Finished
from routing.api.headers import usd
from routing.asked import Asked
from routing.decisions import told
from routing.surfaces.base import with_field
from usage.outcomes import Outcome


class PromptView(SurfaceView):
    """A view whose answer says what the record says as well."""

    surface_name = route = "prompt"

    def added(self, body: bytes, asked: Asked[ChatRequest], outcome: Outcome) -> bytes:
        for name, value in self.told(outcome).items():
            body = with_field(body, name, msgspec.json.encode(value))
        return body

    def told(self, outcome: Outcome) -> dict[str, Any]:
        """Tokens, seconds and dollars; what is unknown is null."""
        prompt, completion = outcome.prompt_tokens, outcome.completion_tokens
        known = prompt is not None and completion is not None
        return {
            "tokens": {
                "prompt": prompt,
                "completion": completion,
                "total": (prompt or 0) + (completion or 0) if known else None,
                "estimated": outcome.estimated,
            },
            "processing_time": round(outcome.total_ms / 1000, 6),
            "provider": outcome.provider,
            "request_id": f"req_{outcome.id}",
            "cost_usd": None if outcome.cost_nano_usd is None else usd(outcome.cost_nano_usd),
        }


@extend_schema(tags=["Data plane"])
class PromptAnswer(PromptView):
    """Answer one prompt."""

    @extend_schema(
        operation_id="answerPrompt",
        summary="Answer one prompt",
        description="`prompt`, and where wished `system`, `model` (default `auto`) and any field of a chat. "
        "`processing_time` is in seconds. `stream: true` answers with a chat's chunks in SSE.",
        request=contracts.PROMPT_REQUEST,
        examples=examples.PROMPT,
        responses=contracts.PROMPT_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        return await self.ask(request)


@extend_schema(tags=["Data plane"])
class RoutedPrompt(PromptView):
    """Answer one prompt and say who was chosen, and why."""

    def told(self, outcome: Outcome) -> dict[str, Any]:
        return super().told(outcome) | {
            "policy": outcome.policy,
            "first_choice": outcome.first_choice,
            "why": outcome.why,
            "features": outcome.features,
            "decision": told(outcome.decision),
            "attempts": [
                {"deployment": each.deployment, "kind": each.kind, "status": each.error or each.status}
                for each in outcome.attempts
            ],
        }

    @extend_schema(
        operation_id="routePrompt",
        summary="Answer one prompt and explain the choice",
        description="As `/prompt`, usually with `preferences {costWeight, latencyWeight, qualityWeight}`; the answer "
        "holds the decision: candidates with their scores, and who was ruled out by which rule.",
        request=contracts.PROMPT_REQUEST,
        examples=examples.ROUTED,
        responses=contracts.ROUTED_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        return await self.ask(request)
