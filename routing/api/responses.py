"""`POST /v1/responses`: OpenAI's Responses, and what is said about answers that nobody keeps."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from routing.api import contracts, examples
from routing.api.asking import SurfaceView
from routing.api.base import Finished
from routing.api.database import DatabaseView
from routing.errors import UnknownAddress


@extend_schema(tags=["Data plane"])
class Responses(SurfaceView):
    """Answer with items: messages, reasoning, calls of tools."""

    surface_name = route = "responses"

    @extend_schema(
        operation_id="createResponse",
        summary="Answer in OpenAI's Responses form",
        description="OpenAI's Responses. `model` as for chat completions. An upstream with the capability `responses` "
        "receives the body as it came but for the model; others are asked through a chat, and "
        "`x-neuroroute-warnings` says what that cannot carry. `stream: true` answers in SSE.",
        request=contracts.shape(contracts.ResponseRequest),
        examples=examples.RESPONSE,
        responses=contracts.answers(contracts.ResponseObject, "The response", *contracts.ERRORS, events=True),
    )
    async def post(self, request: HttpRequest) -> Finished:
        return await self.ask(request)


@extend_schema(exclude=True)
class KeptResponses(DatabaseView):
    """Every address below `/v1/responses/`: answers are kept by nobody here, so there is nothing to fetch or cancel."""

    route = "responses"

    def initial(self, request: Request, address: str) -> None:
        self.caller(request)
        raise UnknownAddress(
            f"/v1/responses/{address[:200]}: answers are not kept here; send the conversation itself in `input`"
        )
