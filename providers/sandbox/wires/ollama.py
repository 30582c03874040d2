"""Ollama's own API, as `ollama serve` speaks it: newline-delimited JSON, streamed unless told otherwise."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
KEPT: Final = "5m"  # in memory after the last request, unless that says otherwise
UNITS: Final = {"s": 1, "m": 60, "h": 3600}
FOR_EVER: Final = timedelta(days=106_751)  # the longest time that Go counts
# What a file of that size and its cache come to: 8 heads of 128 numbers in each of 32 layers.
SHAPE: Final = {
    "block_count": 32, "embedding_length": 4096, "attention.head_count": 32, "attention.head_count_kv": 8,
    "attention.key_length": 128, "attention.value_length": 128,
}  # fmt: skip
CACHE_BYTES: Final = 32 * 8 * (128 + 128) * 2  # of each token
SCRATCH_BYTES: Final = 560_000_000
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
        self._loaded: dict[str, tuple[timedelta, datetime]] = {}  # for how long after each request, and until when

    def prompt(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Prompt:
        """Read a chat; as in Ollama, reading it loads the model, and an empty one with `keep_alive` 0 unloads it."""
        if not body.get("model"):
            raise invalid("model is required")
        messages = listed(body, "messages", invalid("json: cannot unmarshal into Go struct field ChatRequest.messages"))
        leaves = not messages and body.get("keep_alive") == 0
        self._keep(_plain(body["model"]), body.get("keep_alive"))
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
        self._keep(_plain(asked.model), body.get("keep_alive"))
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
                return Page({"models": self._running(models)})
            case "POST", "/api/generate":
                return self._generate(body, models)
            case "POST", "/api/show":
                return Page(_shown(body.get("model") or body.get("name") or "", models))
        return None

    def _running(self, models: Sequence[FoundModel]) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        self._loaded = {name: kept for name, kept in self._loaded.items() if kept[1] > now}
        return [
            _loaded(model, self._loaded[name][1]) for model in models if (name := model.upstream_model) in self._loaded
        ]

    def _generate(self, body: Mapping[str, Any], models: Sequence[FoundModel]) -> Page:
        """What it is asked for without a prompt: to load a model, or with `keep_alive` 0 to let it go."""
        name = _plain(str(body.get("model") or ""))
        if name not in {model.upstream_model for model in models}:
            raise Trouble("not_found", f"model '{body.get('model')}' not found", status=404)
        if body.get("prompt"):
            raise invalid("the sandbox completes no prompts here: chat with it")
        reason = "load" if self._keep(name, body.get("keep_alive")) else "unload"
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return Page({"model": name, "created_at": at, "response": "", "done": True, "done_reason": reason})

    def _keep(self, name: str, keep_alive: Any) -> bool:
        """Have a model in memory for so long, or as long as before; whether it stays there at all."""
        before = self._loaded.pop(name, (_lasts(KEPT),))[0]
        lasts = before if keep_alive is None else _lasts(keep_alive)
        if lasts:
            self._loaded[name] = lasts, datetime.now(UTC) + lasts
        return bool(lasts)

    def presented_key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")


def _lasts(keep_alive: Any) -> timedelta:
    """For how long: seconds, or a number with a unit; negative is for ever, which Ollama makes of centuries."""
    text = str(keep_alive)
    unit = UNITS.get(text[-1])
    seconds = float(text[:-1]) * unit if unit else float(text)
    return FOR_EVER if seconds < 0 else timedelta(seconds=seconds)


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


def _loaded(model: FoundModel, until: datetime) -> dict[str, Any]:
    taken = DISK_BYTES + CACHE_BYTES * (model.context or DEFAULT_WINDOW) + SCRATCH_BYTES
    row = _tag(model.upstream_model) | {"size": taken, "size_vram": taken}
    return row | {"expires_at": until.isoformat().replace("+00:00", "Z"), "context_length": model.context}


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
        "model_info": {
            "general.architecture": "sandbox",
            "sandbox.context_length": model.context,
            **{f"sandbox.{name}": value for name, value in SHAPE.items()},
        },
        "capabilities": _skills(model),
        "modified_at": "2025-01-01T00:00:00Z",
    }
