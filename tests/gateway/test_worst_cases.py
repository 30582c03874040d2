"""A hard budget holds whatever a request makes its upstream fetch, think, bill or fall back to."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import Sandbox

from .conftest import provider
from .gateway import Watched

WIRES = {"openai": "openai", "gemini": "gemini", "anthropic": "anthropic"}
LIMIT_USD = 0.1  # less than a whole context of 128,000 tokens costs, more than a picture and a short prompt
SKILLS = ["tools", "vision", "json_schema", "json_mode", "reasoning", "responses"]
LONG = Step(text="Hello", usage={"prompt": 120_000, "completion": 5})
VIDEO = "https://www.youtube.com/watch?v=9hE5-98ZeCg"
WORDS = {"type": "text", "text": "Sum it up."}


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        made = {name: stack.enter_context(Sandbox.start(wire)) for name, wire in WIRES.items()}
        yield made | {"openrouter": stack.enter_context(Sandbox.start("openai", flavour="openrouter"))}


@pytest.fixture(scope="module")
def served(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, sandboxes: dict[str, Sandbox]
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("worst"))
    budgets = [{"usd": LIMIT_USD, "period": "total"}]
    gateway.apply(
        {
            "providers": [
                provider(name, each, model=f"{name}-demo", upstream_model=upstream_model(name), capabilities=SKILLS)
                for name, each in sandboxes.items()
            ]
            + [
                provider(f"{name}2", sandboxes[name], model=f"{name}-brief", max_output=20, capabilities=SKILLS)
                for name in WIRES
            ],
            "tenants": [
                *({"name": f"t{n}", "budgets": budgets, "keys": [{"name": "ci"}]} for n in range(12)),
                {"name": "unbounded", "keys": [{"name": "ci"}]},
            ],
        }
    )
    yield gateway.start()
    gateway.stop()


def upstream_model(name: str) -> str:
    """At OpenRouter one that fails there, so that it goes on to a fallback."""
    return "routed!503" if name == "openrouter" else "demo"


@pytest.fixture
def up(served: Watched, sandboxes: dict[str, Sandbox]) -> Iterator[Watched]:
    for each in sandboxes.values():
        each.reset()
        each.script(LONG, lasting=True)
    yield served


def said(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


SCREEN = {"type": "computer_screenshot", "image_url": "https://x.example/a.png"}
SPOKEN = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "audio": {"id": "audio_1"}},
    {"role": "user", "content": "Go on"},
]
FILM = [{"type": "input_video", "video_url": VIDEO}, {"type": "input_text", "text": "Go"}]
CHAT, RESPONSES = "chat/completions", "responses"
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a video at an address": (
        "openai",
        CHAT,
        {"messages": said({"type": "video_url", "video_url": {"url": VIDEO}}, WORDS)},
    ),
    "a video where a picture belongs": (
        "gemini",
        CHAT,
        {"messages": said({"type": "image_url", "image_url": {"url": VIDEO}}, WORDS)},
    ),
    "a spoken answer that OpenAI keeps": ("openai", CHAT, {"messages": SPOKEN}),
    "a prompt that OpenAI keeps": ("openai", RESPONSES, {"prompt": {"id": "pmpt_1"}, "input": "Go"}),
    "screenshots at addresses": (
        "openai",
        RESPONSES,
        {"input": [{"type": "computer_call_output", "call_id": "c1", "output": SCREEN}, *SPOKEN[2:]]},
    ),
    "a part that nobody knows": ("openai", RESPONSES, {"input": [{"role": "user", "content": FILM}]}),
}


def posted(gateway: Watched, tenant: str, path: str, content: bytes) -> httpx.Response:
    headers = {"authorization": f"Bearer {gateway.keys[f'{tenant}/ci']}", "content-type": "application/json"}
    return httpx.post(f"{gateway.url}/v1/{path}", content=content, headers=headers, timeout=60)


def spent(gateway: Watched, tenant: str) -> float:
    headers = {"authorization": f"Bearer {gateway.keys[f'{tenant}/ci']}"}
    gateway.ship()
    return float(httpx.get(f"{gateway.url}/v1/usage", headers=headers, timeout=30).json()["budgets"][0]["spent"])


@pytest.mark.parametrize("number", range(len(CASES)), ids=list(CASES))
def test_what_the_upstream_fetches_or_keeps_is_held_for_or_refused(up, number):
    wire, path, fields = list(CASES.values())[number]
    limit = {"max_output_tokens": 20} if path == "responses" else {"max_tokens": 20}
    answer = posted(up, f"t{number}", path, json.dumps({"model": f"{wire}-demo", **limit, **fields}).encode())
    assert answer.status_code == 402, (answer.text, spent(up, f"t{number}"))
    assert "may cost up to" in answer.text


def test_a_kept_prompt_is_seen_however_its_name_is_written(up):
    body = {
        "model": "gemini-demo",
        "max_tokens": 20,
        "messages": said(WORDS),
        "extra_body": {"google": {"cached_content": "cachedContents/1"}},
    }
    raw = json.dumps(body).replace('"cached_content"', '"cached\\u005fcontent"').encode()
    answer = posted(up, "t10", "chat/completions", raw)
    assert answer.status_code == 402, (answer.text, spent(up, "t10"))


def test_pictures_are_still_answered(up, sandboxes):
    for each in sandboxes.values():
        each.reset()
    for wire in WIRES:
        body = {
            "model": f"{wire}-demo",
            "max_tokens": 20,
            "messages": said({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}, WORDS),
        }
        answer = posted(up, "t11", "chat/completions", json.dumps(body).encode())
        assert answer.status_code == 200, answer.text


FALLBACK = {"model": "openrouter-demo", "max_tokens": 20, "models": ["their/dear"], "messages": said(WORDS)}


def test_fallbacks_without_a_known_price_are_left_out_for_who_has_a_hard_budget(up, sandboxes):
    answer = posted(up, "t9", "chat/completions", json.dumps(FALLBACK).encode())
    assert "models" not in sandboxes["openrouter"].calls(chats=True)[-1].body
    assert "models their/dear dropped" in answer.headers["x-neuroroute-warnings"]


def test_what_a_router_s_own_fallback_cost_is_unknown(up, sandboxes):
    answer = posted(up, "unbounded", "chat/completions", json.dumps(FALLBACK).encode())
    assert answer.status_code == 200, answer.text
    headers = {"authorization": f"Bearer {up.keys['unbounded/ci']}"}
    story = httpx.get(f"{up.url}/v1/requests/{answer.headers['x-request-id']}", headers=headers, timeout=30).json()
    assert story["usage"]["prompt_tokens"] and story["cost"]["usd"] is None, story


@pytest.mark.parametrize(
    ("wire", "path", "named"),
    [
        ("openai", "chat/completions", ("max_tokens",)),
        ("openai", "responses", ("max_output_tokens",)),
        ("gemini", "chat/completions", ("generationConfig", "maxOutputTokens")),
        ("anthropic", "messages", ("max_tokens",)),
    ],
)
def test_who_sets_no_limit_gets_the_one_that_is_held_for(up, sandboxes, wire, path, named):
    sandboxes[wire].reset()
    fields = {"input": "Hi"} if path == "responses" else {"messages": said(WORDS)}
    posted(up, "t8", path, json.dumps({"model": f"{wire}-brief", **fields}).encode())
    found = sandboxes[wire].calls(chats=True)[-1].body
    for name in named:
        found = found[name]
    assert found == 20
    posted(up, "unbounded", path, json.dumps({"model": f"{wire}-brief", **fields}).encode())
    assert wire == "anthropic" or "20" not in json.dumps(sandboxes[wire].calls(chats=True)[-1].body)
