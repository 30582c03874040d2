"""Rows whose cell is more than one call: bursts, rejected keys, absurd counts, tool calls, flapping, nobody left."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.sandbox.testing import ScriptedCall, Step, fault
from routing.resilience.breaker import FAILURES_IN_A_ROW
from routing.resilience.retrybudget import SHARE
from tests.faults.conftest import Faulty
from tests.faults.expecting import FALLBACK_TEXT, PRIMARY_TEXT, SECRET
from tests.faults.matrix import WAYS, cells, provider, way_id
from tests.gateway.gateway import parse_events, text_of

CALLERS = 20
EVENT_LIMIT = 65_536
BURSTS = ("500", "502", "503", "504", "529")
TWO_CALLS = (ScriptedCall("add", {"a": 1}, "call_one"), ScriptedCall("add", '{"a": ', "call_two"))
FACTS = {"retries": 1, "capabilities": ["tools"]}
CASES = [*(f"burst-{status}" for status in BURSTS), "rejected", "usage", "tools", "flaps", "probed", "line", "down"]


def model_of(case: str, stream: bool, spare: bool) -> str:
    return f"{case}-{way_id(stream, spare)}"


@pytest.fixture(scope="module")
def gateway(migrated, tmp_path_factory, primary, fallback):
    gateway = Faulty.made_from(migrated, tmp_path_factory.mktemp("many"), {"MAX_EVENT_BYTES": f"{EVENT_LIMIT}"})
    models = [model_of(case, *way) for case in CASES for way in WAYS]
    own = [provider(f"p-{model}", primary.base_url, model, **FACTS) for model in models]
    with_spare = [model for model in models if model.endswith("fallback")]
    spare = provider("fallback", fallback.base_url, *with_spare, **FACTS)
    policy = {"name": "primary-first", "kind": "ordered", "order": [f"p-{model}/{model}" for model in models]}
    tenant = {"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}
    gateway.apply({"providers": [*own, spare], "policies": [policy], "tenants": [tenant]})
    yield gateway.start()
    gateway.stop()
    assert not gateway.complaints()


@pytest.fixture
def told(primary, fallback):
    """Script one case and give its model's name."""

    def tell(case, stream, spare, *steps, healthy=True):
        model = model_of(case, stream, spare)
        primary.script(*steps, model=model, lasting=True)
        fallback.script(FALLBACK_TEXT if healthy else fault("503"), model=model, lasting=True)
        return model

    return tell


def said(answer: httpx.Response, stream: bool) -> str:
    if stream:
        return text_of(parse_events(answer.text.splitlines()))
    return answer.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("status", BURSTS)
@cells(10, "burst")
def test_a_burst_of_failures_is_not_multiplied(gateway, primary, told, stream, spare, status):
    model = told(f"burst-{status}", stream, spare, fault(status))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.chat("Hello", model, stream=stream), range(CALLERS)))
    assert {answer.status_code for answer in answers} == ({200} if spare else {503})
    assert len(primary.calls(ended=True, chats=True, model=model)) <= 1.2 * CALLERS + 3
    if spare:
        assert {said(answer, stream) for answer in answers} == {FALLBACK_TEXT}
    else:
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)


@cells(11, "rejected_for_all")
def test_a_rejected_credential_is_not_presented_again(gateway, primary, told, stream, spare):
    model = told("rejected", stream, spare, fault("401"))
    answers = [gateway.chat("Hello", model, stream=stream) for _ in range(3)]
    assert len(primary.calls(ended=True, chats=True, model=model)) == 1
    assert {answer.status_code for answer in answers} <= ({200} if spare else {502, 503})
    assert all(SECRET not in answer.text for answer in answers)


@cells(27, "counts_as_recorded")
def test_absurd_counts_are_not_believed_and_missing_ones_are_estimated(gateway, told, stream, spare):
    step = Step(text=PRIMARY_TEXT, streams=True, fault="usage_twice")
    usages = {}
    for name in ("bad_usage", "no_usage", "usage_twice"):
        one = fault(name, text=PRIMARY_TEXT) if name != "usage_twice" else step
        model = told("usage", stream, spare, one)
        answer = gateway.chat("Hello", model, stream=stream)
        assert answer.status_code == 200, answer.text
        usages[name] = gateway.story(answer.headers["x-request-id"])["usage"]
    assert 0 <= usages["bad_usage"]["completion_tokens"] < 10_000
    assert 0 <= usages["bad_usage"]["prompt_tokens"] < 200_000
    assert usages["no_usage"]["estimated"] and usages["no_usage"]["completion_tokens"] > 0
    assert usages["usage_twice"]["completion_tokens"] > 1
    assert usages["usage_twice"]["estimated"] == (not stream)  # who did not ask for a stream gets no usage in one


