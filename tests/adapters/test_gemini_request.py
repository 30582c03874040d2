"""What the Gemini adapter sends."""

import json

import pytest

from providers.errors import InvalidRequest, UnsupportedByWire
from tests.adapters.examples import SECRET, chat, sent, target
from tests.adapters.gemini import GEMINI

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
THINKS = frozenset({"reasoning"})
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": CITY, "strict": True}}


def user(content="Hi"):
    return {"role": "user", "content": content}


def called(*ids, content=None, arguments='{"city":"Rome"}'):
    calls = [{"id": i, "type": "function", "function": {"name": "weather", "arguments": arguments}} for i in ids]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(call_id, content="sunny"):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def model(name, **fields):
    return target("gemini", upstream_model=name, **fields)


def warnings(to=None, **fields):
    return GEMINI.request(chat(**fields), to or target("gemini"), SECRET).warnings


def config(to=None, **fields):
    return sent(GEMINI, to, **fields).get("generationConfig", {})


def contents(*messages, **fields):
    return sent(GEMINI, messages=list(messages), **fields)["contents"]


def test_the_plainest_request():
    request = GEMINI.request(chat(), target("gemini"), SECRET)
    assert request.path == "/models/theirs:generateContent" and request.warnings == ()
    assert dict(request.headers) == {"content-type": "application/json", "x-goog-api-key": SECRET.value}
    assert json.loads(request.body) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    stream = GEMINI.request(chat(stream=True), target("gemini"), SECRET)
    assert stream.path == "/models/theirs:streamGenerateContent?alt=sse" and stream.body == request.body


def test_names_of_models_are_paths():
    for name, path in (("tunedModels/mine-1", "/tunedModels/mine-1"), ("a b?c", "/models/a%20b%3Fc")):
        assert GEMINI.request(chat(), model(name), SECRET).path == f"{path}:generateContent"


def test_system_texts_become_the_instruction_and_neighbours_of_one_role_one_turn():
    parts = [{"type": "text", "text": "Be kind."}]
    said = {"role": "assistant", "content": "c"}
    messages = [{"role": "system", "content": "Be brief."}, user("a"), {"role": "developer", "content": parts}]
    body = sent(GEMINI, messages=[*messages, user("b"), said, user("")])
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]
    with pytest.raises(UnsupportedByWire):
        sent(GEMINI, messages=messages[:1])


def test_results_stand_first_with_the_names_of_their_calls():
    first, second, third = contents(
        user(), called("a", "b", content="Let me see"), user("quick"), result("a"), result("b", ""), user("so?")
    )
    assert second["parts"][0] == {"text": "Let me see"}
    assert second["parts"][1] == {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Rome"}}}
    assert [next(iter(part)) for part in third["parts"]] == ["functionResponse", "functionResponse", "text", "text"]
    answer = {"id": "a", "name": "weather", "response": {"output": "sunny"}}
    assert third["parts"][0] == {"functionResponse": answer} and first["role"] == third["role"] == "user"
    with pytest.raises(UnsupportedByWire):
        contents(user(), result("nobody"))


def test_results_keep_their_text_and_show_pictures():
    said = [{"type": "text", "text": '{"a": 1.50}'}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    response = contents(user(), called("a"), result("a", said))[2]["parts"][0]["functionResponse"]
    assert response["response"] == {"output": '{"a": 1.50}'}
    assert response["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]


def test_arguments_go_out_as_they_were_written():
    written = '{"n": 1e2,"big":123456789012345678901, "x":1.50}'
    body = GEMINI.request(chat(messages=[user(), called("a", arguments=written)]), target("gemini"), SECRET).body
    assert f'"args":{written}}}'.encode() in body
    for odd, said in (('{"city": "Ro', {"invalid_json": '{"city": "Ro'}), ("", {}), ("[1]", {"invalid_json": "[1]"})):
        assert contents(user(), called("a", arguments=odd))[1]["parts"][0]["functionCall"]["args"] == said


def test_pictures_sound_and_documents():
    parts = [
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.PNG?x=1"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/picture"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    assert contents(user(parts))[0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.PNG?x=1"}},
        {"fileData": {"fileUri": "https://example.org/picture"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
    ]
    for url in ("data:image/png,raw", "http://example.org/a.png", "ftp://x"):
        with pytest.raises((InvalidRequest, UnsupportedByWire)) as caught:
            contents(user([{"type": "image_url", "image_url": {"url": url}}]))
        assert caught.value.param == "messages"
    for part in ({"type": "file", "file": {"file_id": "file-1"}}, {"type": "video_url"}):
        with pytest.raises(UnsupportedByWire):
            contents(user([part]))


def test_sampling_and_limits():
    fields = {"temperature": 1.5, "top_p": 0.9, "n": 2, "presence_penalty": 0.1, "frequency_penalty": 0.2}
    assert config(**fields, seed=2**33 + 7, stop="END", max_completion_tokens=9, top_k=4) == {
        "temperature": 1.5,
        "topP": 0.9,
        "candidateCount": 2,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "seed": 7,
        "stopSequences": ["END"],
        "maxOutputTokens": 9,
        "topK": 4,
    }
    assert config(seed=-1)["seed"] == 2**31 - 1
    assert config(logprobs=True, top_logprobs=3) == {"responseLogprobs": True, "logprobs": 3}
    assert config(logprobs=True) == {"responseLogprobs": True}


def test_what_cannot_be_carried_is_noted():
    assert warnings(store=True, user="u", neuroroute={}, logit_bias={"1": 1}, tools=[WEATHER],
                    parallel_tool_calls=False) == ("store dropped", "parallel_tool_calls dropped",
                                                   "logit_bias dropped")  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 9}, "n"),
        ({"stop": list("abcdef")}, "stop"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [WEATHER], "tool_choice": {"type": "custom"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages"),
    ],
)
def test_what_would_change_the_answer_is_refused(fields, param):
    with pytest.raises(UnsupportedByWire) as caught:
        sent(GEMINI, **fields)
    assert caught.value.param == param


def test_tools():
    strict = {"type": "function", "function": {"name": "now", "description": "The time.", "strict": True}}
    body = sent(GEMINI, tools=[WEATHER, strict])
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "parametersJsonSchema": CITY},
                {"name": "now", "description": "The time."},
            ]
        }
    ]
    assert "toolConfig" not in body
    assert sent(GEMINI, tools=[strict])["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "clock"}}, {"mode": "ANY", "allowedFunctionNames": ["clock"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [CLOCK, WEATHER]}},
            {"mode": "ANY", "allowedFunctionNames": ["clock", "weather"]},
        ),
    ],
)
def test_tool_choices(choice, said):
    body = sent(GEMINI, tools=[WEATHER, CLOCK], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": said}
    assert len(body["tools"][0]["functionDeclarations"]) == 2


def test_a_free_choice_among_some_tools_declares_those_alone():
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CLOCK]}}
    body = sent(GEMINI, tools=[WEATHER, CLOCK], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == ["clock"]


def test_json():
    assert config(response_format=SCHEMA) == {"responseMimeType": "application/json", "responseJsonSchema": CITY}
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format={"type": "text"}) == {}
    assert config(model("gemini-3-pro-preview"), response_format=SCHEMA, tools=[WEATHER])["responseJsonSchema"] == CITY
    with pytest.raises(UnsupportedByWire, match="beside tools"):
        sent(GEMINI, model("gemini-2.5-flash"), response_format=SCHEMA, tools=[WEATHER])


