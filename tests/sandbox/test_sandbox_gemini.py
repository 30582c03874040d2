"""Google's own SDK talks to the sandbox: what it accepts is the wire format."""

import json
from collections.abc import Iterator

import jsonschema
import pytest
from google import genai
from google.genai import errors, types

from providers.sandbox.steps import ScriptedCall
from providers.sandbox.testing import Sandbox, Step, fault

PRO, FLASH = "sandbox-gemini-pro", "sandbox-gemini-flash"
QUESTION = "What is the capital of Japan?"
LONG = "All the facts that matter here. " * 400


def connect(url: str) -> genai.Client:
    return genai.Client(api_key="sandbox-key", http_options=types.HttpOptions(base_url=url))


@pytest.fixture(scope="module")
def connected(running) -> Iterator[genai.Client]:
    client = connect(running("gemini").url)
    yield client
    client.close()


@pytest.fixture
def gemini_sandbox(sandbox_of) -> Sandbox:
    return sandbox_of("gemini")


@pytest.fixture
def client(connected: genai.Client, gemini_sandbox: Sandbox) -> genai.Client:
    return connected


@pytest.fixture
def weather(weather_schema):
    declared = {"name": "get_weather", "parameters_json_schema": weather_schema}
    return types.Tool(function_declarations=[declared])


def ask(client, contents=QUESTION, *, model=FLASH, **config):
    return client.models.generate_content(model=model, contents=contents, config=config)


def stream(client, contents=QUESTION, *, model=FLASH, **config):
    return list(client.models.generate_content_stream(model=model, contents=contents, config=config))


def parts_of(chunks) -> list[types.Part]:
    return [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]


def only_calls(mode="ANY", names=None) -> types.ToolConfig:
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    return types.ToolConfig(function_calling_config=calling)


def test_answers_as_a_candidate(client):
    answer = ask(client)
    candidate = answer.candidates[0]
    assert answer.text.startswith(f"Sandbox text, played as {FLASH}: The capital of Japan is Tokyo.")
    assert (candidate.finish_reason, candidate.content.role, candidate.index) == ("STOP", "model", 0)
    assert answer.model_version == FLASH and answer.response_id
    counts = answer.usage_metadata
    assert counts.total_token_count == counts.prompt_token_count + counts.candidates_token_count > 10


