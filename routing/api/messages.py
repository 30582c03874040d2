"""`POST /v1/messages` and `/v1/messages/count_tokens`: Anthropic's Messages."""

from dataclasses import fields
from typing import Final

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from providers.chat import ChatRequest
from providers.counting import CountRequest
from providers.errors import ProviderError
from routing.api import contracts, examples
from routing.api.asking import SurfaceView
from routing.api.base import Finished, Headers, headers_of, respond
from routing.api.entry import enter
from routing.api.headers import rate_headers, story_headers, warning_header
from routing.asked import Asked
from routing.errors import AllAttemptsFailed, NoEligibleCandidate
from routing.runtime import Runtime, runtime
from tenants.admission import Admission
from tenants.callers import Caller

ESTIMATED: Final = "input_tokens estimated: nobody counted them"


@extend_schema(tags=["Data plane"])
class Messages(SurfaceView):
    """Answer with a message: texts, thinking and calls of tools."""

    surface_name = route = "messages"

    @extend_schema(
        operation_id="createMessage",
        summary="Answer in Anthropic's Messages form",
        description="Anthropic's Messages. `model` as for chat completions. An upstream that speaks Messages receives "
        "the body as it came but for the model; others are asked through a chat, and `x-neuroroute-warnings` says "
        "what that cannot carry. `stream: true` answers in SSE.",
        request=contracts.MESSAGE_REQUEST,
        examples=examples.MESSAGE,
        responses=contracts.MESSAGE_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        return await self.ask(request)


@extend_schema(tags=["Data plane"])
class CountTokens(SurfaceView):
    """Count the tokens of a message before it is asked for."""

    surface_name = route = "messages"

    @extend_schema(
        operation_id="countMessageTokens",
        summary="Count tokens in Anthropic's Messages form",
        description="Counted by an upstream that serves the model and counts tokens; else our estimate, and "
        "`x-neuroroute-warnings` says so. It costs nothing.",
        request=contracts.MESSAGE_REQUEST,
        examples=examples.MESSAGE,
        responses=contracts.COUNT_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        now, surface = runtime(), self.surface
        asked, caller, admission = await enter(surface, headers_of(request), request.body, self.request_id, now)
        with admission:  # which takes no tokens: counting costs nothing
            body, headers = await count(asked, caller, admission, now)
        return respond(body, headers + surface.headers(self.request_id))


async def count(asked: Asked[ChatRequest], caller: Caller, admission: Admission, now: Runtime) -> tuple[bytes, Headers]:
    """The count by whoever can count, else our estimate; raises `GatewayError` where no such chat can be asked."""
    counting = counted(asked)
    try:
        now.engine.planner.plan(counting, caller)
        answer, outcome = await now.engine.answer(counting, caller)
    except (NoEligibleCandidate, AllAttemptsFailed, ProviderError) as exc:
        if isinstance(exc, ProviderError) and exc.about_request:
            raise
        tokens = msgspec.json.encode(contracts.MessageTokens(asked.prompt_tokens(asked.calibration)))
        return tokens, [warning_header([ESTIMATED]), *rate_headers(admission.states)]
    return answer.data, story_headers(outcome, admission.states, outcome.warnings)


def counted(asked: Asked[ChatRequest]) -> Asked[CountRequest]:
    """The same chat, to be counted only."""
    same = {field.name: getattr(asked.request, field.name) for field in fields(asked.request)}
    features = asked.features | {"output_tokens": 0}
    return Asked(CountRequest(**same | {"stream": False}), features, asked.wishes, asked.warnings)
