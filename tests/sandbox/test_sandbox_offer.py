"""What the sandbox offers to the catalogue, and whether its processes keep the promise."""

import json
from urllib.request import urlopen

import pytest

from providers.sandbox.offer import offer
from providers.sandbox.script import CHAT
from providers.sandbox.wires import wire, wire_names

ADDRESSES = {name: f"http://127.0.0.1:91{at}0" for at, name in enumerate(wire_names())}


@pytest.fixture
def offered():
    return {found.name: found for found in offer(ADDRESSES)}


def test_offers_one_provider_per_wire(offered):
    assert set(offered) == {f"sandbox-{name}" for name in wire_names()}
    assert all(found.source == "sandbox" and found.allow_private for found in offered.values())
    assert offered["sandbox-openai"].base_url == ADDRESSES["openai"] + "/v1"
    assert offered["sandbox-ollama"].base_url == ADDRESSES["ollama"]


def test_only_the_ollama_one_is_local_and_free(offered):
    assert [name for name, found in offered.items() if found.local] == ["sandbox-ollama"]
    for found in offered.values():
        for model in found.models:
            assert (float(model.input_price) == 0) == found.local


def test_names_say_sandbox_and_some_model_has_two_providers(offered):
    names = [model.name for found in offered.values() for model in found.models]
    assert all(name.startswith("sandbox-") for name in names)
    assert sorted(name for name in set(names) if names.count(name) == 2) == ["sandbox-coder", "sandbox-large"]


def test_there_is_something_to_choose_between(offered):
    models = [model for found in offered.values() for model in found.models if "embeddings" not in model.capabilities]
    assert all(80 <= model.ttft_ms <= 600 and 60 <= model.tokens_per_s <= 400 for model in models)
    assert max(model.quality for model in models) - min(model.quality for model in models) > 0.3
    for skill in ("tools", "vision", "json_schema", "reasoning"):
        assert 0 < sum(skill in model.capabilities for model in models) < len(models)


@pytest.mark.parametrize("name", wire_names())
def test_the_process_lists_what_is_offered(sandbox_of, offered, name):
    path = "/api/tags" if name == "ollama" else "/models"
    with urlopen(sandbox_of(name).base_url + path) as answer:
        rows = json.loads(answer.read())
    listed = {row.get("id") or row["name"] for row in rows.get("data") or rows["models"]}
    listed = {name.removeprefix("models/").removesuffix(":latest") for name in listed}
    assert listed == {model.upstream_model for model in offered[f"sandbox-{name}"].models}


@pytest.mark.parametrize("name", wire_names())
def test_every_wire_says_where_chats_go(name):
    assert wire(name).name == name and wire(name).chat_paths and CHAT