def test_streams_the_same_text_with_counts_that_grow(client):
    whole, chunks = ask(client), stream(client)
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert [chunk.candidates[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["STOP"]
    totals = [chunk.usage_metadata.total_token_count for chunk in chunks]
    assert totals == sorted(totals) and totals[0] < totals[-1]
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert len({chunk.response_id for chunk in chunks}) == 1


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_answers_the_async_client(gemini_sandbox, client):
    other = connect(gemini_sandbox.url)
    async with other.aio as asynchronous:
        whole = await asynchronous.models.generate_content(model=FLASH, contents=QUESTION)
        chunks = await asynchronous.models.generate_content_stream(model=FLASH, contents=QUESTION)
        said = "".join([chunk.text or "" async for chunk in chunks])
    other.close()
    assert whole.text == said == ask(client).text


def test_sends_the_key_in_a_header_only(client, gemini_sandbox):
    ask(client)
    (call,) = gemini_sandbox.calls(ended=True)
    assert (call.path, call.query) == (f"/v1/models/{FLASH}:generateContent", "")
    assert call.headers["x-goog-api-key"] == "sandbox-key"


def test_obeys_the_system_instruction(client):
    plain = ask(client).usage_metadata.prompt_token_count
    assert ask(client, system_instruction="Be brief.").usage_metadata.prompt_token_count > plain


def test_ends_at_the_limit_of_tokens(client):
    answer = ask(client, max_output_tokens=5)
    assert (answer.candidates[0].finish_reason, answer.usage_metadata.candidates_token_count) == ("MAX_TOKENS", 5)


def test_ends_before_a_stop_sequence(client):
    answer = ask(client, stop_sequences=["Tokyo"])
    assert answer.candidates[0].finish_reason == "STOP" and answer.text.endswith("Japan is ")


def test_answers_several_candidates(client):
    answer = ask(client, "Tell me a story.", candidate_count=3)
    assert [candidate.index for candidate in answer.candidates] == [0, 1, 2]


def test_remembers_the_conversation(client):
    chat = client.chats.create(model=FLASH)
    chat.send_message("My name is Ada.")
    assert "Ada" in chat.send_message("What is my name?").text


def test_calls_tools_in_parallel_with_ids_and_one_signature(client, weather):
    answer = ask(client, "Weather in Paris and Tokyo in parallel, celsius", model=PRO, tools=[weather])
    assert [call.args["city"] for call in answer.function_calls] == ["Paris", "Tokyo"]
    assert len({call.id for call in answer.function_calls}) == 2 and all(call.id for call in answer.function_calls)
    signed = [part.thought_signature is not None for part in answer.candidates[0].content.parts]
    assert (answer.candidates[0].finish_reason, signed) == ("STOP", [True, False])


def test_streams_each_call_whole_and_an_older_model_gives_no_ids(client, weather):
    *calls, last = parts_of(stream(client, "Weather in Paris and Tokyo at once", tools=[weather]))
    assert [part.function_call.args["city"] for part in calls] == ["Paris", "Tokyo"]
    assert [part.function_call.id for part in calls] == [None, None] and last.text == ""


@pytest.mark.parametrize("model", [PRO, FLASH])
@pytest.mark.parametrize("streamed", [False, True])
def test_chats_with_automatic_function_calling(client, model, streamed):
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        asked.append(city)
        return f"7 degrees in {city}"

    chat = client.chats.create(model=model, config={"tools": [get_weather]})
    question = "What is the weather in Oslo and in Rome?"
    if streamed:
        said = "".join(chunk.text or "" for chunk in chat.send_message_stream(question))
    else:
        said = chat.send_message(question).text
    assert asked == ["Oslo", "Rome"]
    assert "get_weather says: 7 degrees in Oslo." in said and "get_weather says: 7 degrees in Rome." in said


def called(client, weather, **config) -> types.Content:
    return ask(client, "Weather in Oslo?", model=PRO, tools=[weather], **config).candidates[0].content


def replied(client, content: types.Content, *, id=None, name="get_weather", response=None, model=PRO):
    result = types.FunctionResponse(name=name, id=id, response=response or {"result": "7 degrees"})
    asked = types.UserContent("Weather in Oslo?")
    return ask(client, [asked, content, types.UserContent(types.Part(function_response=result))], model=model)


def test_wants_the_signature_of_a_call_back(client, weather):
    content = called(client, weather)
    assert "get_weather says: 7 degrees." in replied(client, content).text
    content.parts[0].thought_signature = None
    with pytest.raises(errors.ClientError, match="missing a thought_signature") as caught:
        replied(client, content)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_takes_googles_stand_in_for_calls_of_others(client, weather):
    content = called(client, weather)
    content.parts[0].thought_signature = b"skip_thought_signature_validator"
    assert "7 degrees" in replied(client, content).text


def test_refuses_the_signature_of_another_call_or_model(client, weather):
    content = called(client, weather)
    with pytest.raises(errors.ClientError, match="Corrupted thought signature"):
        replied(client, content, model=FLASH)
    content.parts[0].function_call.args["city"] = "Rome"
    with pytest.raises(errors.ClientError, match="Corrupted thought signature"):
        replied(client, content)


def test_wants_no_signature_of_turns_before_the_current_one(client, weather):
    content = called(client, weather)
    content.parts[0].thought_signature = None
    result = types.Part.from_function_response(name="get_weather", response={"result": "7"})
    past = [types.UserContent("Weather in Oslo?"), content, types.UserContent(result)]
    assert ask(client, [*past, types.ModelContent("7 degrees."), types.UserContent(QUESTION)], model=PRO).text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "add"}, "answers no function call"),
        ({"id": "nobody"}, "answers no function call"),
    ],
)
def test_refuses_results_that_answer_nothing(client, weather, change, message):
    with pytest.raises(errors.ClientError, match=message):
        replied(client, called(client, weather), **change)


