"""What clients of Anthropic's Messages see when something fails, and who goes on with a conversation."""

import json

import anthropic
import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import fault
from tests.gateway.messages.asking import ASK, THINKING, asked, behind, post

ERRORS = [
    ("401", anthropic.AuthenticationError, "authentication_error"),
    ("404", anthropic.NotFoundError, "not_found_error"),
    ("400", anthropic.BadRequestError, "invalid_request_error"),
]


@pytest.mark.parametrize(("status", "kind", "word"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_their_classes(up, client, status, kind, word, stream):
    wrong = {"401": {"model": "gpt"}, "404": {"model": "gbt"}, "400": {"model": "gpt", "messages": [{"role": 1}]}}
    if status == "401":
        client = client.with_options(api_key="nr-wrong")
    with pytest.raises(kind) as caught:
        asked(client, stream, **wrong[status])
    body = caught.value.body
    assert set(body) == {"type", "error", "request_id"} and set(body["error"]) == {"type", "message"}
    assert body["type"] == "error" and body["error"]["type"] == word
    assert caught.value.request_id == body["request_id"] and body["request_id"].startswith("req_")


def test_a_limit_is_refused_by_the_name_that_it_came_under(up, client):
    with pytest.raises(anthropic.BadRequestError, match="max_tokens: 0 is below the smallest value, 1"):
        asked(client, False, model="gpt", max_tokens=0)


def test_errors_outside_the_view_have_anthropics_shape(up):
    url, headers = f"{up.gateway.url}/v1/messages", {"x-api-key": up.gateway.key}
    answers = {
        405: httpx.get(url, headers=headers),
        404: httpx.post(f"{url}/batches", headers=headers),
        413: httpx.post(url, headers=headers, content=b" " * 33 * 1024 * 1024, timeout=20),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["type"] == "error" and set(body["error"]) == {"type", "message"}, answer.text
        assert body["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert answers[413].json()["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("name", ["cut_mid", "eof_no_finish", "error_in_stream_after"])
def test_a_cut_is_never_success(client, up, model, name):
    behind(up, model).script(fault(name, text="one two three four five"))
    with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(model=model, **ASK) as events:
        events.until_done()
    assert caught.value.body["error"]["type"] == "api_error"
    behind(up, model).script(fault(name, text="one two three four five"))
    answer = post(up, model=model, stream=True)
    assert "message_stop" not in answer.text and "event: error\n" in answer.text


@pytest.mark.parametrize("name", ["529", "html", "missing_choices", "error_in_stream_before", "cut_before"])
@pytest.mark.parametrize("stream", [False, True])
def test_fails_over_from_one_form_to_another(client, up, pair, name, stream):
    if name == "error_in_stream_before" and not stream:
        name = "500"
    up.claude.script(fault(name))
    up.gpt.script("From the other")
    message = asked(client, stream, model=pair)
    assert message.content[0].text == "From the other" and message.model == pair


def test_an_upstream_that_ignores_stream_is_made_to_stream(client, up, model):
    if model == "llama":
        pytest.skip("Ollama streams by default: its sandbox has no such fault")
    behind(up, model).script(fault("json_for_stream", text="All at once"))
    assert asked(client, True, model=model).content[0].text == "All at once"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_binds_a_conversation_to_who_signed_it(client, up, pair, stream):
    up.claude.script(Step(text="Deep", reasoning="Hm"))
    fields = {"model": pair, "max_tokens": 4000, "thinking": THINKING}
    first = asked(client, stream, **fields)
    said = {"role": "assistant", "content": first.to_dict()["content"]}
    turns = [*ASK["messages"], said, {"role": "user", "content": "Go on"}]
    up.claude.script(*[fault("529")] * 2)
    with pytest.raises(anthropic.ServiceUnavailableError, match="overloaded_error"):
        asked(client, stream, **fields, messages=turns)
    assert not up.gpt.calls(chats=True)


def test_thinking_of_another_model_is_left_out(client, up):
    up.gpt.script(Step(text="Deep", reasoning="Hm"))
    fields = {"max_tokens": 4000, "thinking": THINKING}
    said = asked(client, False, model="gpt", **fields).to_dict()["content"]
    assert said[0]["type"] == "thinking"
    turns = [*ASK["messages"], {"role": "assistant", "content": said}, {"role": "user", "content": "Go on"}]
    answer = post(up, model="claude", **fields | {"messages": turns})
    assert answer.status_code == 200, answer.text
    assert up.claude.calls(chats=True)[-1].body["messages"][1]["content"] == said[1:]
    assert answer.headers["x-neuroroute-warnings"] == "thinking of another model dropped"


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_the_decision_is_explained_to_those_who_ask(up, model):
    explain = {"model": model, "neuroroute": {"explain": True}}
    assert post(up, **explain).json()["routing_metadata"]["attempts"][0]["model"] == model
    stream = post(up, **explain, stream=True).text
    last = stream.split("\n\n")[-2]
    assert last.startswith("event: message_stop\n") and stream.count("message_stop") == 2
    assert json.loads(last.partition("data: ")[2])["routing_metadata"]["attempts"][0]["model"] == model


def test_tokens_are_counted_by_who_can_else_estimated(client, up):
    assert client.messages.count_tokens(model="claude", messages=ASK["messages"]).input_tokens > 0
    assert up.claude.calls()[-1].path.endswith("/messages/count_tokens")
    assert up.claude.calls()[-1].body["model"] == "claude"
    counted = post(up, "/v1/messages/count_tokens", model="both")
    story = up.gateway.story(counted.headers["x-request-id"])
    assert story["status"] == "answered" and float(story["cost"]["usd"]) == 0
    estimated = post(up, "/v1/messages/count_tokens", model="gpt")
    assert estimated.json()["input_tokens"] > 0 and not up.gpt.calls(chats=True)
    assert "estimated" in estimated.headers["x-neuroroute-warnings"]
    assert post(up, "/v1/messages/count_tokens", model="gbt").status_code == 404
    assert post(up, "/v1/messages/count_tokens", headers={}, model="gpt").status_code == 401
