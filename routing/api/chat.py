"""`POST /v1/chat/completions`: OpenAI's chat."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from routing.api import contracts, examples
from routing.api.asking import SurfaceView
from routing.api.base import Finished


@extend_schema(tags=["Data plane"])
class ChatCompletions(SurfaceView):
    """Answer a chat with the model that serves it best."""

    surface_name = route = "chat"

    @extend_schema(
        operation_id="createChatCompletion",
        summary="Answer a chat",
        description="OpenAI's chat completion. `model`: `auto`, `auto:cheap`, `auto:fast`, `auto:best`, "
        "`auto:balanced`, `auto:<policy>`, a model, `provider/model` or an alias. `stream: true` answers in SSE.",
        request=contracts.CHAT_REQUEST,
        examples=examples.CHAT,
        responses=contracts.CHAT_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        return await self.ask(request)