def test_refuses_calls_without_as_many_results(client):
    call = types.Part.from_function_call(name="add", args={"a": 1})
    result = types.Part.from_function_response(name="add", response={"result": "2"})
    asked, calls = types.UserContent("Add."), types.ModelContent([call, call])
    for contents, message in [
        ([asked, calls, types.UserContent(result)], "as many function response parts"),
        ([asked, types.UserContent(result)], "immediately after a function call turn"),
        ([calls, types.UserContent([result, result])], "immediately after a user turn"),
    ]:
        with pytest.raises(errors.ClientError, match=message):
            ask(client, contents)


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
def test_obeys_the_tool_config(client, weather, config, called):
    tools = [weather, {"function_declarations": [{"name": "add"}]}]
    answer = ask(client, "Tell me a story.", tools=tools, tool_config=config)
    assert [call.name for call in answer.function_calls or []] == called


def test_thinks_where_it_is_asked_to_and_shows_it_where_it_is_wanted(client):
    answer = ask(client, thinking_config={"thinking_budget": 100, "include_thoughts": True})
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and "words" in thought.text and not text.thought
    assert answer.usage_metadata.thoughts_token_count > 5
    counts = answer.usage_metadata
    parts = (counts.prompt_token_count, counts.candidates_token_count, counts.thoughts_token_count)
    assert counts.total_token_count == sum(parts)
    hidden = ask(client, thinking_config={"thinking_budget": 100})
    assert len(hidden.candidates[0].content.parts) == 1 and hidden.usage_metadata == answer.usage_metadata
    assert ask(client).usage_metadata.thoughts_token_count is None


def test_signs_a_streamed_text_in_an_empty_last_part(client):
    parts = parts_of(stream(client, model=PRO, thinking_config={"include_thoughts": True}))
    assert [part.thought for part in parts[:3]] == [True] * 3
    assert parts[-1].text == "" and parts[-1].thought_signature
    assert all(part.thought_signature is None for part in parts[:-1])
    said = types.ModelContent([types.Part(text="Tokyo."), parts[-1]])
    assert ask(client, [types.UserContent(QUESTION), said, types.UserContent("And of Italy?")], model=PRO).text


def test_answers_an_instance_of_the_schema(client, weather_schema):
    config = {"response_mime_type": "application/json", "response_json_schema": weather_schema}
    answer = ask(client, "Weather in Rome for 3 days?", **config)
    jsonschema.validate(json.loads(answer.text), weather_schema)
    own = types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"])
    parsed = ask(client, "Weather in Rome?", response_mime_type="application/json", response_schema=own).parsed
    assert parsed == {"city": "Rome"}


def test_sees_an_image(client, png):
    image = types.Part.from_bytes(data=png, mime_type="image/png")
    assert f"an image (image/png, {len(png)} bytes)" in ask(client, [image, "What is this?"]).text


def test_counts_cached_tokens_within_the_prompt(client):
    first, second = (ask(client, LONG).usage_metadata for _ in range(2))
    assert first.cached_content_token_count is None
    assert 1024 < second.cached_content_token_count <= second.prompt_token_count == first.prompt_token_count


def test_counts_tokens_as_it_bills_them(client):
    counted = client.models.count_tokens(model=FLASH, contents=QUESTION)
    assert counted.total_tokens == ask(client).usage_metadata.prompt_token_count


def test_lists_its_models_with_limits_and_methods(client):
    models = {model.name: model for model in client.models.list()}
    assert list(models) == [f"models/{name}" for name in (PRO, FLASH, "sandbox-google-embed")]
    assert models[f"models/{PRO}"].input_token_limit == 1_048_576 and models[f"models/{PRO}"].output_token_limit
    assert "generateContent" in models[f"models/{PRO}"].supported_actions
    assert "embedContent" in models["models/sandbox-google-embed"].supported_actions
    assert client.models.get(model=FLASH).display_name == "Sandbox Gemini Flash"


def test_lists_its_models_in_pages(client):
    pages = client.models.list(config={"page_size": 2})
    assert (len(pages.page), len(list(pages))) == (2, 3)


