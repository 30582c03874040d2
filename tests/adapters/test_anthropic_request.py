"""What the Anthropic adapter sends."""

import pytest

from providers.adapters import adapters
from providers.errors import InvalidRequest, UnsupportedByWire
from tests.adapters.examples import SECRET, chat, sent, target

ANTHROPIC = adapters()["anthropic"]
PIXEL = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
THINKER = target("anthropic", capabilities=frozenset({"reasoning"}), upstream_model="claude-opus-4-6")
BUDGETED = target("anthropic", capabilities=frozenset({"reasoning"}), upstream_model="claude-sonnet-4-5-20250929")


def user(content="Hi"):
    return {"role": "user", "content": content}


def called(*ids, content=None):
    calls = [
        {"id": i, "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}} for i in ids
    ]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(call_id, content="sunny"):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def warnings(to=None, **fields):
    return ANTHROPIC.request(chat(**fields), to or target("anthropic"), SECRET).warnings


def test_the_plainest_request():
    request = ANTHROPIC.request(chat(), target("anthropic"), SECRET)
    assert request.path == "/messages" and request.warnings == ()
    assert dict(request.headers) == {
        "content-type": "application/json",
        "x-api-key": SECRET.value,
        "anthropic-version": "2023-06-01",
    }
    text = {"type": "text", "text": "Hi"}
    assert sent(ANTHROPIC) == {
        "model": "theirs",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [text]}],
    }
    assert sent(ANTHROPIC, stream=True)["stream"] is True


def test_system_and_developer_texts_move_to_the_top():
    parts = [{"type": "text", "text": "Be kind."}]
    messages = [{"role": "system", "content": "Be brief."}, user(), {"role": "developer", "content": parts}]
    body = sent(ANTHROPIC, messages=messages)
    assert body["system"] == "Be brief.\nBe kind." and [turn["role"] for turn in body["messages"]] == ["user"]


def test_neighbours_of_one_role_become_one_turn():
    body = sent(ANTHROPIC, messages=[user("a"), user("b"), {"role": "assistant", "content": "c"}, user("d")])
    assert [(turn["role"], [block["text"] for block in turn["content"]]) for turn in body["messages"]] == [
        ("user", ["a", "b"]),
        ("assistant", ["c"]),
        ("user", ["d"]),
    ]


def test_tool_results_stand_first_in_the_users_turn():
    messages = [
        user(),
        called("a", "b", content="Let me see"),
        user("quick"),
        result("a"),
        result("b", ""),
        user("so?"),
    ]
    turns = sent(ANTHROPIC, messages=messages, tools=[WEATHER])["messages"]
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert turns[1]["content"][1] == {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}}
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result", "text", "text"]
    assert turns[2]["content"][0]["content"] == [{"type": "text", "text": "sunny"}]
    assert turns[2]["content"][1] == {"type": "tool_result", "tool_use_id": "b"}


def test_ids_of_other_vendors_stay_a_pair_that_anthropic_accepts():
    turns = sent(ANTHROPIC, messages=[user(), called("functions.weather:0"), result("functions.weather:0")])["messages"]
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == "functions_weather_0"


def test_arguments_that_are_no_object_do_not_break_the_conversation():
    message = called("a")
    message["tool_calls"][0]["function"]["arguments"] = '{"city": "Ro'
    block = sent(ANTHROPIC, messages=[user(), message, result("a")])["messages"][1]["content"][0]
    assert block["input"] == {"invalid_json": '{"city": "Ro'}


