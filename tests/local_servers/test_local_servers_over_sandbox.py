"""The management of local servers against the sandbox's Ollama, llama.cpp and LM Studio."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from providers.errors import InvalidRequest
from providers.local_servers import local_servers, recognised
from providers.local_servers.asking import Asking
from providers.local_servers.base import LocalModel, estimated
from providers.local_servers.gguf import cache_bytes
from providers.sandbox.testing import Sandbox, fault

MODEL = "sandbox-mini"


@pytest.fixture
def sandbox(request) -> Iterator[Sandbox]:
    with Sandbox.start(flavour=request.param, any_model=False) as started:
        yield started


@pytest.fixture
def asking(sandbox) -> Iterator[Asking]:
    with Asking(sandbox.base_url) as asking:
        yield asking


def state(asking: Asking, name: str) -> str:
    return next(model.state for model in local_servers()[name].state(asking).models if model.name == MODEL)


both = pytest.mark.parametrize(
    ("sandbox", "name"),
    [("llama.cpp-router", "llama.cpp"), ("lm-studio", "lm-studio")],
    indirect=["sandbox"],
)


@both
def test_models_get_in_and_out_of_memory(asking, name):
    server = recognised(asking, "openai")
    assert server is local_servers()[name] and state(asking, name) == "unloaded"
    server.load(asking, MODEL)
    assert state(asking, name) == "loaded"
    server.unload(asking, MODEL)
    assert state(asking, name) == "unloaded"
    with pytest.raises(InvalidRequest):
        server.load(asking, "nobody")


@both
def test_a_chat_brings_its_model_into_memory(sandbox, asking, name):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
    assert httpx.post(f"{sandbox.base_url}/chat/completions", json=body).status_code == 200
    assert state(asking, name) == "loaded"


@pytest.mark.parametrize("sandbox", ["llama.cpp"], indirect=True)
def test_a_server_of_one_model_tells_its_slots_and_that_it_loads(sandbox, asking):
    server = local_servers()["llama.cpp"]
    (model,) = server.state(asking).models
    assert set(server.state(asking).cannot) == {"load", "unload", "pin"} and model.weights_bytes
    assert (model.state, model.slots, model.busy, model.context) == ("loaded", 2, 0, 200_000)
    sandbox.script(fault("503"), to="pages")
    assert server.state(asking).health == "loading"
    with pytest.raises(InvalidRequest, match="can neither load nor unload"):
        server.load(asking, MODEL)


@pytest.fixture(scope="module")
def ollama() -> Iterator[Asking]:
    """Ollama as a process of its own, asked over HTTP."""
    with Sandbox.start("ollama", any_model=False, process=True) as started, Asking(started.base_url) as asking:
        yield asking


def local(asking: Asking) -> LocalModel:
    return local_servers()["ollama"].state(asking).models[0]


def test_ollama_takes_a_model_in_keeps_it_and_lets_it_go(ollama):
    server = recognised(ollama, "ollama")
    assert server is local_servers()["ollama"]
    name = local(ollama).name
    assert (local(ollama).state, local(ollama).stays) == ("unloaded", None)
    server.load(ollama, name)
    loaded = local(ollama)
    assert (loaded.state, loaded.stays) == ("loaded", False)
    left = datetime.fromisoformat(loaded.expires_at) - datetime.now(UTC)
    assert timedelta(minutes=4) < left < timedelta(minutes=6)
    server.pin(ollama, name)
    assert (local(ollama).state, local(ollama).stays) == ("loaded", True)
    body = {"model": name, "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert ollama.post("/api/chat", body).status == 200
    assert local(ollama).stays, "a chat leaves it pinned"
    server.unload(ollama, name)
    assert (local(ollama).state, local(ollama).vram_bytes) == ("unloaded", None)
    with pytest.raises(InvalidRequest, match="not found"):
        server.load(ollama, "nobody")


def test_what_a_model_needs_is_its_file_and_the_cache_of_its_context(ollama):
    model = local(ollama)
    assert model.cache_bytes == 32 * 8 * (128 + 128) * 2
    assert estimated(model, 8192) == model.weights_bytes + 8192 * model.cache_bytes
    assert estimated(model, None) is None and estimated(LocalModel("x", "unloaded", weights_bytes=1), 8192) is None


@pytest.mark.parametrize(
    ("told", "bytes_"),
    [
        ({"block_count": 2, "attention.head_count_kv": 4, "attention.key_length": 8}, 2 * 4 * (8 + 8) * 2),
        ({"block_count": 2, "attention.head_count_kv": [4, 1], "attention.key_length": 8}, 5 * (8 + 8) * 2),
        ({"block_count": 2, "attention.head_count_kv": 4, "embedding_length": 64, "attention.head_count": 8}, 256),
        ({"block_count": 2, "attention.key_length": 8, "attention.value_length": 8}, None),
        ({"block_count": 2, "attention.head_count_kv": 4}, None),
        ({"block_count": "two", "attention.head_count_kv": True, "attention.key_length": 8}, None),
    ],
)
def test_the_cache_of_a_token_is_known_where_the_file_says_all_of_it(told, bytes_):
    info = {"general.architecture": "a", **{f"a.{name}": value for name, value in told.items()}}
    assert cache_bytes(info) == bytes_


@both
def test_each_server_says_which_verbs_it_has(asking, name):
    assert set(local_servers()[name].state(asking).cannot) == {"pin"}
