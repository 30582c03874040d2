"""What is sent for vectors, and how they come back: in the form asked for, in the order of the inputs."""

import base64
import json
import struct

import msgspec
import pytest

from providers.adapters import adapters
from providers.embeddings import EmbeddingBody, EmbeddingRequest
from providers.errors import BadUpstreamResponse, RateLimited, UnsupportedByWire
from tests.adapters.examples import ROUTER_FIELDS, SECRET, target

ONE, TWO = [0.5, -1.0, 0.25], [1.0, 2.0, 3.0]
OPENAI, OLLAMA = adapters()["openai"], adapters()["ollama"]


def asking(**fields):
    raw = json.dumps({"model": "ours", "input": ["one", "two"]} | fields).encode()
    body = msgspec.json.decode(raw, type=EmbeddingBody)
    return EmbeddingRequest(id="1", raw=raw, body=body, router_fields=ROUTER_FIELDS)


def sent(adapter, to=None, **fields):
    wire = adapter.operation("embeddings").request(asking(**fields), to or target(adapter.name), SECRET)
    return wire, json.loads(wire.body)


def answered(adapter, payload, **fields):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return adapter.operation("embeddings").answer(body, asking(**fields), target(adapter.name))


def vectors(answer):
    return [row["embedding"] for row in json.loads(answer.data)["data"]]


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def rows(*embeddings):
    listed = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(embeddings)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return {"object": "list", "model": "theirs-001", "data": listed, "usage": usage}


def test_the_callers_body_passes_but_for_the_model_and_the_routers_fields():
    wire, body = sent(OPENAI, dimensions=3, encoding_format="base64", user="u", input_type="query", neuroroute={})
    assert wire.path == "/embeddings" and ("authorization", f"Bearer {SECRET.value}") in wire.headers
    assert body == {
        "model": "theirs",
        "input": ["one", "two"],
        "dimensions": 3,
        "encoding_format": "base64",
        "user": "u",
        "input_type": "query",
    }
    assert wire.warnings == ()


@pytest.mark.parametrize("given", ["text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_an_openai_upstream_gets_every_kind_of_input(given):
    assert sent(OPENAI, input=given)[1]["input"] == given


def test_ollama_is_asked_natively_and_may_not_cut_a_text():
    wire, body = sent(OLLAMA, input="Hello", dimensions=64, encoding_format="base64", user="u", input_type="query")
    assert wire.path == "/api/embed"
    assert body == {"model": "theirs", "input": ["Hello"], "truncate": False, "dimensions": 64}
    assert wire.warnings == ("input_type dropped",)
    assert sent(OLLAMA, keep_alive="5m")[1]["keep_alive"] == "5m"
    assert sent(OLLAMA, target("ollama", context=2048))[1]["options"] == {"num_ctx": 2048}


@pytest.mark.parametrize("given", [[1, 2], [[1], [2]]])
def test_ollama_takes_no_tokens(given):
    with pytest.raises(UnsupportedByWire) as raised:
        sent(OLLAMA, input=given)
    assert raised.value.param == "input"


@pytest.mark.parametrize("form", [None, "float", "base64"])
@pytest.mark.parametrize("upstream", [list, packed])
def test_the_form_is_the_one_asked_for_whatever_the_upstream_chose(form, upstream):
    answer = answered(OPENAI, rows(upstream(ONE), upstream(TWO)), encoding_format=form)
    expected = [packed(ONE), packed(TWO)] if form == "base64" else [ONE, TWO]
    assert vectors(answer) == expected


def test_the_answer_names_our_model_and_says_what_was_used():
    answer = answered(OPENAI, rows(ONE, TWO))
    assert json.loads(answer.data) | {"data": []} == {
        "object": "list",
        "data": [],
        "model": "ours",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    assert (answer.served_model, answer.usage.prompt, answer.usage.completion) == ("theirs-001", 7, 0)
    assert [row["index"] for row in json.loads(answer.data)["data"]] == [0, 1]


def test_digits_stay_as_they_came():
    body = json.dumps(rows(ONE, TWO)).replace("0.25", "0.250000000000000001").encode()
    assert b"0.250000000000000001" in answered(OPENAI, body).data


def test_vectors_are_put_into_the_order_of_the_inputs():
    mixed = rows(ONE, TWO)
    mixed["data"].reverse()
    assert vectors(answered(OPENAI, mixed)) == [ONE, TWO]
    bare = rows(ONE, TWO)
    for row in bare["data"]:
        del row["index"]
    assert vectors(answered(OPENAI, bare)) == [ONE, TWO]


def test_usage_that_is_missing_is_estimated_and_says_so():
    silent = rows(ONE, TWO)
    del silent["usage"]
    used = answered(OPENAI, silent, input=["four", "12345678"]).usage
    assert (used.prompt, used.completion, used.estimated) == (2 + 3, 0, True)
    tokens = answered(OPENAI, silent, input=[[1, 2, 3], [4]]).usage
    assert tokens.prompt == 4


def test_ollamas_vectors():
    answer = answered(OLLAMA, {"model": "theirs", "embeddings": [ONE, TWO], "prompt_eval_count": 5})
    assert vectors(answer) == [ONE, TWO] and answer.usage.prompt == 5
    answer = answered(OLLAMA, {"embeddings": [ONE, TWO]}, encoding_format="base64")
    assert vectors(answer) == [packed(ONE), packed(TWO)] and answer.usage.estimated


@pytest.mark.parametrize(
    "payload",
    [
        b"<html>",
        {"data": None},
        rows(ONE),
        rows(ONE, TWO, TWO),
        rows(ONE, []),
        rows(ONE, None),
        rows(ONE, ["a"]),
        rows(ONE, "not base64!"),
        rows(ONE, "AAAA"),
        rows(packed([float("nan")]), packed(TWO)),
        {"data": [{"index": 0, "embedding": ONE}, {"index": 0, "embedding": TWO}]},
        {"data": [{"index": 0, "embedding": ONE}, {"index": 5, "embedding": TWO}]},
    ],
)
@pytest.mark.parametrize("form", ["float", "base64"])
def test_what_is_no_list_of_vectors_is_a_bad_response(payload, form):
    with pytest.raises(BadUpstreamResponse):
        answered(OPENAI, payload, encoding_format=form)


@pytest.mark.parametrize("adapter", [OPENAI, OLLAMA])
def test_an_error_inside_a_200_is_that_error(adapter):
    with pytest.raises(RateLimited):
        answered(adapter, {"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}})


def test_who_has_no_embeddings_says_so():
    with pytest.raises(UnsupportedByWire):
        adapters()["anthropic"].operation("embeddings")