def test_embeds_one_text_and_many(client):
    def embed(contents, **config):
        return client.models.embed_content(model="sandbox-google-embed", contents=contents, config=config)

    one, many = embed("The cat sleeps."), embed(["The cat sleeps.", "Rain falls."])
    assert one.embeddings[0].values == many.embeddings[0].values
    assert [len(row.values) for row in many.embeddings] == [512, 512]
    assert len(embed("Hi", output_dimensionality=64).embeddings[0].values) == 64
    with pytest.raises(errors.ClientError, match="embeddings is not enabled"):
        client.models.embed_content(model=FLASH, contents="Hi")
    with pytest.raises(errors.ClientError, match="chat is not enabled"):
        ask(client, model="sandbox-google-embed")


@pytest.mark.filterwarnings("ignore:A_NEW_ONE is not a valid FinishReason")
@pytest.mark.parametrize("reason", [*types.FinishReason, "A_NEW_ONE"])
def test_ends_for_every_reason_on_demand(client, gemini_sandbox, reason):
    gemini_sandbox.script(*[Step(text="So far", finish_as=str(getattr(reason, "value", reason)))] * 2)
    assert ask(client).candidates[0].finish_reason == reason
    assert stream(client)[-1].candidates[0].finish_reason == reason


@pytest.mark.parametrize("reason", ["PROHIBITED_CONTENT", "JAILBREAK"])
def test_blocks_a_prompt_without_a_candidate(client, gemini_sandbox, reason):
    step = fault("content_filter", finish_as=reason)
    gemini_sandbox.script(step, step)
    for answer in (ask(client), *stream(client)):
        assert (answer.candidates, answer.prompt_feedback.block_reason) == (None, reason)
        assert answer.usage_metadata.prompt_token_count > 0


def test_tells_of_a_malformed_call_instead_of_making_it(client, gemini_sandbox):
    gemini_sandbox.script(Step(tool_calls=(ScriptedCall("add", '{"a": 1'),)))
    candidate = ask(client).candidates[0]
    assert (candidate.finish_reason, candidate.content.parts) == ("MALFORMED_FUNCTION_CALL", None)


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("429-quota", 429, "RESOURCE_EXHAUSTED"),
        ("400", 400, "INVALID_ARGUMENT"),
        ("401", 400, "INVALID_ARGUMENT"),
        ("403", 403, "PERMISSION_DENIED"),
        ("404", 404, "NOT_FOUND"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
        ("529", 503, "UNAVAILABLE"),
        ("context_length", 400, "INVALID_ARGUMENT"),
    ],
)
def test_refuses_as_the_sdk_expects(client, gemini_sandbox, name, code, status):
    gemini_sandbox.script(fault(name), fault(name))
    for refused in (ask, stream):
        with pytest.raises(errors.APIError) as caught:
            refused(client)
        assert (caught.value.code, caught.value.status) == (code, status)
        assert caught.value.details["error"]["code"] == code


def test_says_in_the_body_when_to_come_back(client, gemini_sandbox):
    gemini_sandbox.script(fault("429", retry_after=7))
    with pytest.raises(errors.ClientError) as caught:
        ask(client)
    quota, retry = caught.value.details["error"]["details"]
    assert quota["violations"][0]["quotaId"].startswith("GenerateRequestsPerMinute")
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    assert "retry-after" not in caught.value.response.headers


def test_refuses_a_wrong_key_as_an_argument(gemini_sandbox):
    other = genai.Client(api_key="invalid-key", http_options=types.HttpOptions(base_url=gemini_sandbox.url))
    with pytest.raises(errors.ClientError, match="API key not valid") as caught:
        ask(other)
    other.close()
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_sends_an_error_inside_the_stream(client, gemini_sandbox):
    gemini_sandbox.script(fault("error_in_stream_after", after=2))
    said = ""
    with pytest.raises(errors.ServerError, match="overloaded"):
        for chunk in client.models.generate_content_stream(model=FLASH, contents=QUESTION):
            said += chunk.text or ""
    assert said == "Sandbox text"
