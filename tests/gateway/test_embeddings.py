"""Texts become vectors through a real gateway: OpenAI's SDK and langchain ask, servers of two wires answer."""

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_core.embeddings import Embeddings
from langchain_openai import OpenAIEmbeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from providers.sandbox.testing import Sandbox, fault, rate_limited
from tests.adapters.contract import check

from .conftest import provider
from .gateway import Gateway, manage
from .test_langchain import ONE_USE

TEXTS = ["The cat sleeps.", "Ein Hund träumt.", "Revenue rose."]
EMBEDS: dict[str, Any] = {"capabilities": ["embeddings"], "price": {"input": 1}, "context": 8000}


@pytest.fixture(scope="module")
def local_process() -> Iterator[Sandbox]:
    with Sandbox.start("ollama") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def running(
    migrated: Path,
    tmp_path_factory: pytest.TempPathFactory,
    primary_process: Sandbox,
    fallback_process: Sandbox,
    local_process: Sandbox,
) -> Iterator[Gateway]:
    """`small` at two providers, `large` at the second only, `native` behind Ollama, and `demo` to chat with."""
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("embedding"))
    first = provider("primary", primary_process, model="small", upstream_model="sandbox-embed", **EMBEDS)
    second = provider("fallback", fallback_process, model="small", upstream_model="sandbox-embed", **EMBEDS)
    second["deployments"].append(second["deployments"][0] | {"model": "large", "quality": 0.2})
    third = provider("local", local_process, model="native", upstream_model="sandbox-local-embed", **EMBEDS)
    third["deployments"][0] |= {"quality": 0.1}
    first["deployments"].append(provider("", primary_process)["deployments"][0])
    order = ["primary/small", "fallback/small"]
    gateway.apply(
        {
            "providers": [first, second, third],
            "policies": [{"name": "primary-first", "kind": "ordered", "order": order}],
            "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}],
        }
    )
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(running: Gateway, primary: Sandbox, fallback: Sandbox, local_process: Sandbox) -> Iterator[Gateway]:
    local_process.reset()
    yield running
    if any(call.fault for sandbox in (primary, fallback) for call in sandbox.calls(chats=True)):
        manage(running.var, "reset_health")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    # Not strict: the SDK asks for base64 by itself, and its own strict mode refuses that.
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as made:
        yield made


def embed(gateway: Gateway, path: str = "/v1/embeddings", **fields: Any) -> httpx.Response:
    body = {"model": "small", "input": TEXTS} | fields
    return httpx.post(gateway.url + path, json=body, headers=gateway.headers, timeout=30)


def vectors(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [row["embedding"] for row in answer.json()["data"]]


@pytest.mark.parametrize("model", ["small", "native"])
def test_the_sdks_default_form_and_numbers_say_the_same(client, model):
    default = client.embeddings.create(model=model, input=TEXTS)
    strict = client.with_options(_extra_kwargs={"_strict_response_validation": True})
    numbers = strict.embeddings.create(model=model, input=TEXTS, encoding_format="float")
    packed = client.embeddings.create(model=model, input=TEXTS, encoding_format="base64")
    assert [row.index for row in default.data] == [0, 1, 2] and default.model == model
    assert default.usage.prompt_tokens == default.usage.total_tokens > 0
    assert [len(row.embedding) for row in default.data] == [512] * 3
    for row, exact, text in zip(default.data, numbers.data, packed.data, strict=True):
        assert all(isinstance(number, float) for number in exact.embedding)
        assert row.embedding == pytest.approx(exact.embedding, abs=1e-6)
        assert struct.unpack("<512f", base64.b64decode(text.embedding)) == pytest.approx(exact.embedding, abs=1e-6)


async def test_asynchronously(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        answer = await client.embeddings.create(model="small", input="Hello", dimensions=64)
    assert len(answer.data) == 1 and len(answer.data[0].embedding) == 64


def test_numbers_are_plain_where_no_form_is_asked_for(gateway):
    answer = embed(gateway)
    check(answer.json(), "CreateEmbeddingResponse")
    assert vectors(answer) == vectors(embed(gateway, path="/embeddings", encoding_format="float"))


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2], [3]]])
def test_tokens_go_to_who_takes_them(gateway, given):
    assert len(vectors(embed(gateway, input=given))) == (1 if given[0] == 1 else 2)
    refused = embed(gateway, model="native", input=given)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "input"


