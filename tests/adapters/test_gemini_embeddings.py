"""Vectors of Gemini's: a batch with a request per text, over its own bytes and over the sandbox."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from providers.adapters import adapters
from providers.attempts import Marks, complete
from providers.errors import BadUpstreamResponse, RateLimited, UnsupportedByWire
from providers.http import close
from providers.sandbox.testing import Sandbox
from tests.adapters.examples import SECRET, answered, target
from tests.adapters.test_embeddings import asking

EMBEDDINGS = adapters()["gemini"].operation("embeddings")


def asked(given, **fields):
    return asking(input=given, **fields)


def test_a_request_per_text_in_one_batch():
    wire = EMBEDDINGS.request(asked(["a", "b"], dimensions=8, task_type="CLUSTERING", zork=1), target("gemini"), SECRET)
    assert wire.path == "/models/theirs:batchEmbedContents" and wire.warnings == ("zork dropped",)
    assert ("x-goog-api-key", SECRET.value) in wire.headers
    shared = {"model": "models/theirs", "outputDimensionality": 8, "taskType": "CLUSTERING"}
    assert json.loads(wire.body) == {"requests": [shared | {"content": {"parts": [{"text": text}]}} for text in "ab"]}


@pytest.mark.parametrize("given", [[1, 2], [[1], [2]], ["x"] * 101])
def test_what_the_wire_does_not_take(given):
    with pytest.raises(UnsupportedByWire) as caught:
        EMBEDDINGS.request(asked(given), target("gemini"), SECRET)
    assert caught.value.param == "input"


def test_vectors_in_the_order_of_the_texts():
    body = json.dumps({"embeddings": [{"values": [0.5, -1]}, {"values": [1e-3, 2]}]}).encode()
    answer = EMBEDDINGS.answer(body, asked(["a", "b"]), target("gemini"))
    assert [row["embedding"] for row in answered(answer)["data"]] == [[0.5, -1], [0.001, 2]]
    assert answer.usage.estimated and answered(answer)["model"] == "ours"
    counted = body[:-1] + b', "usageMetadata": {"promptTokenCount": 7}}'
    assert EMBEDDINGS.answer(counted, asked(["a", "b"]), target("gemini")).usage.prompt == 7


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings": [{}]}', b'{"embeddings": [{"values": [1]}]}', b"<html>"])
def test_what_is_no_list_of_vectors(body):
    with pytest.raises(BadUpstreamResponse):
        EMBEDDINGS.answer(body, asked(["a", "b"]), target("gemini"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start("gemini") as started:
        yield started


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    await close()


async def test_over_the_sandbox(sandbox):
    to = target("gemini", base_url=sandbox.base_url, upstream_model="sandbox-google-embed")
    texts = ["Köln", "Köln!", "something else entirely"]
    answer = await complete(asked(texts), to, SECRET, Marks())
    first, near, far = (row["embedding"] for row in answered(answer)["data"])
    assert dot(first, near) > dot(first, far) and len(first) == len(far) > 8
    refused = target("gemini", base_url=sandbox.base_url, upstream_model="sandbox-google-embed!429")
    with pytest.raises(RateLimited):
        await complete(asked("x"), refused, SECRET, Marks())


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))
