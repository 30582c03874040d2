"""How Gemini reads a request for embeddings and writes the vectors: one content, or a batch of requests."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.embedding import WIDTH, Embedded, Embeds
from providers.sandbox.gemini.contents import read_content, text_of
from providers.sandbox.gemini.fields import listed, names, read
from providers.sandbox.replies import invalid

REQUEST: Final = names("model content taskType title outputDimensionality")
BATCH: Final = names("requests")
MOST_REQUESTS: Final = 100
ONE: Final = "embedContent"
MANY: Final = "batchEmbedContents"


def read_embeds(model: str, method: str, body: Mapping[str, Any]) -> Embeds:
    """What is to be embedded; a text that is too long is cut. Raises `Trouble` in the server's manner."""
    if method == ONE:
        requests = [read(body, REQUEST, "")]
    else:
        listing = listed(read(body, BATCH, "").get("requests"), "requests")
        requests = [read(request, REQUEST, f"requests[{at}]") for at, request in enumerate(listing)]
    if not 1 <= len(requests) <= MOST_REQUESTS:
        raise invalid(
            f"* BatchEmbedContentsRequest.requests: at least one and at most {MOST_REQUESTS} can be in one batch"
        )
    _refuse_models(model, method, requests)
    texts = tuple(text_of(read_content(request.get("content"), "content")) for request in requests)
    return Embeds(model, texts, _dimensions(requests), truncate=True, form=method)


def written(asked: Embeds, made: Embedded) -> dict[str, Any]:
    """The JSON answer."""
    rows = [{"values": vector} for vector in made.vectors]
    usage = {"usageMetadata": {"promptTokenCount": made.tokens}}
    return ({"embedding": rows[0]} if asked.form == ONE else {"embeddings": rows}) | usage


def _refuse_models(model: str, method: str, requests: list[dict[str, Any]]) -> None:
    """Each request of a batch names the model again, and the same."""
    for at, request in enumerate(requests):
        named = request.get("model")
        if named is None and method == ONE:
            continue
        if named != f"models/{model}":
            raise invalid(
                f"* BatchEmbedContentsRequest.requests[{at}].model: must be models/{model}, as in the address."
            )


def _dimensions(requests: list[dict[str, Any]]) -> int | None:
    wanted = {request.get("outputDimensionality") for request in requests}
    (dimensions,) = wanted if len(wanted) == 1 else (None,)
    if dimensions is not None and not 1 <= dimensions <= WIDTH:
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be in [1, {WIDTH}].")
    return dimensions
