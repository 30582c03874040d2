"""What the Ollama adapter sends."""

import pytest

from providers.adapters import adapters
from providers.errors import UnsupportedByWire
from providers.wire.ollama_request import window
from tests.adapters.examples import SECRET, chat, sent, target

OLLAMA = adapters()["ollama"]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def warnings(to=None, **fields):
    return OLLAMA.request(chat(**fields), to or target("ollama"), None).warnings


def test_the_plainest_request():
    request = OLLAMA.request(chat(), target("ollama"), None)
    assert (request.path, request.headers) == ("/api/chat", (("content-type", "application/json"),))
    body = {"model": "theirs", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert sent(OLLAMA) == body and sent(OLLAMA, stream=True) == body | {"stream": True}
    presented = OLLAMA.request(chat(), target("ollama"), SECRET).headers
    assert ("authorization", f"Bearer {SECRET.value}") in presented


def test_options():
    body = sent(OLLAMA, temperature=1.7, top_p=0.5, seed=0, stop="END", max_tokens=9, presence_penalty=0.1, top_k=3)
    assert body["options"] == {
        "temperature": 1.7,
        "top_p": 0.5,
        "seed": 0,
        "stop": ["END"],
        "num_predict": 9,
        "presence_penalty": 0.1,
        "top_k": 3,
    }
    assert warnings(store=True, neuroroute={}) == ("store dropped",)


@pytest.mark.parametrize(("needed", "size"), [(1, 4096), (4096, 4096), (4097, 8192), (20000, 32768), (60000, 40000)])
def test_the_window_is_one_of_few_sizes(needed, size):
    assert window(needed, 40000) == size


def test_the_window_holds_prompt_images_tools_and_answer():
    roomy = target("ollama", context=131072)
    assert sent(OLLAMA, roomy)["options"]["num_ctx"] == 4096
    assert sent(OLLAMA, roomy, max_tokens=10000)["options"]["num_ctx"] == 16384
    long = [{"role": "user", "content": "word " * 6000}]
    assert sent(OLLAMA, roomy, messages=long)["options"]["num_ctx"] == 16384
    assert sent(OLLAMA, target("ollama", context=8192), messages=long)["options"]["num_ctx"] == 8192
    assert "options" not in sent(OLLAMA, messages=long)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    assert sent(OLLAMA, roomy, messages=[{"role": "user", "content": [picture]}])["options"]["num_ctx"] == 4096


def test_images_are_base64_and_only_inline():
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    message = {"role": "user", "content": [*parts, {"type": "text", "text": "this?"}]}
    assert sent(OLLAMA, messages=[message])["messages"] == [
        {"role": "user", "content": "What is\nthis?", "images": ["AAAA"]}
    ]
    for part in (
        {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
        {"type": "input_audio", "input_audio": {}},
    ):
        with pytest.raises(UnsupportedByWire):
            sent(OLLAMA, messages=[{"role": "user", "content": [part]}])


def test_tools_take_and_give_objects():
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    body = sent(OLLAMA, messages=messages, tools=[WEATHER], tool_choice="auto")
    assert body["tools"] == [WEATHER]
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][2] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": {"city": "Rome"}}}],
        "thinking": "hm",
    }
    assert body["messages"][3] == {"role": "tool", "content": "sunny", "tool_name": "weather", "tool_call_id": "c1"}
    assert "tools" not in sent(OLLAMA, tools=[WEATHER], tool_choice="none")
    assert warnings(tools=[WEATHER], parallel_tool_calls=False) == ("parallel_tool_calls dropped",)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}}, "tool_choice"),
        ({"tools": [{"type": "custom"}]}, "tools"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
    ],
)
def test_what_would_change_the_answer_is_refused(fields, param):
    with pytest.raises(UnsupportedByWire) as caught:
        sent(OLLAMA, **fields)
    assert caught.value.param == param


def test_json():
    schema = {"type": "object", "properties": {}}
    assert sent(OLLAMA, response_format={"type": "json_object"})["format"] == "json"
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert sent(OLLAMA, response_format=wanted)["format"] == schema
    assert "format" not in sent(OLLAMA, response_format={"type": "text"})


def test_thinking():
    thinker = target("ollama", capabilities=frozenset({"reasoning"}))
    levelled = target("ollama", capabilities=frozenset({"reasoning"}), upstream_model="gpt-oss:20b")
    assert sent(OLLAMA, thinker, reasoning_effort="high")["think"] is True
    assert sent(OLLAMA, thinker, reasoning_effort="none")["think"] is False
    assert sent(OLLAMA, levelled, reasoning_effort="minimal")["think"] == "low"
    assert "think" not in sent(OLLAMA, thinker) and "think" not in sent(OLLAMA, reasoning_effort="high")
    assert (
        warnings(reasoning_effort="high") == ("reasoning_effort dropped",) and warnings(reasoning_effort="none") == ()
    )


def test_ollamas_own_fields_arrive_where_ollama_reads_them():
    body = sent(OLLAMA, keep_alive="10m", top_k=40, repeat_penalty=1.1)
    assert body["keep_alive"] == "10m"
    assert (body["options"]["top_k"], body["options"]["repeat_penalty"]) == (40, 1.1)
    assert OLLAMA.request(chat(keep_alive=-1), target("ollama"), None).warnings == ()


def test_who_sets_no_limit_gets_no_longer_answer_than_the_deployment_writes():
    """Left to itself Ollama writes on for ten contexts, and what a budget holds is one."""
    assert sent(OLLAMA, target("ollama", max_output=500, context=8192))["options"]["num_predict"] == 500
    assert sent(OLLAMA, target("ollama", context=8192))["options"]["num_predict"] == 8192
    assert sent(OLLAMA, target("ollama", max_output=500), max_tokens=20)["options"]["num_predict"] == 20
