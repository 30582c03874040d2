"""One chat over a plain connection, on any wire of the sandbox: what came, whatever it was."""

import http.client
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.sandbox.faults import FAULTS
from providers.sandbox.testing import Sandbox, fault

MODELS = {
    "openai": "sandbox-mini",
    "anthropic": "sandbox-vision",
    "ollama": "sandbox-local-8b",
    "gemini": "sandbox-gemini-flash",
}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
METHODS = {False: "generateContent", True: "streamGenerateContent?alt=sse"}
ANSWER_KEYS = {"openai": "choices", "anthropic": "content", "ollama": "message", "gemini": "candidates"}
QUESTION = "What is the capital of France?"
SILENT = {"hang", "slow_headers", "hang_first_token", "stall_mid", "slow_drip", "slow_tokens"}  # each for `seconds`
SILENCE_S = 0.5  # how long one listens where silence is what should come
PATIENCE_S = 20.0  # and where an answer should: a busy machine is no fault


@dataclass
class Seen:
    """What came: `error` is the kind of exception that ended it, None for a proper end."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: type[Exception] | None = None

    @property
    def events(self) -> list[dict]:
        """The JSON of each event or line that is JSON."""
        data = re.findall(rb"^(?:data: )?(\{.*\})\r?$", self.body, re.MULTILINE)
        return [json.loads(line) for line in data]


def patience(name: str, *, stream: bool, seconds: float = 10.0) -> float:
    """How long to listen to an answer with this fault, in seconds."""
    silent = name in SILENT and seconds > SILENCE_S and (stream or not FAULTS[name].only_stream)
    return SILENCE_S if silent else PATIENCE_S


def with_fault(sandbox: Sandbox, name: str, *, stream: bool, **options) -> Seen:
    """One chat that meets a fault."""
    sandbox.script(fault(name, **options))
    seconds = {"seconds": options["seconds"]} if "seconds" in options else {}
    return call(sandbox, stream=stream, patience_s=patience(name, stream=stream, **seconds))


def call(
    sandbox: Sandbox,
    *,
    stream: bool,
    model: str | None = None,
    headers: dict | None = None,
    patience_s: float = PATIENCE_S,
) -> Seen:
    """Ask over a plain connection and keep whatever comes until it ends or falls silent for `patience_s` seconds."""
    seen = Seen()
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=patience_s)
    path, body = asked(sandbox.wire, model or MODELS[sandbox.wire], stream)
    try:
        connection.request("POST", path, json.dumps(body), {"anthropic-version": "1"} | (headers or {}))
        response = connection.getresponse()
        seen.status, seen.headers = response.status, {k.lower(): v for k, v in response.getheaders()}
        while data := response.read1(65536):
            seen.body += data
        if response.length:  # http.client does not mind a body that is too short
            seen.error = http.client.IncompleteRead
    except (OSError, http.client.HTTPException) as exc:
        seen.error = type(exc)
    finally:
        connection.close()
    return seen


def asked(wire: str, model: str, stream: bool) -> tuple[str, dict]:
    """Where the question goes, and as what."""
    if wire == "gemini":
        return f"/v1beta/models/{model}:{METHODS[stream]}", {"contents": [{"parts": [{"text": QUESTION}]}]}
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 200, "stream": stream}
    counted = {"stream_options": {"include_usage": True}} if stream and wire == "openai" else {}
    return PATHS[wire], body | counted


def finish_of(seen: Seen) -> list:
    """The finish reasons in a stream, whichever wire it is."""
    finishes = []
    for event in seen.events:
        choice = (event.get("choices") or event.get("candidates") or [{}])[0]
        own = choice.get("finish_reason") or choice.get("finishReason")
        finishes.append(own or event.get("done_reason") or event.get("delta", {}).get("stop_reason"))
    return [finish for finish in finishes if finish]


def said(seen: Seen) -> str:
    """The text in a stream's events."""
    parts = []
    for event in seen.events:
        choice = (event.get("choices") or event.get("candidates") or [{}])[0]
        delta = choice.get("delta") or event.get("message") or event.get("delta") or {}
        (gemini,) = choice.get("content", {}).get("parts", [{}])
        parts.append(delta.get("content") or delta.get("text") or gemini.get("text") or "")
    return "".join(part for part in parts if isinstance(part, str))
