"""`POST /v1/chat/completions` without `stream`: one JSON answer."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from routing.api import contracts
from routing.api.base import Finished, GatewayView, headers_of, respond
from routing.api.entry import enter
from routing.api.headers import story_headers, with_metadata
from routing.runtime import runtime


@extend_schema(tags=["Data plane"])
class ChatCompletions(GatewayView):
    """Answer a chat with the model that serves it best."""

    @extend_schema(
        operation_id="createChatCompletion",
        summary="Answer a chat",
        description="OpenAI's chat completion. `model`: `auto`, `auto:cheap`, `auto:fast`, `auto:best`, "
        "`auto:balanced`, `auto:<policy>`, a model, `provider/model` or an alias. `stream: true` answers in SSE.",
        request=contracts.CHAT_REQUEST,
        responses=contracts.CHAT_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        now = runtime()
        asked, caller, rate = await enter(headers_of(request), request.body, self.request_id, now)
        answer, outcome = await now.engine.answer(asked, caller)
        explain = caller.explain or asked.wishes.options.explain
        body = with_metadata(answer.data, outcome) if explain else answer.data
        return respond(body, story_headers(outcome, rate, outcome.warnings))
