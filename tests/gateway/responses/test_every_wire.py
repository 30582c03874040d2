"""OpenAI's Responses over every wire: its own SDK, a gateway, sandboxes behind it. What is answered is held against
OpenAI's schema by the gateway under test itself (`tests/gateway/watched.py`)."""

import base64
import json

import httpx
import openai
import pydantic
import pytest

from providers.sandbox.steps import ScriptedCall, Step
from providers.sandbox.testing import fault, rate_limited

from ..gateway import manage
from .asking import events_of, post

MODELS = ["demo", "claude", "local", "native"]
PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CALLS = Step(tool_calls=(ScriptedCall("get_weather", {"city": "Köln"}), ScriptedCall("get_weather", {"city": "東京"})))


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_answer(client, sandboxes, model):
    sandboxes[model].script("Grüße 👩‍💻")
    response = client.responses.create(model=model, input="Hello", instructions="Be brief.", metadata={"a": "b"})
    assert response.output_text == "Grüße 👩‍💻" and response.status == "completed"
    assert response.model == model and response.metadata == {"a": "b"} and response.instructions == "Be brief."
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_stream(client, sandboxes, model):
    sandboxes[model].script("Grüße 👩‍💻, and once more")
    with client.responses.stream(model=model, input="Hello") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == "Grüße 👩‍💻, and once more" and final.model == model
    assert final.usage.output_tokens > 0
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.done") == kinds.count("response.output_item.done") == 1


async def test_the_asynchronous_client(gateway, sandboxes):
    sandboxes["demo"].script("One", "Two")
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        answer = await client.responses.create(model="demo", input="Hello")
        stream = await client.responses.create(model="demo", input="Hello", stream=True)
        text = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])
    assert (answer.output_text, text) == ("One", "Two")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_and_their_results(client, sandboxes, model, streamed):
    sandboxes[model].script(CALLS, "Rain in both.")
    asked = [{"role": "user", "content": "Weather in Köln and 東京?"}]
    if streamed:
        with client.responses.stream(model=model, input=asked, tools=[WEATHER]) as stream:
            first = stream.get_final_response()
    else:
        first = client.responses.create(model=model, input=asked, tools=[WEATHER])
    calls = [item for item in first.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather"] * 2
    assert [json.loads(call.arguments)["city"] for call in calls] == ["Köln", "東京"]
    assert len({call.call_id for call in calls}) == 2
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls]
    history = [*asked, *(item.to_dict() for item in first.output), *results]
    second = client.responses.create(model=model, input=history, tools=[WEATHER])
    assert second.output_text == "Rain in both."


@pytest.mark.parametrize("model", MODELS)
def test_reasoning_comes_as_an_item_of_its_own(client, sandboxes, model):
    sandboxes[model].script(Step(text="Four.", reasoning="Two and two."))
    with client.responses.stream(
        model=model, input="2 + 2?", reasoning={"effort": "low", "summary": "auto"}, max_output_tokens=4000
    ) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.reasoning_summary_text.delta")
        final = stream.get_final_response()
    thought = next(item for item in final.output if item.type == "reasoning")
    assert said == "Two and two." == thought.summary[0].text and final.output_text == "Four."


def test_reasoning_is_its_own_text_where_no_summary_was_asked_for(client, sandboxes):
    sandboxes["demo"].script(Step(text="Four.", reasoning="Two and two."))
    final = client.responses.create(model="demo", input="2 + 2?")
    assert final.output[0].content[0].text == "Two and two." and final.output[0].summary == []


@pytest.mark.parametrize("model", MODELS)
def test_pictures(client, model):
    parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PICTURE}]
    answer = client.responses.create(model=model, input=[{"role": "user", "content": parts}])
    assert "image/png" in answer.output_text


@pytest.mark.parametrize("model", MODELS)
def test_pictures_in_the_result_of_a_tool(client, sandboxes, model):
    call = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Pune"}'}
    result = {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [{"type": "input_text", "text": "Seen:"}, {"type": "input_image", "image_url": PICTURE}],
    }
    asked = {"role": "user", "content": "Look outside."}
    client.responses.create(model=model, input=[asked, call, result], tools=[WEATHER])
    sent = sandboxes[model].calls(chats=True)[-1].raw
    assert "Seen:" in sent and PICTURE.partition(",")[2] in sent


class City(pydantic.BaseModel):
    name: str
    people: int


@pytest.mark.parametrize("model", MODELS)
def test_answers_that_follow_a_schema(client, model):
    answer = client.responses.parse(model=model, input="Which city?", text_format=City)
    assert isinstance(answer.output_parsed, City)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_a_limit_cut_is_incomplete(gateway, sandboxes, model, streamed):
    sandboxes[model].script(Step(text="One two three", finish="length"))
    answer = post(gateway, model=model, input="Count", max_output_tokens=16, stream=streamed)
    response = events_of(answer)[-1]["response"] if streamed else answer.json()
    assert response["status"] == "incomplete" and response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", ["cut_mid", "eof_no_finish", "error_in_stream_after", "malformed"])
