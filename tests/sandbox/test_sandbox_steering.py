"""How a person or a test steers the sandbox: scripts, headers, model names, chance; and what it remembers of calls."""

import asyncio
import http.client
import json
import threading
import time
import urllib.error
from urllib.parse import urlsplit

import openai
import pytest

from providers.sandbox.testing import Sandbox, Step, fault, rate_limited, tool_call


@pytest.fixture(scope="module")
def connected(running):
    with openai.OpenAI(api_key="sk-sandbox", base_url=running("openai").base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def client(connected, openai_sandbox):
    return connected


def statuses(client, times, *, model="sandbox-mini", **headers):
    """The statuses of that many calls."""
    found = []
    for _ in range(times):
        try:
            ask(client, model=model, extra_headers={name.replace("_", "-"): value for name, value in headers.items()})
            found.append(200)
        except openai.APIStatusError as exc:
            found.append(exc.status_code)
    return found


def ask(client, question="Hi", *, model="sandbox-mini", **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}], **more)


def test_a_script_is_followed_in_order_and_then_over(client, openai_sandbox):
    openai_sandbox.script(rate_limited(), fault("500"), "Hello")
    assert statuses(client, 4) == [429, 500, 200, 200]
    assert [call.fault for call in openai_sandbox.calls()] == ["429", "500", None, None]


def test_a_scripted_step_says_everything(client, openai_sandbox):
    usage = {"prompt": 10, "completion": 5, "cached": 4, "reasoning": 2}
    openai_sandbox.script(Step(pieces=("a", "b"), finish="length", usage=usage, reasoning="hm"))
    answer = ask(client)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("ab", "length")
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert answer.choices[0].message.reasoning_content == "hm"


def test_a_scripted_tool_call(client, openai_sandbox):
    openai_sandbox.script(tool_call("add", a=1, b=2))
    call = ask(client).choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("add", {"a": 1, "b": 2})


def test_a_header_asks_for_a_fault_every_time(client):
    assert statuses(client, 2, x_sandbox_fault="503") == [503, 503]
    assert statuses(client, 1) == [200]


def test_a_header_with_several_faults_is_followed_in_order(client):
    assert statuses(client, 4, x_sandbox_fault="500, ok, 429;retry_after=1") == [500, 200, 429, 200]


def test_a_model_name_asks_for_a_fault(client):
    assert statuses(client, 2, model="sandbox-mini!401") == [401, 401]
    assert statuses(client, 3, model="sandbox-mini!503,503") == [503, 503, 200]
    assert ask(client, model="sandbox-mini!no_usage").model == "sandbox-mini"


def test_chance_brings_faults_to_the_models_it_is_told(client, openai_sandbox):
    openai_sandbox.fault_rates(models=("sandbox-flash",), seed=1, **{"503": 0.5})
    flash = statuses(client, 20, model="sandbox-flash")
    assert 4 < flash.count(503) < 16
    assert statuses(client, 5) == [200] * 5
    openai_sandbox.fault_rates(**{"500": 1.0})
    assert statuses(client, 2) == [500, 500]


@pytest.mark.parametrize("asked", ["nonsense", "429;colour=red", "cut_mid;after=many"])
def test_an_unknown_fault_is_refused_with_a_reason(client, asked):
    with pytest.raises(openai.BadRequestError, match="no fault is called|x-sandbox-fault"):
        ask(client, extra_headers={"x-sandbox-fault": asked})


def test_an_unknown_fault_in_a_script_is_refused(openai_sandbox):
    with pytest.raises(urllib.error.HTTPError) as caught:
        openai_sandbox.script(fault("nonsense"))
    assert "no fault is called 'nonsense'; there are: 400," in caught.value.read().decode()


def test_pages_have_a_script_of_their_own(client, openai_sandbox):
    openai_sandbox.script(fault("401"), to="pages")
    assert statuses(client, 1) == [200]
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
    assert len(list(client.models.list())) == 4


def test_remembers_what_it_received(client, openai_sandbox):
    ask(client, "Remember me", extra_headers={"x-mine": "1"}, extra_query={"beta": "true"})
    client.models.list()
    chat, listing = openai_sandbox.calls(ended=True)
    assert (chat.method, chat.path, chat.query) == ("POST", "/v1/chat/completions", "beta=true")
    assert chat.headers["authorization"] == "Bearer sk-sandbox" and chat.headers["x-mine"] == "1"
    assert chat.body["messages"] == [{"role": "user", "content": "Remember me"}] == json.loads(chat.raw)["messages"]
    assert (chat.status, chat.left_early, listing.body) == (200, False, None)
    assert openai_sandbox.calls(chats=True) == [chat]


