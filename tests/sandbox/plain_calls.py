"""One chat over a plain connection, on any wire of the sandbox: what came, whatever it was."""

import http.client
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.sandbox.testing import Sandbox

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
SILENCE_S = 0.3


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


def call(sandbox: Sandbox, *, stream: bool, model: str | None = None, headers: dict | None = None) -> Seen:
    """Ask over a plain connection and keep whatever comes until it ends or falls silent."""
    seen = Seen()
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=SILENCE_S)
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
