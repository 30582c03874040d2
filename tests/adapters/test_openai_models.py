"""What listings of OpenAI-compatible servers say about their models."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import BadUpstreamResponse

OPENAI = adapters()["openai"]


def listed(*rows, key="data"):
    return OPENAI.models(json.dumps({"object": "list", key: rows}).encode())


def test_openai_gives_names_only():
    (model,) = listed({"id": "gpt-5", "object": "model", "created": 1, "owned_by": "openai"})
    assert (model.name, model.context, model.input_usd_per_million, model.capabilities) == (
        "gpt-5",
        None,
        None,
        frozenset(),
    )


def test_openrouter_gives_prices_per_token():
    (model,) = listed(
        {
            "id": "anthropic/claude",
            "context_length": 200000,
            "architecture": {"input_modalities": ["text", "image"]},
            "pricing": {"prompt": "0.000003", "completion": "0.000015", "image": "0.0048"},
            "top_provider": {"max_completion_tokens": 64000},
            "supported_parameters": ["tools", "temperature", "structured_outputs", "reasoning"],
        }
    )
    assert (model.input_usd_per_million, model.output_usd_per_million) == ("3", "15")
    assert (model.context, model.max_output) == (200000, 64000)
    assert model.capabilities == {"tools", "json_schema", "reasoning", "vision"}
    assert (
        listed({"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}})[0].input_usd_per_million
        is None
    )
    assert listed({"id": "free", "pricing": {"prompt": "0", "completion": "0"}})[0].input_usd_per_million == "0"


def test_groq_vllm_llama_cpp_and_lm_studio_give_contexts():
    rows = (
        {"id": "groq", "context_window": 131072, "max_completion_tokens": 32768},
        {"id": "vllm", "max_model_len": 8192},
        {"id": "llama.cpp", "meta": {"n_ctx_train": 131072, "n_ctx": 4096}},
        {
            "id": "lm",
            "type": "vlm",
            "max_context_length": 32768,
            "loaded_context_length": 4096,
            "capabilities": ["tool_use"],
        },
        {"id": "mistral", "max_context_length": 32000, "capabilities": {"function_calling": True, "vision": False}},
    )
    found = {model.name: model for model in listed(*rows)}
    assert {name: model.context for name, model in found.items()} == {
        "groq": 131072,
        "vllm": 8192,
        "llama.cpp": 4096,
        "lm": 4096,
        "mistral": 32000,
    }
    assert found["groq"].max_output == 32768
    assert found["lm"].capabilities == {"vision", "tools"} and found["mistral"].capabilities == {"tools"}


def test_hugging_face_gives_its_live_hosts_figures():
    price = {"input": 0.1, "output": 0.25}
    broken = {"provider": "a", "status": "error", "context_length": 1}
    live = {"provider": "b", "status": "live", "context_length": 8192, "pricing": price, "supports_tools": True}
    (model,) = listed({"id": "meta/llama", "providers": [broken, live]})
    assert (model.context, model.input_usd_per_million, model.output_usd_per_million) == (8192, "0.1", "0.25")
    assert model.capabilities == {"tools"}


def test_strange_listings():
    assert OPENAI.models(b'[{"id": "together"}]')[0].name == "together"
    assert OPENAI.models(b'{"data": null}') == [] and OPENAI.models(b'{"data": []}') == []
    assert [
        model.name for model in listed({"id": 5}, {"nope": 1}, {"id": "x", "context_length": "big", "providers": 7})
    ] == ["x"]
    for body in (b"", b"<html>", b'{"error": {}}', b"5", b'{"data": "x"}'):
        with pytest.raises(BadUpstreamResponse):
            OPENAI.models(body)