@pytest.mark.parametrize("step", [fault("html"), rate_limited(30)])
def test_the_same_model_elsewhere_stands_in(gateway, primary, fallback, step):
    primary.script(step, to="embeddings")
    answer = embed(gateway, models=["native"])
    assert len(vectors(answer)) == 3
    assert (answer.headers["x-neuroroute-provider"], answer.headers["x-neuroroute-attempts"]) == ("fallback", "2")
    assert "models: ignored" in answer.headers["x-neuroroute-warnings"]


def test_another_model_never_stands_in(gateway, fallback, local_process):
    fallback.script(*[fault("503")] * 8, to="embeddings")
    answer = embed(gateway, model="large", models=["native", "small"])
    assert answer.status_code == 503, answer.text
    assert not local_process.calls(chats=True)


def test_auto_is_one_model(gateway, primary, fallback):
    primary.script(fault("500"), to="embeddings")
    answers = [embed(gateway, model="auto") for _ in range(2)]
    assert [answer.json()["model"] for answer in answers] == ["small", "small"]
    assert answers[0].headers["x-neuroroute-provider"] == "fallback"


def test_the_record_says_what_was_used_and_paid(gateway):
    answer = embed(gateway, neuroroute={"tags": ["index"], "explain": True})
    tokens = answer.json()["usage"]["prompt_tokens"]
    served = answer.headers["x-neuroroute-provider"]  # either may be first after what other tests did to one of them
    assert answer.json()["routing_metadata"]["attempts"] == [
        {"provider": served, "model": "small", "status": "answered"}
    ]
    gateway.ship()
    story = gateway.story(answer.headers["x-request-id"])
    assert (story["status"], story["model"], story["provider"], story["tags"]) == (
        "answered",
        "small",
        served,
        ["index"],
    )
    assert (story["usage"]["prompt_tokens"], story["usage"]["completion_tokens"]) == (tokens, 0)
    assert story["features"]["category"] == "embeddings"
    assert float(story["cost"]["usd"]) == pytest.approx(tokens / 1_000_000)
    assert float(answer.headers["x-neuroroute-cost-usd"]) == float(story["cost"]["usd"])


def test_models_are_for_what_they_are_for(gateway):
    chat = gateway.chat(model="small")
    assert chat.status_code == 503 and "an embedding model cannot chat" in chat.json()["error"]["message"]
    assert gateway.chat(model="auto").json()["model"] == "demo"
    refused = embed(gateway, model="demo")
    assert refused.status_code == 503 and "not an embedding model" in refused.json()["error"]["message"]
    listed = httpx.get(f"{gateway.url}/v1/models/small", headers=gateway.headers).json()
    assert listed["capabilities"] == ["embeddings"] and listed["pricing"] == {"prompt": "0.000001", "completion": "0"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"input": ""}, "input"), ({"input": ["a"] * 2049}, "input"), ({"encoding_format": "hex"}, "encoding_format"),
     ({"dimensions": 0}, "dimensions"), ({"model": "smal"}, "model"), ({"input": ["a", 1]}, "input")],
)  # fmt: skip
def test_a_wrong_field_is_named(gateway, fields, param):
    answer = embed(gateway, **fields)
    assert answer.status_code == (404 if param == "model" else 400)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["param"] == param
    if len(fields.get("input", "")) > 2048:
        assert "2048" in answer.json()["error"]["message"]


def test_nobody_embeds_without_a_key(gateway, primary):
    answer = httpx.post(f"{gateway.url}/v1/embeddings", json={"model": "small", "input": "x"})
    assert answer.status_code == 401 and not primary.calls(chats=True)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    """langchain's own cases; its client sends token lists unless told to leave the counting to the server."""

    gateway: Gateway

    @pytest.fixture(autouse=True)
    def _running(self, running: Gateway) -> None:
        type(self).gateway = running

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {
            "model": "small",
            "base_url": f"{self.gateway.url}/v1",
            "api_key": self.gateway.key,
            "check_embedding_ctx_length": False,  # else it downloads a tokenizer
            "max_retries": 0,
            "http_async_client": httpx.AsyncClient(limits=ONE_USE),  # the default one is shared between event loops
        }
