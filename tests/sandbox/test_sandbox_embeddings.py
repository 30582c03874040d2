"""The vendors' own SDKs ask the sandbox for embeddings: what they accept is the wire format."""

import base64
import json
import math
import struct
from collections.abc import Iterator
from urllib.request import Request, urlopen

import ollama
import openai
import pytest

from providers.sandbox.testing import Sandbox, Step, fault

WIDTH = 512
TEXTS = ["The cat sleeps on the mat.", "A cat is sleeping on a mat.", "Quarterly revenue rose by nine percent."]


@pytest.fixture(scope="module")
def connected(running) -> Iterator[openai.OpenAI]:
    url = running("openai").base_url
    with openai.OpenAI(api_key="sandbox-key", base_url=url, max_retries=0) as client:
        yield client


@pytest.fixture
def client(connected: openai.OpenAI, openai_sandbox: Sandbox) -> openai.OpenAI:
    return connected


@pytest.fixture
def local(ollama_sandbox: Sandbox) -> Iterator[ollama.Client]:
    client = ollama.Client(host=ollama_sandbox.url)
    yield client
    client.close()


def embed(client: openai.OpenAI, texts, **more):
    return client.embeddings.create(**{"model": "sandbox-embed", "input": texts} | more)


def vectors(client: openai.OpenAI, texts, **more) -> list[list[float]]:
    return [row.embedding for row in embed(client, texts, **more).data]


def likeness(one, other) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def raw(sandbox: Sandbox, **body) -> dict:
    """The answer as bytes say it: the SDK hides how the vectors travel."""
    request = Request(sandbox.base_url + "/embeddings", json.dumps({"model": "sandbox-embed"} | body).encode())
    with urlopen(request) as answer:
        return json.loads(answer.read())


def test_openai_embeds_one_text_as_a_unit_vector(client):
    answer = embed(client, TEXTS[0])
    assert (answer.object, answer.model, len(answer.data), answer.data[0].index) == ("list", "sandbox-embed", 1, 0)
    assert len(answer.data[0].embedding) == WIDTH
    assert math.isclose(math.hypot(*answer.data[0].embedding), 1, rel_tol=1e-5)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 5


def test_openai_answers_what_the_strict_client_accepts(client, openai_sandbox):
    # floats: in strict mode the SDK judges base64, which it asks for by default, before it unpacks it
    url = openai_sandbox.base_url
    with openai.OpenAI(api_key="key", base_url=url, _strict_response_validation=True) as strict:
        floats = vectors(strict, TEXTS, encoding_format="float")
    assert floats == [pytest.approx(vector, abs=1e-6) for vector in vectors(client, TEXTS)]


def test_openai_keeps_the_order_of_many_texts(client):
    answer = embed(client, TEXTS)
    assert [row.index for row in answer.data] == [0, 1, 2]
    assert [row.embedding for row in answer.data] == [vectors(client, text)[0] for text in TEXTS]
    assert answer.usage.total_tokens == sum(embed(client, text).usage.total_tokens for text in TEXTS)


def test_similar_texts_are_near(client):
    cat, other_cat, revenue = vectors(client, TEXTS)
    assert likeness(cat, cat) > 0.999
    assert likeness(cat, other_cat) > 0.4 > likeness(cat, revenue)


@pytest.mark.parametrize(("tokens", "count"), [([[1212, 318, 257], [40, 50]], 2), ([[1212]], 1), ([1212, 318, 257], 1)])
def test_openai_embeds_numbers_of_tokens(client, tokens, count):
    answer = embed(client, tokens)
    flat = tokens if isinstance(tokens[0], int) else sum(tokens, [])
    assert (len(answer.data), answer.usage.prompt_tokens) == (count, len(flat))


def test_openai_writes_base64_as_little_endian_floats_and_only_where_asked(openai_sandbox):
    floats = raw(openai_sandbox, input=TEXTS[0])["data"][0]["embedding"]
    packed = raw(openai_sandbox, input=TEXTS[0], encoding_format="base64")["data"][0]["embedding"]
    assert struct.unpack(f"<{WIDTH}f", base64.b64decode(packed)) == pytest.approx(floats, abs=1e-6)
    assert raw(openai_sandbox, input=TEXTS[0], encoding_format="float")["data"][0]["embedding"] == floats


