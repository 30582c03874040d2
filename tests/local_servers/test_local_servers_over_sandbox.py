"""The management of local servers against the sandbox's llama.cpp and LM Studio."""

from collections.abc import Iterator

import httpx
import pytest

from providers.errors import InvalidRequest
from providers.local_servers import local_servers, recognised
from providers.local_servers.asking import Asking
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
    assert (model.state, model.slots, model.busy, model.context) == ("loaded", 2, 0, 200_000)
    sandbox.script(fault("503"), to="pages")
    assert server.state(asking).health == "loading"
    with pytest.raises(InvalidRequest, match="can neither load nor unload"):
        server.load(asking, MODEL)