@pytest.mark.parametrize(
    ("name", "effort", "said"),
    [
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("gemini-3-flash-preview", "xhigh", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "MINIMAL"}),
        ("gemini-flash-latest", "high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
    ],
)
def test_reasoning_effort_becomes_a_level_or_a_budget(name, effort, said):
    assert config(model(name, capabilities=THINKS), reasoning_effort=effort) == {"thinkingConfig": said}


def test_efforts_that_cannot_be_had_are_noted():
    assert warnings(reasoning_effort="high") == ("reasoning_effort dropped",) and config(reasoning_effort="high") == {}
    assert warnings(reasoning_effort="none") == ()
    (note,) = warnings(model("gemini-3-flash", capabilities=THINKS), reasoning_effort="none")
    assert note.startswith("reasoning_effort none")


def test_what_googles_openai_compatible_server_reads_is_read():
    google = {
        "thinking_config": {"include_thoughts": True, "thinking_budget": 800},
        "cached_content": "cachedContents/1",
    }
    body = sent(GEMINI, extra_body={"google": google})
    assert body["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 800}
    assert body["cachedContent"] == "cachedContents/1"
    assert warnings(extra_body={"x": 1}) == ("extra_body dropped",) and warnings(extra_body={"google": google}) == ()


def test_schemas_are_said_in_geminis_words_and_what_is_lost_is_noted():
    place = {"type": "object", "properties": {"name": {"type": "string", "pattern": "x", "default": "y"}}}
    given = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "definitions": {"place": place},
        "properties": {
            "at": {"$ref": "#/definitions/place", "description": "Where"},
            "kind": {"const": "a"},
            "flag": {"type": "boolean", "enum": [True]},
            "unit": {"type": ["string", "null"], "enum": ["c", "f", None]},
            "note": {"type": "string", "nullable": True},
            "one": {"allOf": [{"type": "integer", "minimum": 1}], "title": "One"},
            "any": True,
            "either": {"oneOf": [{"type": "string", "minLength": 2}, {"type": "array", "items": {"type": "number"}}]},
            "pattern": {"type": "object", "additionalProperties": {"type": "string", "format": "date"}},
        },
        "required": ["at"],
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": given}}
    declared = sent(GEMINI, tools=[tool])["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert declared == {
        "type": "object",
        "additionalProperties": False,
        "$defs": {"place": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "properties": {
            "at": {"$ref": "#/$defs/place"},
            "kind": {"enum": ["a"]},
            "flag": {"type": "boolean"},
            "unit": {"type": ["string", "null"], "enum": ["c", "f"]},
            "note": {"type": ["string", "null"]},
            "one": {"type": "integer", "minimum": 1, "title": "One"},
            "any": {},
            "either": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]},
            "pattern": {"type": "object", "additionalProperties": {"type": "string", "format": "date"}},
        },
        "required": ["at"],
    }
    assert warnings(tools=[tool]) == ("of JSON schemas dropped: enum, minLength, pattern",)