def test_a_cut_is_never_success(gateway, client, sandboxes, model, how):
    sandboxes[model].script(fault(how, text="One two three four five", after=2))
    seen = []
    with (
        pytest.raises(openai.APIError) as failure,
        client.responses.create(model=model, input="Count", stream=True) as stream,
    ):
        seen += stream
    kinds = [event.type for event in seen]
    assert "response.completed" not in kinds and "response.output_text.delta" in kinds, failure.value
    assert kinds[-1] == "response.failed" or model == "native"


@pytest.mark.parametrize("streamed", [False, True])
def test_failing_over_from_an_upstream_of_responses_to_one_of_chats(gateway, sandboxes, streamed):
    manage(gateway.var, "reset_health")  # those who failed in another test would be asked last
    sandboxes["native"].script(fault("503"))
    sandboxes["demo"].script("From the second")
    answer = post(gateway, model="both", input="Hello", stream=streamed)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-neuroroute-provider"] == "demo" and answer.headers["x-neuroroute-attempts"] == "2"
    response = events_of(answer)[-1]["response"] if streamed else answer.json()
    assert response["output"][-1]["content"][0]["text"] == "From the second" and response["model"] == "both"


@pytest.mark.parametrize("model", ["demo", "native"])
def test_errors_before_the_answer_have_their_classes(client, sandboxes, model):
    sandboxes[model].script(rate_limited(0))
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model=model, input="Hello", stream=True)
    with pytest.raises(openai.NotFoundError, match="nearest"):
        client.responses.create(model="demoo", input="Hello")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": []}, "input"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "previous_response_id": "resp_unknown"}, "previous_response_id"),
        ({"input": "x", "conversation": {"id": "conv_unknown"}}, "conversation"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].id"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"input": "x", "temperature": "hot"}, "temperature"),
    ],
)
def test_a_wrong_field_is_named(gateway, body, param):
    answer = post(gateway, model="demo", **body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


def test_what_nobody_knows_is_dropped_with_a_note_or_passed_on(gateway, sandboxes):
    more = {
        "tools": [WEATHER, {"type": "web_search"}, {"type": "local_shell"}],
        "client_metadata": {"a": "b"},
        "prompt_cache_key": "k",
    }
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    answer = post(gateway, model="demo", input=[item, {"role": "user", "content": "Hello"}], **more)
    assert answer.status_code == 200, answer.text
    told = answer.headers["x-neuroroute-warnings"]
    for lost in ("client_metadata", "prompt_cache_key", "type web_search ", "type local_shell", "type web_search_call"):
        assert lost in told
    sent = sandboxes["demo"].calls(chats=True)[-1].body
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["get_weather"]


def test_tools_of_a_namespace_and_with_free_text_come_back_under_their_own_names(gateway, sandboxes):
    inner = {"type": "function", "name": "close", "parameters": {"type": "object", "properties": {}}}
    tools = [
        {"type": "namespace", "name": "agents", "description": "Agents", "tools": [inner]},
        {"type": "custom", "name": "apply_patch", "description": "Edits files"},
    ]
    patch = '*** Begin "Patch"\n+ü'
    scripted = (ScriptedCall("agents__close", {}), ScriptedCall("apply_patch", {"input": patch}))
    for streamed in (False, True):
        sandboxes["demo"].script(Step(tool_calls=scripted))
        answer = post(gateway, model="demo", input="Go", tools=tools, stream=streamed)
        assert answer.status_code == 200, answer.text
        output = (events_of(answer)[-1]["response"] if streamed else answer.json())["output"]
        assert (output[0]["namespace"], output[0]["name"]) == ("agents", "close")
        assert (output[1]["type"], output[1]["name"], output[1]["input"]) == ("custom_tool_call", "apply_patch", patch)
    results = [{"type": "function_call_output", "call_id": output[0]["call_id"], "output": "done"},
               {"type": "custom_tool_call_output", "call_id": output[1]["call_id"], "output": "done"}]  # fmt: skip
    again = post(gateway, model="demo", input=[{"role": "user", "content": "Go"}, *output, *results], tools=tools)
    assert again.status_code == 200, again.text
    turn = sandboxes["demo"].calls(chats=True)[-1].body["messages"][1]
    assert [call["function"]["name"] for call in turn["tool_calls"]] == ["agents__close", "apply_patch"]
    assert json.loads(turn["tool_calls"][1]["function"]["arguments"]) == {"input": patch}


@pytest.mark.parametrize("model", ["demo", "native"])
@pytest.mark.parametrize("streamed", [False, True])
def test_the_decision_is_told_on_request(gateway, sandboxes, model, streamed):
    sandboxes[model].script('He said "data: x"')
    answer = post(gateway, model=model, input="Hello", stream=streamed, neuroroute={"explain": True})
    told = events_of(answer)[-1] if streamed else answer.json()
    assert told["routing_metadata"]["attempts"] == [{"provider": model, "model": model, "status": "answered"}]


def test_answers_are_not_kept(client, gateway):
    with pytest.raises(openai.NotFoundError, match="not kept"):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError, match="not kept"):
        client.responses.delete("resp_1")
    assert httpx.get(f"{gateway.url}/v1/responses/resp_1").status_code == 401
    assert httpx.get(f"{gateway.url}/v1/responses", headers=gateway.headers).status_code == 405
