"""Gemini's own bytes, as the tests of its adapter share them."""

import json

from providers.adapters import adapters
from tests.adapters.examples import chat, sse, target

GEMINI = adapters()["gemini"]
SIGNED = "EtsBCtgBAdHtim8="
COUNTS = {"promptTokenCount": 93, "cachedContentTokenCount": 80, "totalTokenCount": 133}
LAST = COUNTS | {"candidatesTokenCount": 28, "thoughtsTokenCount": 12}


def event(*parts, reason=None, index=None, **fields):
    candidate = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    candidate |= {"finishReason": reason} if reason else {}
    candidate |= {"index": index} if index else {}
    head = {"modelVersion": "gemini-x-001", "responseId": "resp_1", "usageMetadata": COUNTS}
    return {"candidates": [candidate]} | head | fields


def said(text, **fields):
    return {"text": text} | fields


def call(name="f", args=None, signature=None, **fields):
    part = {"functionCall": {"name": name, "args": {} if args is None else args} | fields}
    return part | ({"thoughtSignature": signature} if signature else {})


PLAIN = sse(event(said("Hel")), event(said("lo né 👩‍💻")), event(said(""), reason="STOP", usageMetadata=LAST))
FULL = sse(
    event(said("hm, ", thought=True)),
    event(said("so", thought=True)),
    event(said("A")),
    event(said("B")),
    event(
        call("f", {"a": "né", "b": [1, {"c": None}]}, SIGNED, id="fc_1"),
        call("g"),
        reason="STOP",
        usageMetadata=LAST,
    ),
)


def answer(*events, **fields):
    """A whole answer of one response."""
    return GEMINI.answer(json.dumps(*events).encode(), chat(**fields), target("gemini"))