def test_images_and_documents():
    parts = [
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    blocks = sent(ANTHROPIC, messages=[user(parts)])["messages"][0]["content"]
    assert blocks[0]["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert blocks[1]["source"] == {"type": "url", "url": "https://example.org/a.png"}
    assert blocks[2]["type"] == "document" and blocks[2]["source"]["media_type"] == "application/pdf"
    with pytest.raises(InvalidRequest):
        sent(ANTHROPIC, messages=[user([{"type": "image_url", "image_url": {"url": "data:image/png,raw"}}])])
    with pytest.raises(UnsupportedByWire):
        sent(ANTHROPIC, messages=[user([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])])


@pytest.mark.parametrize(
    ("said", "data", "kind"),
    [
        ("image/jpg", "AAAA", "image/jpeg"),
        ("image/png", "/9j/4AAQ", "image/jpeg"),
        ("image/jpeg", "UklGRiQAAABXRUJQ", "image/webp"),
        ("image/heic", "R0lGODlh", "image/gif"),
    ],
)
def test_a_picture_is_called_what_it_is(said, data, kind):
    part = {"type": "image_url", "image_url": {"url": f"data:{said};base64,{data}"}}
    assert sent(ANTHROPIC, messages=[user([part])])["messages"][0]["content"][0]["source"]["media_type"] == kind


def test_pictures_of_other_kinds_need_another_wire():
    part = {"type": "image_url", "image_url": {"url": "data:image/heic;base64,AAAAGGZ0eXA="}}
    with pytest.raises(UnsupportedByWire, match="image/heic"):
        sent(ANTHROPIC, messages=[user([part])])


def test_blank_texts_are_left_out_and_a_prefill_loses_its_last_space():
    messages = [user(), {"role": "assistant", "content": " "}, user("b"), {"role": "assistant", "content": "So, \n"}]
    turns = sent(ANTHROPIC, messages=messages)["messages"]
    assert len(turns) == 2 and turns[1]["content"] == [{"type": "text", "text": "So,"}]


@pytest.mark.parametrize(
    "messages", [[{"role": "system", "content": "x"}], [{"role": "assistant", "content": "x"}], [user(" ")]]
)
def test_a_conversation_that_no_user_starts_needs_another_wire(messages):
    with pytest.raises(UnsupportedByWire):
        sent(ANTHROPIC, messages=messages)


def test_limits_and_sampling():
    small = target("anthropic", max_output=1000)
    assert sent(ANTHROPIC, small)["max_tokens"] == 1000
    assert sent(ANTHROPIC, small, max_completion_tokens=10)["max_tokens"] == 10
    assert sent(ANTHROPIC, temperature=1.7)["temperature"] == 1
    assert warnings(temperature=1.7) == ("temperature clamped to 1",)
    assert warnings(temperature=0.5) == ()
    assert sent(ANTHROPIC, top_p=0.9)["top_p"] == 0.9
    assert "top_p" not in sent(ANTHROPIC, top_p=0.9, temperature=0.1)
    assert sent(ANTHROPIC, stop="END")["stop_sequences"] == ["END"]
    assert sent(ANTHROPIC, stop=["\n", "END"])["stop_sequences"] == ["END"]
    assert "stop_sequences" not in sent(ANTHROPIC, stop="\n")


def test_what_cannot_be_carried_is_noted_and_native_fields_are_kept():
    fields = {"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0, "store": True, "top_k": 5, "user": "u1"}
    assert warnings(**fields) == ("store dropped", "seed dropped", "presence_penalty dropped")
    body = sent(ANTHROPIC, **fields)
    assert body["top_k"] == 5 and body["metadata"] == {"user_id": "u1"}
    assert not {"seed", "store", "user", "presence_penalty"} & body.keys()
    assert "neuroroute" not in sent(ANTHROPIC, neuroroute={}) and warnings(neuroroute={}) == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "logprobs"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages"),
    ],
)
def test_what_would_change_the_answer_is_refused(fields, param):
    with pytest.raises(UnsupportedByWire) as caught:
        sent(ANTHROPIC, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
    ],
)
def test_tool_choices(choice, said):
    assert sent(ANTHROPIC, tools=[WEATHER], tool_choice=choice)["tool_choice"] == said
    single = sent(ANTHROPIC, tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False)["tool_choice"]
    assert single.get("disable_parallel_tool_use", False) is (choice != "none")


def test_tools():
    plain = {"type": "function", "function": {"name": "now", "description": "The time.", "strict": True}}
    tools = sent(ANTHROPIC, tools=[WEATHER, plain])["tools"]
    assert tools[0] == {"name": "weather", "input_schema": {"type": "object"}}
    empty = {"type": "object", "properties": {}, "additionalProperties": False}
    assert tools[1] == {"name": "now", "description": "The time.", "strict": True, "input_schema": empty}
    choice = sent(ANTHROPIC, tools=[WEATHER], parallel_tool_calls=False)["tool_choice"]
    assert choice == {"type": "auto", "disable_parallel_tool_use": True}


def test_json():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    assert sent(ANTHROPIC, response_format=wanted)["output_config"] == {
        "format": {"type": "json_schema", "schema": schema}
    }
    assert "output_config" not in sent(ANTHROPIC, response_format={"type": "text"})
    assert "JSON" in sent(ANTHROPIC, response_format={"type": "json_object"})["system"]
    assert warnings(response_format={"type": "json_object"}) == ("response_format json_object asked for in words",)


def test_reasoning_effort_becomes_adaptive_thinking_or_a_budget():
    body = sent(ANTHROPIC, THINKER, reasoning_effort="medium", temperature=0.3)
    assert body["thinking"] == {"type": "adaptive"} and body["output_config"] == {"effort": "medium"}
    assert "temperature" not in body
    forced = sent(ANTHROPIC, THINKER, reasoning_effort="medium", tools=[WEATHER], tool_choice="required")
    assert "thinking" not in forced and forced["output_config"] == {"effort": "medium"}
    body = sent(ANTHROPIC, BUDGETED, reasoning_effort="high", max_tokens=8000)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 7999} and "output_config" not in body
    for fields in (
        {"max_tokens": 500},
        {"tools": [WEATHER], "tool_choice": "required"},
        {"tools": [WEATHER], "messages": [user(), called("a"), result("a")]},
    ):
        assert "thinking" not in sent(ANTHROPIC, BUDGETED, reasoning_effort="low", **fields)
    assert warnings(reasoning_effort="low") == ("reasoning_effort dropped",)
    assert "thinking" not in sent(ANTHROPIC, THINKER, reasoning_effort="none")
    own = {"type": "enabled", "budget_tokens": 2000}
    assert sent(ANTHROPIC, THINKER, thinking=own, reasoning_effort="low")["thinking"] == own