def test_openai_shortens_to_the_dimensions_asked_for(client):
    (short,) = vectors(client, TEXTS[0], dimensions=64)
    (whole,) = vectors(client, TEXTS[0])
    assert len(short) == 64 and math.isclose(math.hypot(*short), 1, rel_tol=1e-5)
    assert likeness(short, whole[:64]) / math.hypot(*whole[:64]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": ""}, "input' is invalid"),
        ({"input": []}, "input' is invalid"),
        ({"input": ["ok", ""]}, "input' is invalid"),
        ({"input": [[1, "two"]]}, "input' is invalid"),
        ({"input": ["x"] * 2049}, "input' is invalid"),
        ({"input": "word " * 9000}, "maximum context length is 8192 tokens"),
        ({"input": "Hi", "dimensions": 513}, "'dimensions' = 513"),
        ({"input": "Hi", "extra_body": {"encoding_format": "int8"}}, "'int8'"),
        ({"input": "Hi", "model": "sandbox-mini"}, "embeddings"),
    ],
)
def test_openai_refuses_what_the_vendor_refuses(client, change, message):
    with pytest.raises(openai.BadRequestError, match=message):
        client.embeddings.create(**{"model": "sandbox-embed"} | change)


def test_openai_does_not_know_every_model(client):
    with pytest.raises(openai.NotFoundError):
        embed(client, "Hi", model="nobody")


def test_an_embedding_model_does_not_chat(client, local):
    with pytest.raises(openai.BadRequestError, match="chat"):
        client.chat.completions.create(model="sandbox-embed", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(ollama.ResponseError, match="does not support chat"):
        local.chat(model="sandbox-local-embed", messages=[{"role": "user", "content": "Hi"}])


async def test_openai_embeds_for_its_async_client(openai_sandbox, client):
    async with openai.AsyncOpenAI(api_key="key", base_url=openai_sandbox.base_url, max_retries=0) as other:
        answer = await other.embeddings.create(model="sandbox-embed", input=TEXTS)
    assert [row.embedding for row in answer.data] == vectors(client, TEXTS)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("429", openai.RateLimitError),
        ("401", openai.AuthenticationError),
        ("503", openai.InternalServerError),
        ("cut_mid", openai.APIConnectionError),
    ],
)
def test_faults_happen_to_embeddings_too(client, openai_sandbox, name, error):
    openai_sandbox.script(fault(name), to="embeddings")
    with pytest.raises(error):
        embed(client, "Hi")
    with pytest.raises(error):
        embed(client, "Hi", model=f"sandbox-embed!{name}")
    assert [call.fault for call in openai_sandbox.calls(ended=True)] == [name, name]


def test_faults_change_the_answer_with_the_vectors(openai_sandbox):
    openai_sandbox.script(fault("missing_choices"), fault("bad_usage"), Step(body="[]"), to="embeddings")
    assert "data" not in raw(openai_sandbox, input="Hi")
    assert raw(openai_sandbox, input="Hi")["usage"]["prompt_tokens"] > 10**12
    assert raw(openai_sandbox, input="Hi") == []


def test_ollama_embeds_one_text_and_many(local):
    one, many = local.embed("sandbox-local-embed", TEXTS[0]), local.embed("sandbox-local-embed", TEXTS)
    assert len(one.embeddings) == 1 and one.embeddings[0] == many.embeddings[0]
    assert (len(many.embeddings), {len(vector) for vector in many.embeddings}) == (3, {WIDTH})
    assert many.prompt_eval_count > one.prompt_eval_count > 5


def test_ollama_shortens_to_the_dimensions_asked_for(local):
    assert len(local.embed("sandbox-local-embed", "Hi", dimensions=32).embeddings[0]) == 32
    assert len(local.embed("sandbox-local-embed", "Hi", dimensions=4096).embeddings[0]) == WIDTH


def test_ollama_truncates_unless_told_not_to(local):
    long = "word " * 9000
    assert local.embed("sandbox-local-embed", long).prompt_eval_count == 8192
    with pytest.raises(ollama.ResponseError, match="maximum context length"):
        local.embed("sandbox-local-embed", long, truncate=False)


def test_ollama_loads_the_model_and_says_that_it_embeds(local):
    assert local.embed("sandbox-local-embed", "").embeddings == []
    assert "sandbox-local-embed:latest" in [model.model for model in local.ps().models]
    assert local.show("sandbox-local-embed").capabilities == ["embedding"]


def test_ollama_answers_at_the_older_address(local):
    older = local.embeddings("sandbox-local-embed", TEXTS[0])
    assert list(older.embedding) == list(local.embed("sandbox-local-embed", TEXTS[0]).embeddings[0])


def test_ollama_refuses_a_model_that_only_chats(local):
    with pytest.raises(ollama.ResponseError, match="does not support embeddings"):
        local.embed("sandbox-local-8b", "Hi")
