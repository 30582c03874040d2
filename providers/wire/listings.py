"""What does a listing of models say beyond their names? Contexts, skills and prices, as far as vendors give them."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from providers.adapters.base import ListedModel
from providers.errors import BadUpstreamResponse
from providers.wire import loose

CONTEXT_NAMES: Final = (
    "loaded_context_length",
    "context_length",
    "context_window",
    "max_model_len",
    "max_context_length",
)
OUTPUT_NAMES: Final = ("max_output_tokens", "max_completion_tokens", "max_tokens")
MILLION: Final = 1_000_000
SKILLS: Final = {
    "tools": "tools",
    "tool_use": "tools",
    "function_calling": "tools",
    "vision": "vision",
    "image_input": "vision",
    "structured_outputs": "json_schema",
    "response_format": "json_mode",
    "reasoning": "reasoning",
    "thinking": "reasoning",
    "embedding": "embeddings",
    "embeddings": "embeddings",
}


def openai_models(body: bytes) -> list[ListedModel]:
    """Read `{"data": [{"id", …}]}`, or the bare list that some servers send; raises `BadUpstreamResponse`."""
    payload = loose.loads(body)
    rows = payload.get("data") or payload.get("models") if isinstance(payload, dict) else payload
    if rows is None and isinstance(payload, dict) and ("data" in payload or "models" in payload):
        return []
    if not isinstance(rows, list):
        raise BadUpstreamResponse("the listing of models is not a list")
    return [_model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"]]


def positive(row: dict[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a positive integer."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def skills(words: Any) -> frozenset[str]:
    """Our names of the skills among a vendor's words."""
    if isinstance(words, dict):
        words = [word for word, value in words.items() if value]
    if not isinstance(words, list):
        return frozenset()
    return frozenset(SKILLS[word] for word in words if isinstance(word, str) and word in SKILLS)


def _model(row: dict[str, Any]) -> ListedModel:
    host = _live_host(row.get("providers"))
    inputs, outputs = _prices(row, host)
    return ListedModel(
        name=row["id"],
        context=positive(row, *CONTEXT_NAMES)
        or positive(host, *CONTEXT_NAMES)
        or positive(_object(row, "meta"), "n_ctx"),
        max_output=positive(row, *OUTPUT_NAMES) or positive(_object(row, "top_provider"), *OUTPUT_NAMES),
        capabilities=_capabilities(row, host),
        input_usd_per_million=inputs,
        output_usd_per_million=outputs,
    )


def _live_host(hosts: Any) -> dict[str, Any]:
    """The first of Hugging Face's hosts that answers."""
    rows = [host for host in hosts if isinstance(host, dict)] if isinstance(hosts, list) else []
    return next((host for host in rows if host.get("status") == "live"), {})


def _object(row: dict[str, Any], name: str) -> dict[str, Any]:
    """A nested object: llama.cpp's `meta`, OpenRouter's `top_provider` and `architecture`."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def _capabilities(row: dict[str, Any], host: dict[str, Any]) -> frozenset[str]:
    found = skills(row.get("supported_parameters")) | skills(row.get("capabilities")) | skills(row.get("features"))
    found |= {"tools"} if host.get("supports_tools") is True else frozenset()
    found |= {"json_schema"} if host.get("supports_structured_output") is True else frozenset()
    inputs = _object(row, "architecture").get("input_modalities")
    if row.get("type") == "vlm" or (isinstance(inputs, list) and "image" in inputs):
        found |= {"vision"}
    return found | ({"embeddings"} if row.get("type") == "embeddings" else frozenset())


def _prices(row: dict[str, Any], host: dict[str, Any]) -> tuple[str | None, str | None]:
    """OpenRouter gives USD per token as strings, Hugging Face's hosts USD per million as numbers."""
    per_token, per_million = _object(row, "pricing"), _object(host, "pricing")
    if "prompt" in per_token:
        return _usd(per_token["prompt"], MILLION), _usd(per_token.get("completion"), MILLION)
    return _usd(per_million.get("input")), _usd(per_million.get("output"))


def _usd(value: Any, factor: int = 1) -> str | None:
    """A price as a plain decimal string; None for anything that is not a price (OpenRouter's -1: it varies)."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        price = Decimal(str(value)) * factor
    except InvalidOperation:
        return None
    return f"{price.normalize():f}" if price.is_finite() and price >= 0 else None
