"""`POST /v1/embeddings`: texts become vectors, of one model and never of another in its place."""

from time import time
from typing import Final

import msgspec
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from providers.embeddings import EmbeddingBody, EmbeddingRequest
from routing.api import contracts, examples
from routing.api.base import Finished, GatewayView, headers_of, respond
from routing.api.entry import MOST, ROUTER_FIELDS, caller_of, check_model, decoded, ignored, reckon_as_named
from routing.api.headers import metadata, story_headers
from routing.asked import Asked
from routing.errors import InvalidBody
from routing.features import facts_of_input
from routing.runtime import runtime
from routing.surfaces.base import with_field
from routing.surfaces.chat import METADATA

MOST_INPUTS: Final = 2048  # OpenAI's own limit, also of one input's tokens
FORMS: Final = ("float", "base64")
OTHER_MODELS: Final = "models: ignored, vectors of another model cannot be compared"
_decode: Final = msgspec.json.Decoder(EmbeddingBody).decode


@extend_schema(tags=["Data plane"])
class Embeddings(GatewayView):
    """Answer with the vectors of texts."""

    route = "embeddings"

    @extend_schema(
        operation_id="createEmbedding",
        summary="Turn texts into vectors",
        description="OpenAI's embeddings: a text, texts, tokens or lists of tokens; `float` or `base64`. `model`: an "
        "embedding model, `provider/model`, an alias, or `auto`, which always means the same model. Only deployments "
        "of the same model stand in for one another.",
        request=contracts.EMBEDDING_REQUEST,
        examples=examples.EMBEDDING,
        responses=contracts.EMBEDDING_ANSWERS,
    )
    async def post(self, request: HttpRequest) -> Finished:
        now = runtime()
        caller = caller_of(headers_of(request), now.keyring.current, self.route)
        asked = parse(request.body, self.request_id, now.max_body_bytes)
        reckon_as_named(asked, caller, now)
        admission = await now.limiter.admit(caller, time(), asked)
        with admission:
            answer, outcome = await now.engine.answer(asked, caller)
            admission.note(outcome)
        explain = caller.explain or asked.wishes.options.explain
        body = with_field(answer.data, METADATA, metadata(outcome)) if explain else answer.data
        return respond(body, story_headers(outcome, admission.states, outcome.warnings))


def parse(raw: bytes, request_id: str, limit: int) -> Asked[EmbeddingRequest]:
    """Read a request for vectors; raises `InvalidBody`, `BodyTooLarge`."""
    body, wishes = decoded(_decode, raw, limit)
    check_model(body.model)
    _check_input(body.input)
    if body.encoding_format is not None and body.encoding_format not in FORMS:
        raise InvalidBody(f"encoding_format: one of {', '.join(FORMS)}", param="encoding_format")
    if body.dimensions is not None and not 1 <= body.dimensions <= MOST:
        raise InvalidBody(f"dimensions: {body.dimensions} is not between 1 and {MOST}", param="dimensions")
    warnings = ignored(wishes)
    if wishes.models:
        wishes, warnings = msgspec.structs.replace(wishes, models=()), (*warnings, OTHER_MODELS)
    request = EmbeddingRequest(id=request_id, raw=raw, router_fields=ROUTER_FIELDS, body=body)
    return Asked(request, facts_of_input(request), wishes, warnings)


def _check_input(given: str | list[str | int | list[int]]) -> None:
    if not given:
        raise InvalidBody("input: must not be empty", param="input")
    if isinstance(given, str):
        return
    if len(given) > MOST_INPUTS:
        raise InvalidBody(f"input: {len(given)} items, at most {MOST_INPUTS}", param="input")
    if len({type(item) for item in given}) > 1:
        raise InvalidBody("input: texts, tokens or lists of tokens, no mixture", param="input")
    for place, item in enumerate(given):
        _check_item(place, item)


def _check_item(place: int, item: str | int | list[int]) -> None:
    tokens = item if isinstance(item, list) else [item] if isinstance(item, int) else [0]
    if not tokens:
        raise InvalidBody(f"input[{place}]: has no tokens", param="input")
    if min(tokens) < 0:
        raise InvalidBody(f"input[{place}]: {min(tokens)} is no token", param="input")
