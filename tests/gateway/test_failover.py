"""Before the first content byte a failure is invisible; after it, it is never presented as success."""

import time
from decimal import Decimal

import openai
import pytest

from providers.sandbox.testing import Sandbox, Step, fault, rate_limited
from routing.resilience.breaker import FIRST_COOLDOWN_S, JITTER

from .conftest import two_providers
from .gateway import text_of

BEFORE = ["500", "503", "529", "401", "429-quota", "html", "empty", "malformed", "missing_choices", "hang",
          "cut_before", "redirect"]  # fmt: skip
STREAM_BEFORE = [*BEFORE, "hang_first_token", "error_in_stream_before"]
AFTER = ["cut_mid", "eof_no_finish", "error_in_stream_after", "stall_mid"]


@pytest.mark.parametrize("name", BEFORE)
def test_a_fault_of_the_primary_is_answered_by_the_fallback(gateway, primary, fallback, name):
    primary.script(fault(name))
    fallback.script("From the fallback")
    answer = gateway.chat("Hello")
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "From the fallback"
    assert answer.headers["x-neuroroute-provider"] == "fallback"
    assert answer.headers["x-neuroroute-attempts"] == "2"
    first, second = gateway.story(answer.headers["x-request-id"])["attempts"]
    assert (first["status"], second["status"]) == ("failed", "answered")
    assert first["error"] and second["kind"] == "failover"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, '{"message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs …"}]}}'),
        (400, '{"error":"Invalid tool_choice type: \'object\'. Supported string values: none, auto, required"}'),
        (400, '{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}'),
        (404, '{"error":{"message":"No endpoints found that support tool use.","code":404}}'),
        (500, '{"error":{"message":"image input is not supported","type":"server_error","code":500}}'),
    ],
)  # fmt: skip
def test_what_the_primary_alone_refuses_is_answered_by_the_fallback(gateway, primary, fallback, status, body):
    primary.script(Step(body=body, status=status))
    fallback.script("From the fallback")
    answer = gateway.chat("Hello")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-neuroroute-provider"] == "fallback"
    assert len(primary.calls(chats=True)) == 1
    gateway.rest()


def test_what_everybody_refuses_keeps_its_reason(gateway, primary, fallback):
    for sandbox in (primary, fallback):
        sandbox.script(Step(body='{"error":{"message":"property \'seed\' is unsupported"}}', status=400))
    answer = gateway.chat("Hello")
    assert answer.status_code == 400 and "property 'seed' is unsupported" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", STREAM_BEFORE)
def test_a_stream_that_fails_before_its_first_token_fails_over(gateway, primary, fallback, name):
    primary.script(fault(name))
    fallback.script("From the fallback")
    answer, events = gateway.events("Hello")
    assert answer.status_code == 200, answer.text
    assert text_of(events) == "From the fallback" and events[-1] == "[DONE]"
    assert answer.headers["x-neuroroute-provider"] == "fallback"


@pytest.mark.parametrize("name", AFTER)
def test_a_stream_cut_after_its_first_token_ends_in_an_error_and_without_done(gateway, primary, fallback, name):
    primary.script(fault(name))
    answer, events = gateway.events("Tell me something long please")
    assert answer.status_code == 200
    assert "[DONE]" not in events, answer.text
    assert events[-1]["error"]["code"] == "upstream_interrupted"
    assert set(events[-1]["error"]) == {"message", "type", "param", "code"}
    story = gateway.story(answer.headers["x-request-id"])
    assert story["status"] == "interrupted" and story["attempts"][0]["committed"]
    assert story["usage"]["estimated"] and story["cost"]["usd"] is not None
    assert not fallback.calls(chats=True)


def test_the_openai_sdk_raises_on_a_cut_stream(gateway, primary):
    primary.script(fault("cut_mid"))
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)
    with pytest.raises(openai.APIError), client:
        messages = [{"role": "user", "content": "Tell me something long please"}]
        for _ in client.chat.completions.create(model="demo", stream=True, messages=messages):
            pass


def test_retry_after_is_honoured_and_the_other_answers_meanwhile(gateway, primary, fallback):
    primary.script(rate_limited(retry_after=30))
    for _ in range(5):
        assert gateway.chat("Hello").headers["x-neuroroute-provider"] == "fallback"
    assert len(primary.calls(chats=True)) == 1


def test_when_all_are_rate_limited_the_caller_learns_when_to_come_back(gateway, primary, fallback):
    primary.script(rate_limited(retry_after=20))
    fallback.script(rate_limited(retry_after=7))
    answer = gateway.chat("Hello")
    assert answer.status_code == 429 and answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["code"] == "upstream_rate_limited"


