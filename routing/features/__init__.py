"""Features: one file per fact about a request, found by discovery."""

from functools import cache
from typing import Any

from neuroroute.plugins import discover
from providers.chat import ChatBody
from providers.embeddings import EmbeddingRequest
from routing.features.base import Feature
from routing.features.text import Reading, read


@cache
def features() -> tuple[Feature, ...]:
    """Every feature, one instance each, by name."""
    return tuple(cls() for _, cls in sorted(discover("routing.features", Feature).items()))


def facts_of_input(request: EmbeddingRequest) -> dict[str, Any]:
    """The same facts of a request for vectors, which has no answer in words."""
    tokens = request.tokens
    return {
        "category": request.operation,
        "complexity": 0.0,
        "modality": "text",
        "needs": [],
        "parameters": [] if request.texts is not None else ["token_input"],
        "prompt_tokens": sum(tokens),
        "longest_input": max(tokens),
        "output_tokens": 0,
    }


def extract(body: ChatBody) -> dict[str, Any]:
    """Find everything that can be found in a chat: JSON-able values by feature name."""
    reading: Reading = read(body)
    return {feature.name: feature.find(body, reading) for feature in features()}
