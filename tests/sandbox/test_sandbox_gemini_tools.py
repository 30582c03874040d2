"""Google's own SDK calls tools of the sandbox: ids, signatures, and which turns may follow each other."""

import pytest
from google.genai import errors, types

from tests.sandbox.google_calls import FLASH, PRO, QUESTION, ask, parts_of, stream


@pytest.fixture
def weather(weather_schema):
    declared = {"name": "get_weather", "parameters_json_schema": weather_schema}
    return types.Tool(function_declarations=[declared])


def only_calls(mode="ANY", names=None) -> types.ToolConfig:
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    return types.ToolConfig(function_calling_config=calling)


def test_calls_tools_in_parallel_with_ids_and_one_signature(gemini, weather):
    answer = ask(gemini, "Weather in Paris and Tokyo in parallel, celsius", model=PRO, tools=[weather])
    assert [call.args["city"] for call in answer.function_calls] == ["Paris", "Tokyo"]
    assert len({call.id for call in answer.function_calls}) == 2 and all(call.id for call in answer.function_calls)
    signed = [part.thought_signature is not None for part in answer.candidates[0].content.parts]
    assert (answer.candidates[0].finish_reason, signed) == ("STOP", [True, False])


def test_streams_each_call_whole_and_an_older_model_gives_no_ids(gemini, weather):
    *calls, last = parts_of(stream(gemini, "Weather in Paris and Tokyo at once", tools=[weather]))
    assert [part.function_call.args["city"] for part in calls] == ["Paris", "Tokyo"]
    assert [part.function_call.id for part in calls] == [None, None] and last.text == ""


@pytest.mark.parametrize("model", [PRO, FLASH])
@pytest.mark.parametrize("streamed", [False, True])
def test_chats_with_automatic_function_calling(gemini, model, streamed):
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        asked.append(city)
        return f"7 degrees in {city}"

    chat = gemini.chats.create(model=model, config={"tools": [get_weather]})
    question = "What is the weather in Oslo and in Rome?"
    if streamed:
        said = "".join(chunk.text or "" for chunk in chat.send_message_stream(question))
    else:
        said = chat.send_message(question).text
    assert asked == ["Oslo", "Rome"]
    assert "get_weather says: 7 degrees in Oslo." in said and "get_weather says: 7 degrees in Rome." in said


def called(gemini, weather, **config) -> types.Content:
    return ask(gemini, "Weather in Oslo?", model=PRO, tools=[weather], **config).candidates[0].content


def replied(gemini, content: types.Content, *, id=None, name="get_weather", response=None, model=PRO):
    result = types.FunctionResponse(name=name, id=id, response=response or {"result": "7 degrees"})
    asked = types.UserContent("Weather in Oslo?")
    return ask(gemini, [asked, content, types.UserContent(types.Part(function_response=result))], model=model)


def test_wants_the_signature_of_a_call_back(gemini, weather):
    content = called(gemini, weather)
    assert "get_weather says: 7 degrees." in replied(gemini, content).text
    content.parts[0].thought_signature = None
    with pytest.raises(errors.ClientError, match="missing a thought_signature") as caught:
        replied(gemini, content)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_takes_googles_stand_in_for_calls_of_others(gemini, weather):
    content = called(gemini, weather)
    content.parts[0].thought_signature = b"skip_thought_signature_validator"
    assert "7 degrees" in replied(gemini, content).text


def test_refuses_the_signature_of_another_call_or_model(gemini, weather):
    content = called(gemini, weather)
    with pytest.raises(errors.ClientError, match="Corrupted thought signature"):
        replied(gemini, content, model=FLASH)
    content.parts[0].function_call.args["city"] = "Rome"
    with pytest.raises(errors.ClientError, match="Corrupted thought signature"):
        replied(gemini, content)


def test_wants_no_signature_of_turns_before_the_current_one(gemini, weather):
    content = called(gemini, weather)
    content.parts[0].thought_signature = None
    result = types.Part.from_function_response(name="get_weather", response={"result": "7"})
    past = [types.UserContent("Weather in Oslo?"), content, types.UserContent(result)]
    assert ask(gemini, [*past, types.ModelContent("7 degrees."), types.UserContent(QUESTION)], model=PRO).text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "add"}, "answers no function call"),
        ({"id": "nobody"}, "answers no function call"),
    ],
)
def test_refuses_results_that_answer_nothing(gemini, weather, change, message):
    with pytest.raises(errors.ClientError, match=message):
        replied(gemini, called(gemini, weather), **change)


def test_refuses_calls_without_as_many_results(gemini):
    call = types.Part.from_function_call(name="add", args={"a": 1})
    result = types.Part.from_function_response(name="add", response={"result": "2"})
    asked, calls = types.UserContent("Add."), types.ModelContent([call, call])
    for contents, message in [
        ([asked, calls, types.UserContent(result)], "as many function response parts"),
        ([asked, types.UserContent(result)], "immediately after a function call turn"),
        ([calls, types.UserContent([result, result])], "immediately after a user turn"),
    ]:
        with pytest.raises(errors.ClientError, match=message):
            ask(gemini, contents)


@pytest.mark.parametrize(
    ("config", "called"),
    [
        (only_calls("NONE"), []),
        (only_calls("AUTO"), []),
        (only_calls("VALIDATED"), []),
        (only_calls("ANY"), ["get_weather"]),
        (only_calls("ANY", ["add"]), ["add"]),
    ],
)
def test_obeys_the_tool_config(gemini, weather, config, called):
    tools = [weather, {"function_declarations": [{"name": "add"}]}]
    answer = ask(gemini, "Tell me a story.", tools=tools, tool_config=config)
    assert [call.name for call in answer.function_calls or []] == called
