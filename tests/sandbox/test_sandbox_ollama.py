"""Ollama's own SDK talks to the sandbox: what it accepts is the wire format."""

import json
from collections.abc import Iterator

import jsonschema
import ollama
import pytest

from providers.sandbox.testing import Sandbox, fault


@pytest.fixture
def client(ollama_sandbox: Sandbox) -> Iterator[ollama.Client]:
    client = ollama.Client(host=ollama_sandbox.base_url)
    yield client
    client.close()


@pytest.fixture
def weather(weather_schema):
    return {"type": "function", "function": {"name": "get_weather", "parameters": weather_schema}}


def ask(client, question="What is 6 times 7?", *, model="sandbox-local-8b", **more):
    return client.chat(model, [{"role": "user", "content": question}], **more)


def test_answers_with_counts_and_durations(client):
    answer = ask(client)
    assert "6 * 7 = 42." in answer.message.content
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert answer.prompt_eval_count > 0 and answer.eval_count > 0
    assert answer.total_duration == answer.prompt_eval_duration + answer.eval_duration > 0


def test_streams_the_same_text_and_counts_as_it_answers(client):
    whole, lines = ask(client), list(ask(client, stream=True))
    assert "".join(line.message.content for line in lines) == whole.message.content
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1].eval_count == whole.eval_count


def test_ends_at_the_limit_of_tokens(client):
    answer = ask(client, options={"num_predict": 5})
    assert (answer.done_reason, answer.eval_count) == ("length", 5)


def test_calls_tools_with_objects_and_quotes_the_result(client, weather):
    called = ask(client, "Weather in Oslo?", tools=[weather]).message
    assert called.tool_calls[0].function.arguments == {"city": "Oslo", "unit": "celsius"}
    messages = [
        {"role": "user", "content": "Weather in Oslo?"},
        called,
        {"role": "tool", "tool_name": "get_weather", "content": "7 degrees"},
    ]
    answer = client.chat("sandbox-local-8b", messages, tools=[weather])
    assert "get_weather says: 7 degrees" in answer.message.content


def test_streams_parallel_tool_calls_a_line_each(client, weather):
    lines = list(ask(client, "Weather in Paris and Tokyo in parallel", tools=[weather], stream=True))
    calls = [call.function.arguments["city"] for line in lines for call in line.message.tool_calls or []]
    assert calls == ["Paris", "Tokyo"]


def test_refuses_tools_where_the_model_has_none(client, weather):
    with pytest.raises(ollama.ResponseError, match="does not support tools") as caught:
        ask(client, model="sandbox-local-vision", tools=[weather])
    assert caught.value.status_code == 400


def test_sees_an_image(client, png):
    message = {"role": "user", "content": "What is this?", "images": [png]}
    answer = client.chat("sandbox-local-vision", [message])
    assert f"an image (image/png, {len(png)} bytes)" in answer.message.content
    with pytest.raises(ollama.ResponseError, match="does not support vision"):
        client.chat("sandbox-coder", [message])


def test_answers_an_instance_of_the_schema(client, weather_schema):
    answer = ask(client, "Weather in Rome for 3 days?", format=weather_schema)
    jsonschema.validate(json.loads(answer.message.content), weather_schema)
    assert isinstance(json.loads(ask(client, format="json").message.content), dict)


def test_forgets_in_silence_what_is_outside_the_window(client):
    messages = [
        {"role": "user", "content": "My name is Ada. " + "word " * 6000},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "What is my name?"},
    ]
    small, large = (client.chat("sandbox-local-8b", messages, options={"num_ctx": size}) for size in (4096, 16384))
    assert "You have not told me your name." in small.message.content
    assert "Your name is Ada." in large.message.content
    assert small.prompt_eval_count < 100 < large.prompt_eval_count


def test_loads_and_unloads_models(client):
    assert client.chat("sandbox-coder", []).done_reason == "load"
    loaded = {model.model: model.size_vram for model in client.ps().models}
    assert loaded["sandbox-coder:latest"] > 0
    assert client.chat("sandbox-coder", [], keep_alive=0).done_reason == "unload"
    assert "sandbox-coder:latest" not in {model.model for model in client.ps().models}


def test_lists_and_shows_its_models(client):
    names = [model.model for model in client.list().models]
    ours = ["sandbox-local-8b", "sandbox-local-vision", "sandbox-coder", "sandbox-local-embed"]
    assert names == [f"{name}:latest" for name in ours]
    shown = client.show(names[0])
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo["sandbox.context_length"] == 32768
    assert ask(client, model=names[0]).done


def test_knows_no_other_model(client):
    with pytest.raises(ollama.ResponseError) as caught:
        ask(client, model="llama4")
    assert caught.value.status_code == 404


@pytest.mark.parametrize(("name", "status"), [("429", 429), ("500", 500), ("503", 503), ("401", 401)])
def test_refuses_as_the_sdk_expects(client, ollama_sandbox, name, status):
    ollama_sandbox.script(fault(name))
    with pytest.raises(ollama.ResponseError) as caught:
        ask(client)
    assert caught.value.status_code == status


def test_sends_an_error_line_inside_the_stream(client, ollama_sandbox):
    ollama_sandbox.script(fault("error_in_stream_after", after=2))
    said = ""
    with pytest.raises(ollama.ResponseError, match="Overloaded"):
        for line in ask(client, stream=True):
            said += line.message.content
    assert said == "Sandbox text"