def test_a_wrong_request_is_not_failed_over_and_keeps_the_upstreams_words(gateway, primary, fallback):
    primary.script(fault("400"))
    answer = gateway.chat("Hello")
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"
    assert not fallback.calls(chats=True)


def test_when_everyone_fails_there_is_one_clear_answer_that_asks_for_no_retry(gateway, primary, fallback):
    for sandbox in (primary, fallback):
        sandbox.script(*[fault("503")] * 6)
    answer = gateway.chat("Hello")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "all_attempts_failed"
    assert answer.headers["x-should-retry"] == "false"
    calls = len(primary.calls(chats=True)) + len(fallback.calls(chats=True))
    assert calls == 4, gateway.story(answer.headers["x-request-id"])["attempts"]  # each candidate and one retry each


def test_a_passing_failure_of_the_only_deployment_is_retried(gateway, primary):
    primary.script(fault("503"), "Second time lucky")
    answer = gateway.chat("Hello", "primary/demo")
    assert answer.json()["choices"][0]["message"]["content"] == "Second time lucky"
    kinds = [a["kind"] for a in gateway.story(answer.headers["x-request-id"])["attempts"]]
    assert kinds == ["first", "retry"]


def test_a_stopped_provider_is_passed_over_from_its_second_refusal_on(make_gateway, primary, fallback):
    with Sandbox.start("openai", process=True) as mortal:
        gateway = make_gateway(two_providers(mortal, fallback))
        assert gateway.chat("Hello").headers["x-neuroroute-provider"] == "primary"
        mortal.stop()
        answers, instants = [], [time.monotonic()]
        for _ in range(4):
            answers.append(gateway.chat("Hello"))
            instants.append(time.monotonic())
    assert [a.headers["x-neuroroute-provider"] for a in answers] == ["fallback"] * 4
    attempts = [a.headers["x-neuroroute-attempts"] for a in answers]
    assert attempts[:2] == ["2", "2"]
    for n in (2, 3):  # on a machine that is slow enough, the cooldown is over by the next request, which is the probe
        assert attempts[n] == "1" or instants[n + 1] - instants[n - 1] > FIRST_COOLDOWN_S * (1 - JITTER)
    gateway.ship()
    first = gateway.story(answers[0].headers["x-request-id"])
    assert first["attempts"][0]["error"] == "Unreachable"


def test_a_cut_stream_that_explains_loses_no_text(gateway, primary):
    primary.script(fault("eof_no_finish", text="one two three four"))
    _, plain = gateway.events("Hello")
    primary.script(fault("eof_no_finish", text="one two three four"))
    _, explained = gateway.events("Hello", neuroroute={"explain": True})
    assert text_of(plain) == text_of(explained) != ""
    assert "error" in explained[-1]


def test_an_unknown_model_is_recorded_as_rejected(gateway):
    answer = gateway.chat("Hello", "no-such-model")
    assert gateway.story(answer.headers["x-request-id"])["status"] == "rejected"


WRITTEN = "It is written and therefore paid for. " * 20


@pytest.mark.parametrize("name", ["cut_mid", "length_long", "malformed"])
def test_a_whole_answer_that_is_lost_on_its_way_is_paid_for(gateway, primary, fallback, name):
    """By an estimate of what arrived of it: the provider bills an answer that it wrote, whoever received it."""
    tokens = []
    for limit in (None, 50):
        primary.script(fault(name, text=WRITTEN))
        fallback.script("From the fallback")
        answer = gateway.chat("Hello", **({"max_tokens": limit} if limit else {}))
        story = gateway.story(answer.headers["x-request-id"])
        lost, whole = story["attempts"]
        assert (lost["status"], whole["status"], lost["estimated"]) == ("failed", "answered", True)
        paid = [Decimal(one["cost_usd"]) for one in (lost, whole)]
        assert min(paid) > 0 and Decimal(str(story["cost"]["usd"])) == sum(paid)
        tokens.append(lost["completion_tokens"])
    assert 50 < tokens[0] <= len(WRITTEN) / 4 + 1 and tokens[1] == 50, "no more than was asked for"


@pytest.mark.parametrize("name", ["html", "empty", "error_in_200", "cut_before", "503"])
def test_what_is_no_answer_costs_nothing(gateway, primary, fallback, name):
    primary.script(fault(name))
    fallback.script("From the fallback")
    story = gateway.story(gateway.chat("Hello").headers["x-request-id"])
    lost, whole = story["attempts"]
    assert lost["cost_usd"] is None and lost["prompt_tokens"] is None
    assert Decimal(str(story["cost"]["usd"])) == Decimal(whole["cost_usd"]) > 0
