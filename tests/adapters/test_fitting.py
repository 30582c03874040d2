"""How long an answer is asked for on every wire, and in which of OpenAI's two words for it."""

import json

import pytest

from providers.adapters import adapters
from tests.adapters.examples import SECRET, chat, sent, target

OPENAI, AZURE = "https://api.openai.com/v1", "https://ours.openai.azure.com/openai/v1"
LIMITS = {
    "openai": lambda body: body["max_tokens"],
    "anthropic": lambda body: body["max_tokens"],
    "gemini": lambda body: body["generationConfig"]["maxOutputTokens"],
    "ollama": lambda body: body["options"]["num_predict"],
}
TALK = [{"role": "developer", "content": 'Say "developer".'}, {"role": "user", "content": "Hi"}]


def test_every_wire_is_here():
    assert LIMITS.keys() == adapters().keys()


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("wire", LIMITS)
def test_no_more_is_asked_for_than_the_deployment_writes(wire, field):
    adapter, brief = adapters()[wire], target(wire, max_output=1000)
    request = adapter.request(chat(**{field: 2000}), brief, SECRET)
    assert LIMITS[wire](json.loads(request.body)) == 1000
    assert request.warnings == (f"{field} lowered to 1000, the most that up/ours writes",)
    for to, asked in ((brief, 1000), (brief, 10), (target(wire), 2000)):
        request = adapter.request(chat(**{field: asked}), to, SECRET)
        assert (LIMITS[wire](json.loads(request.body)), request.warnings) == (asked, ())


@pytest.mark.parametrize(
    ("wire", "surface", "field"),
    [("anthropic", "messages", "max_tokens"), ("openai", "responses", "max_output_tokens")],
)
@pytest.mark.parametrize(("asked", "told"), [(2000, 1000), (10, 10)])
def test_a_body_that_passes_is_lowered_too(wire, surface, field, asked, told):
    request = chat(max_completion_tokens=asked)
    request.surface, request.native = surface, json.dumps({"model": "auto", field: asked, "top_p": 1.0}).encode()
    to = target(wire, max_output=1000, capabilities=frozenset({"responses"}))
    made = adapters()[wire].request(request, to, SECRET)
    assert json.loads(made.body) == {"model": "theirs", field: told, "top_p": 1.0}
    lowered = f"{field} lowered to 1000, the most that up/ours writes"
    assert made.warnings == (() if asked == told else (lowered,))


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("address", "model", "name"),
    [
        (OPENAI, "gpt-4o", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "gpt-4o", "max_completion_tokens"),
        (AZURE, "our-deployment", "max_completion_tokens"),
        ("https://models.example/v1", "o3-mini", "max_completion_tokens"),
        ("https://models.example/v1", "openai/gpt-5.1-mini", "max_completion_tokens"),
        ("https://models.example/v1", "gpt-4o", "max_tokens"),
        ("https://models.example/v1", "openai/gpt-oss-20b", "max_tokens"),
        ("https://models.example/v1", "foo1-mini", "max_tokens"),
        ("http://127.0.0.1:8080/v1", "qwen3", "max_tokens"),
    ],
)
def test_a_limit_has_the_name_that_the_upstream_knows(address, model, name, field):
    body = sent(adapters()["openai"], target(base_url=address, upstream_model=model), **{field: 50})
    assert {one: value for one, value in body.items() if one.startswith("max_")} == {name: 50}


def test_of_two_limits_the_newer_counts_and_none_is_none():
    openai, newer = adapters()["openai"], target(base_url=OPENAI)
    for to in (target(), newer):
        assert [n for one, n in sent(openai, to, max_tokens=9, max_completion_tokens=50).items() if "max" in one] == [
            50
        ]
        assert sent(openai, to, max_tokens=None)["max_tokens"] is None, "passes as it came"


def test_developers_are_the_system_where_only_that_is_known():
    openai, told = adapters()["openai"], {"role": "system", "content": TALK[0]["content"]}
    assert sent(openai, messages=TALK)["messages"] == [told, TALK[1]]
    assert sent(openai, target(base_url=OPENAI), messages=TALK)["messages"] == TALK
    assert sent(openai, target(upstream_model="gpt-5"), messages=TALK)["messages"] == TALK
    quoted = [{"role": "user", "content": '"developer"'}]
    assert sent(openai, messages=quoted)["messages"] == quoted