def test_reset_forgets_everything(client, openai_sandbox):
    openai_sandbox.script(fault("500"))
    openai_sandbox.fault_rates(**{"503": 1.0})
    openai_sandbox.reset()
    assert openai_sandbox.calls() == []
    assert statuses(client, 2) == [200, 200]


def test_notices_a_client_that_leaves_midway(client, openai_sandbox):
    openai_sandbox.script(Step(text="one two three four five six", fault="stall_mid", after=2))
    with ask(client, stream=True) as stream:
        said = [chunk.choices[0].delta.content for _, chunk in zip(range(3), stream, strict=False)]
    assert said == ["", "one", " two"]
    left = openai_sandbox.calls(ended=True)[-1]
    assert (left.left_early, left.chunks) == (True, 3)
    assert left.ended_at >= left.started_at


def test_shows_a_running_call(openai_sandbox):
    openai_sandbox.script(fault("hang"))
    connection = http.client.HTTPConnection(urlsplit(openai_sandbox.url).netloc)
    body = {"model": "sandbox-mini", "messages": [{"role": "user", "content": "Hi"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    while not openai_sandbox.calls():
        time.sleep(0.01)
    assert openai_sandbox.calls()[0].ended_at is None
    connection.close()
    assert openai_sandbox.calls(ended=True)[0].left_early


async def test_calls_can_be_awaited_in_an_event_loop(openai_sandbox):
    openai_sandbox.script("Hello")
    async with openai.AsyncOpenAI(api_key="k", base_url=openai_sandbox.base_url, max_retries=0) as client:
        await ask(client)
    assert [call.status for call in await openai_sandbox.ended_calls()] == [200]


async def test_answers_many_at_once(openai_sandbox):
    async with openai.AsyncOpenAI(api_key="k", base_url=openai_sandbox.base_url, max_retries=0) as client:
        answers = await asyncio.gather(*(ask(client, f"{n} plus 1?") for n in range(50)))
    assert all(f"{n} + 1 = {n + 1}." in answer.choices[0].message.content for n, answer in enumerate(answers))


def test_any_model_is_served_where_the_test_says_so():
    with Sandbox.start("openai") as sandbox, openai.OpenAI(api_key="k", base_url=sandbox.base_url) as client:
        assert "played as bench-7" in ask(client, model="bench-7").choices[0].message.content


def test_a_stopped_sandbox_refuses_connections_and_leaves_no_thread():
    before = threading.active_count()
    with Sandbox.start("openai") as sandbox:
        port = urlsplit(sandbox.url).port
        sandbox.stop()
        with pytest.raises(ConnectionRefusedError):
            http.client.HTTPConnection("127.0.0.1", port).connect()
    assert threading.active_count() == before
    with Sandbox.start("openai", port=port) as again:
        assert again.calls() == []


def test_paces_its_answers_like_the_model_it_plays():
    with Sandbox.start("openai", pace=0.2) as sandbox, openai.OpenAI(api_key="k", base_url=sandbox.base_url) as client:
        ask(client, model="sandbox-large", stream=False)
        call = sandbox.calls(ended=True)[0]
    assert call.ended_at - call.started_at >= 0.2 * 0.8 * (0.42 + 20 / 110)


BEGUN = [{"role": "user", "content": "Count"}, {"role": "assistant", "content": "one two"}]


def test_a_model_goes_on_with_the_beginning_of_its_answer(client, openai_sandbox):
    openai_sandbox.script("one two three four", "something else")
    said = [
        client.chat.completions.create(model="sandbox-mini", messages=BEGUN).choices[0].message.content
        for _ in range(2)
    ]
    assert said == [" three four", "something else"]


def test_a_model_may_refuse_to_go_on_and_answer_when_asked_anew(client, openai_sandbox):
    openai_sandbox.script(fault("no_prefill"), fault("no_prefill", text="one two three"))
    with pytest.raises(openai.BadRequestError, match="prefill"):
        client.chat.completions.create(model="sandbox-mini", messages=BEGUN)
    anew = client.chat.completions.create(model="sandbox-mini", messages=BEGUN[:1])
    assert anew.choices[0].message.content == "one two three"


@pytest.mark.parametrize("name", ["hang_first_token", "stall_mid"])
def test_a_silence_lasts_as_long_as_it_is_told_to(client, openai_sandbox, name):
    openai_sandbox.script(fault(name, text="one two three", seconds=0.05))
    began = time.monotonic()
    chunks = client.chat.completions.create(model="sandbox-mini", messages=BEGUN[:1], stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    assert time.monotonic() - began >= 0.05
