"""How do the tests talk to a flavour? Over plain HTTP, one line each."""

import json
from typing import Final

import httpx

from providers.sandbox.testing import Sandbox

QUESTION: Final = [{"role": "user", "content": "What is the capital of France?"}]
THINKING: Final = {"model": "sandbox-large", "reasoning_effort": "high"}


def post(sandbox: Sandbox, **fields) -> httpx.Response:
    body = {"model": "sandbox-mini", "messages": QUESTION} | fields
    return httpx.post(f"{sandbox.base_url}/chat/completions", json=body)


def ask(sandbox: Sandbox, **fields) -> dict:
    return post(sandbox, **fields).json()


def stream(sandbox: Sandbox, **fields) -> tuple[str, list[dict]]:
    """The text of a stream, and the JSON of its events."""
    text = post(sandbox, stream=True, **fields).text
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: {")]
    return text, [json.loads(line) for line in lines]


def get(sandbox: Sandbox, path: str, **query) -> httpx.Response:
    return httpx.get(sandbox.url + path, params=query)


def models(sandbox: Sandbox, path: str, key: str = "data", name: str = "id") -> dict[str, dict]:
    return {row[name]: row for row in get(sandbox, path).json()[key]}