@pytest.mark.parametrize("name", ["tool_gaps", "tool_id_twice"])
@cells(29, "tool_calls")
def test_odd_tool_calls_are_put_right_and_their_arguments_left_alone(gateway, told, stream, spare, name):
    model = told("tools", stream, spare, Step(fault=name, tool_calls=TWO_CALLS))
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    if stream:
        _, events = gateway.events("Add", model, tools=tools)
        calls: dict[int, dict] = {}
        for event in events[:-1]:
            for call in (event["choices"] or [{"delta": {}}])[0]["delta"].get("tool_calls") or ():
                one = calls.setdefault(call["index"], {"id": "", "arguments": ""})
                one["id"] += call.get("id") or ""
                one["arguments"] += call["function"].get("arguments") or ""
        assert sorted(calls) == [0, 1] and events[-1] == "[DONE]"
        found = list(calls.values())
    else:
        message = gateway.chat("Add", model, tools=tools).json()["choices"][0]["message"]
        found = [{"id": call["id"], "arguments": call["function"]["arguments"]} for call in message["tool_calls"]]
    assert [call["arguments"].replace(" ", "") for call in found] == ['{"a":1}', '{"a":']
    assert len({call["id"] for call in found}) == 2 and all(call["id"] for call in found)


@cells(36, "flaps")
def test_a_provider_that_flaps_is_probed_and_not_flooded(gateway, primary, told, stream, spare):
    model = told("flaps", stream, spare, fault("flaps", text=PRIMARY_TEXT, seconds=0.5))
    ends = time.monotonic() + 4
    answers = []
    with ThreadPoolExecutor(4) as pool:
        while time.monotonic() < ends:
            answers += pool.map(lambda _: gateway.chat("Hello", model, stream=stream), range(4))
    failed = [call for call in primary.calls(ended=True, chats=True, model=model) if call.status == 503]
    unserved = sum(answer.status_code == 503 for answer in answers)  # each had to ask once: there is nobody else
    assert len(failed) <= unserved + SHARE * len(answers) + 10
    if spare:
        assert {answer.status_code for answer in answers} == {200}
    else:
        assert {answer.status_code for answer in answers} <= {200, 503}


@pytest.fixture(scope="module")
def probed(gateway, primary, fallback):
    """Each cell's breaker opens; then its primary is well but slow, and many ask until the breaker lets one through."""
    found = {}

    def run(way):
        model = model_of("probed", *way)
        fallback.script(FALLBACK_TEXT, model=model, lasting=True)
        primary.script(fault("503"), model=model, lasting=True)
        for _ in range(FAILURES_IN_A_ROW):
            gateway.chat("Hello", model, stream=way[0])
        failed = len(primary.calls(chats=True, model=model))
        primary.script(fault("slow_headers", text=PRIMARY_TEXT, seconds=1.5), model=model, lasting=True)
        until, answers = time.monotonic() + 30, []
        with ThreadPoolExecutor(6) as askers:
            while len(primary.calls(chats=True, model=model)) == failed and time.monotonic() < until:
                answers = list(askers.map(lambda _: gateway.chat("Hello", model, stream=way[0]), range(6)))
        found[way] = answers, primary.calls(ended=True, chats=True, model=model)[failed:]

    with ThreadPoolExecutor(len(WAYS)) as pool:
        list(pool.map(run, WAYS))
    return found


@cells(36, "one_probe")
def test_half_open_one_probe_is_in_flight_and_the_others_go_elsewhere(probed, stream, spare):
    answers, calls = probed[stream, spare]
    texts = [said(answer, stream) for answer in answers]
    if spare:
        assert len(calls) == texts.count(PRIMARY_TEXT) == 1
        assert texts.count(FALLBACK_TEXT) == len(texts) - 1 > 0
    else:  # who stands alone is never ejected: nobody is refused for the sake of a probe
        assert texts == [PRIMARY_TEXT] * len(calls)


@cells(23, "limit_as_set")
def test_the_longest_line_is_as_long_as_the_setting_says(gateway, told, stream, spare):
    short, long = "s" * (EVENT_LIMIT // 2), "l" * (2 * EVENT_LIMIT)
    model = told("line", stream, spare, Step(pieces=(short,)))
    assert said(gateway.chat("Hello", model, stream=stream), stream) == short
    told("line", stream, spare, Step(pieces=(long,)))
    answer = gateway.chat("Hello", model, stream=stream)
    if not stream:  # no line of a stream: a whole answer has a limit of its own
        assert said(answer, stream) == long
    elif spare:
        assert said(answer, stream) == FALLBACK_TEXT
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_bad_response")


@cells(37, "all_down")
def test_with_nobody_left_there_is_one_clear_error(gateway, primary, told, stream, spare):
    model = told("down", stream, spare, fault("503"), healthy=False)
    began = time.monotonic()
    answer = gateway.chat("Hello", model, stream=stream)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1, answer.text
    assert time.monotonic() - began < 15
    assert 1 <= len(primary.calls(ended=True, chats=True, model=model)) <= 3
    story = gateway.story(answer.headers["x-request-id"])
    assert story["status"] == "failed" and {attempt["status"] for attempt in story["attempts"]} == {"failed"}
    if spare:
        assert answer.json()["error"]["code"] == "all_attempts_failed"
        assert len(re.findall(r"req_\w+|att_\w+", answer.json()["error"]["message"])) >= 2
