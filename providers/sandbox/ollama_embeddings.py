"""How Ollama reads a request for embeddings and writes the vectors, at `/api/embed` and the older `/api/embeddings`."""

from collections.abc import Mapping
from typing import Any, Final

from providers.sandbox.embedding import WIDTH, Embedded, Embeds
from providers.sandbox.replies import invalid

PATH: Final = "/api/embed"
OLDER_PATH: Final = "/api/embeddings"  # one text, one vector, no counts


def read_embeds(path: str, body: Mapping[str, Any]) -> Embeds:
    """What is to be embedded, nothing where the call only loads the model; raises `Trouble` in the server's words."""
    if not body.get("model"):
        raise invalid("model is required")
    wanted = body.get("prompt" if path == OLDER_PATH else "input") or []
    texts = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid("invalid input type")
    dimensions = body.get("dimensions") or None
    return Embeds(
        body["model"],
        tuple(texts),
        dimensions if dimensions and dimensions < WIDTH else None,
        truncate=body.get("truncate") is not False,
        form=path,
    )


def written(asked: Embeds, made: Embedded) -> dict[str, Any]:
    """The JSON answer."""
    if asked.form == OLDER_PATH:
        return {"embedding": made.vectors[0] if made.vectors else []}
    durations = {"total_duration": 1_000_000 * (1 + made.tokens), "load_duration": 0}
    head = {"model": asked.model.partition("!")[0], "embeddings": made.vectors}
    return head | durations | {"prompt_eval_count": made.tokens}
