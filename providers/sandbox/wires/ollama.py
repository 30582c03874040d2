"""Ollama's own API, as `ollama serve` speaks it: newline-delimited JSON, streamed unless told otherwise."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from providers.found import FoundModel
from providers.sandbox.embedding import Embedded, Embeds
from providers.sandbox.ollama_embeddings import OLDER_PATH, PATH, read_embeds, written
from providers.sandbox.prompts import Image, Prompt, ToolSpec, ToolUse, Turn
from providers.sandbox.replies import Exchange, Reply, Trouble, invalid
from providers.sandbox.wires.base import Event, Page, Wire, encoded, listed

NANOSECONDS: Final = 1_000_000_000
DEFAULT_WINDOW: Final = 4096  # tokens; what does not fit is dropped without a word
DISK_BYTES: Final = 4_920_753_328
VRAM_BYTES: Final = 6_654_289_920
DIGEST: Final = "365c0bd3c000a25d28ddbf732fe1c6add414de7275464c4e4d1c3b5fcb5d8ad1"
PICTURES: Final = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
SHOWN: Final = {"tools": "tools", "vision": "vision", "reasoning": "thinking"}  # ours -> as /api/show says it


class Ollama(Wire):
    name = "ollama"
    base_path = ""
    chat_paths = frozenset({"/api/chat"})
    stream_type = "application/x-ndjson"
    answer_key = content_key = "message"
    usage_fields = usage_counts = frozenset({"prompt_eval_count", "eval_count"})
    comment = b"\n"
    unable = "registry.ollama.ai/library/{model}:latest does not support {what}"

    def __init__(self) -> None:
        self._loaded: set[str] = set()

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat; as in Ollama, reading it loads the model, and an empty one with `keep_alive` 0 unloads it."""
        if not body.get("model"):
            raise invalid("model is required")
        messages = listed(body, "messages", invalid("json: cannot unmarshal into Go struct field ChatRequest.messages"))
        leaves = not messages and body.get("keep_alive") == 0
        (self._loaded.discard if leaves else self._loaded.add)(_plain(body["model"]))
        return _prompt(body, tuple(_turn(message) for message in messages), leaves)

    def whole(self, exchange: Exchange) -> dict[str, Any]:
        return _final(exchange, _message(exchange.replies[0]))

    def events(self, exchange: Exchange) -> list[Event]:
        reply = exchange.replies[0]
        parts: list[dict[str, Any]] = [{"content": "", "thinking": thought} for thought in reply.thoughts]
        parts += [{"content": piece} for piece in reply.pieces]
        parts += [{"content": "", "tool_calls": [_call(use)]} for use in reply.tool_uses]
        head = _envelope(exchange)
        lines = [Event("content", head | {"message": {"role": "assistant"} | part, "done": False}) for part in parts]
        return [*lines, Event("finish", _final(exchange, {"role": "assistant", "content": ""}))]

    def refusal(self, trouble: Trouble) -> dict[str, Any]:
        return {"error": trouble.message}

    def error_event(self, trouble: Trouble) -> Event:
        return Event("error", self.refusal(trouble))

    def encode(self, event: Event) -> bytes:
        return encoded(event.payload) + b"\n"

    def embeds(self, path: str, body: Mapping[str, Any]) -> Embeds | None:
        """Read a request for embeddings; as in Ollama, reading it loads the model."""
        if path not in (PATH, OLDER_PATH):
            return None
        asked = read_embeds(path, body)
        self._loaded.add(_plain(asked.model))
        return asked

    def embedded(self, asked: Embeds, made: Embedded) -> dict[str, Any]:
        return written(asked, made)

    def page(self, method: str, path: str, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page | None:
        match method, path:
            case "GET", "/":
                return Page(b"Ollama is running")
            case "GET", "/api/version":
                return Page({"version": "0.13.3"})
            case "GET", "/api/tags":
                return Page({"models": [_tag(model.upstream_model) for model in models]})
            case "GET", "/api/ps":
                return Page({"models": [_loaded(model) for model in models if model.upstream_model in self._loaded]})
            case "POST", "/api/show":
                return Page(_shown(body.get("model") or body.get("name") or "", models))
        return None

    def presented_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")


def _plain(name: str) -> str:
    """The model's name without a fault and without the tag that may be left out."""
    return name.partition("!")[0].removesuffix(":latest")


def _prompt(body: Mapping[str, Any], turns: tuple[Turn, ...], leaves: bool) -> Prompt:
    options = body.get("options") or {}
    stop = options.get("stop") or ()
    limit = options.get("num_predict")
    wanted = body.get("format") or None
    return Prompt(
        model=body["model"],
        turns=turns,
        stream=body.get("stream") is not False,
        max_tokens=limit if limit and limit > 0 else None,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=int(options.get("seed") or 0),
        tools=tuple(_tool(tool) for tool in listed(body, "tools", invalid("tools must be a list"))),
        schema={} if wanted == "json" else wanted,
        thinking=bool(body.get("think")),
        window=int(options.get("num_ctx") or DEFAULT_WINDOW),
        caching="none",
        leaves=leaves,
    )


def _turn(message: dict[str, Any]) -> Turn:
    calls = [call["function"] for call in message.get("tool_calls") or []]
    return Turn(
        message["role"],
        message.get("content") or "",
        tuple(_image(data) for data in message.get("images") or []),
        tuple(ToolUse(call["name"], call["arguments"], call["name"]) for call in calls),
        message.get("tool_name") or "",
    )


def _image(data: str) -> Image:
    raw = base64.b64decode(data, validate=True)
    return Image(next((kind for start, kind in PICTURES.items() if raw.startswith(start)), "image/unknown"), len(raw))


def _tool(tool: dict[str, Any]) -> ToolSpec:
    function = tool["function"]
    return ToolSpec(function["name"], function.get("description") or "", function.get("parameters") or {})


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.thoughts:
        message["thinking"] = "".join(reply.thoughts)
    if reply.tool_uses:
        message["tool_calls"] = [_call(use) for use in reply.tool_uses]
    return message


def _call(use: ToolUse) -> dict[str, Any]:
    """The call without an id, as older servers send it; its arguments are an object."""
    arguments = use.arguments
    if isinstance(arguments, str):
        arguments = msgspec.json.decode(arguments or "{}")
    return {"function": {"name": use.name, "arguments": arguments}}


def _envelope(exchange: Exchange) -> dict[str, Any]:
    created = datetime.fromtimestamp(exchange.created, UTC).isoformat().replace("+00:00", "Z")
    return {"model": exchange.model, "created_at": created}


def _final(exchange: Exchange, message: dict[str, Any]) -> dict[str, Any]:
    prompt_ns, answer_ns = (int(seconds * NANOSECONDS) for seconds in exchange.seconds)
    counts = {"prompt_eval_count": exchange.usage.prompt, "eval_count": exchange.usage.completion}
    if not exchange.prompt.turns:
        counts, reason = {}, "unload" if exchange.prompt.leaves else "load"
    else:
        reply = exchange.replies[0]
        reason = reply.finish_as or ("length" if reply.finish == "length" else "stop")
    return _envelope(exchange) | {
        "message": message,
        "done_reason": reason,
        "done": True,
        "total_duration": prompt_ns + answer_ns,
        "load_duration": 0,
        "prompt_eval_duration": prompt_ns,
        "eval_duration": answer_ns,
        **counts,
    }


def _details(name: str) -> dict[str, Any]:
    size = "3B" if "vision" in name else "8B"
    return {"format": "gguf", "family": "sandbox", "parameter_size": size, "quantization_level": "Q4_K_M"}


def _tag(name: str) -> dict[str, Any]:
    row = {"name": f"{name}:latest", "model": f"{name}:latest", "modified_at": "2025-01-01T00:00:00Z"}
    return row | {"size": DISK_BYTES, "digest": DIGEST, "details": _details(name)}


def _loaded(model: FoundModel) -> dict[str, Any]:
    row = _tag(model.upstream_model) | {"size": VRAM_BYTES, "size_vram": VRAM_BYTES}
    return row | {"expires_at": "2099-01-01T00:00:00Z", "context_length": model.context}


def _skills(model: FoundModel) -> list[str]:
    if "embeddings" in model.capabilities:
        return ["embedding"]
    return ["completion", *(SHOWN[word] for word in model.capabilities if word in SHOWN)]


def _shown(name: str, models: Sequence[FoundModel]) -> dict[str, Any]:
    model = next((model for model in models if model.upstream_model == name.removesuffix(":latest")), None)
    if model is None:
        raise Trouble("not_found", f"model '{name}' not found", status=404)
    return {
        "details": _details(model.upstream_model),
        "model_info": {"general.architecture": "sandbox", "sandbox.context_length": model.context},
        "capabilities": _skills(model),
        "modified_at": "2025-01-01T00:00:00Z",
    }
