"""A judge that lets a truncated answer pass is worth nothing: each is shown answers that it must not let pass."""

import importlib.util
import json
import sys

import pytest

from providers.sandbox.testing import Received
from routing.drill.casting import JSON, PIECES, RECOVERY, STREAM, Take
from routing.drill.hearing import DONE, Heard
from routing.drill.scenario import Scene, scenarios
from routing.drill.scores import score
from tests.gateway.gateway import ROOT

NOW = 1_800_000_000.0
ERROR = json.dumps({"error": {"message": "broke off", "code": "upstream_interrupted"}})


def chunk(text=None, finish=None, **more):
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return json.dumps({"model": "m", "choices": [choice], **more})


def stream(*events, status=200, **more):
    """What a client heard of a stream."""
    more.setdefault("headers", {"x-request-id": "req_1", "x-neuroroute-provider": "drill:s00:fallback"})
    return Heard(asked_at=NOW, stream=True, status=status, events=list(events), total_s=0.1, **more)


def whole(*, finish="stop", **more):
    return stream(*map(chunk, PIECES), chunk(finish=finish), DONE, **more)


def cut(*end):
    """Forty of sixty pieces, then this."""
    return stream(*map(chunk, PIECES[:40]), *end)


def attempt(role="fallback", status="answered", **more):
    base = {"deployment": f"drill:s00:{role}/m", "status": status, "started_ms": 0.0, "cost_usd": None}
    base |= {"committed": False, "completion_tokens": None}
    return base | more


def story(role="fallback", attempts=(), usd=None):
    return {"provider": f"drill:s00:{role}", "attempts": list(attempts) or [attempt(role)], "cost": {"usd": usd}}


def call(at=0.0, fault=None, status=200, left_early=False):
    facts = {
        "method": "POST",
        "path": "/",
        "query": "",
        "headers": {},
        "body": None,
        "raw": "",
        "chunks": 1,
        "served_before": 0,
    }
    times = {"started_at": NOW + at, "ended_at": NOW + at + 0.1}
    return Received(number=1, fault=fault, status=status, left_early=left_early, **facts, **times)


def complaints(name, *heard, take=STREAM, stories=None, primary=(), fallback=(), pace=1.0):
    """What the judge of a scenario says."""
    told = [story()] * len(heard) if stories is None else stories
    calls = {"primary": list(primary), "fallback": list(fallback)}
    scene = Scene(take=take, pace=pace, heard=list(heard), stories=told, bearable_s=15.0, **calls)
    return list(scenarios()[name].complaints(scene))


@pytest.mark.parametrize("name", ["S08", "S09", "S10"])
@pytest.mark.parametrize("end", [(), (DONE,), (chunk(finish="stop"), DONE), (chunk(finish="length"), DONE)])
def test_a_truncated_answer_that_ends_as_if_it_were_whole_fails(name, end):
    assert any("passed off as success" in text for text in complaints(name, cut(*end)))


@pytest.mark.parametrize("name", ["S08", "S09", "S10"])
def test_an_explicit_error_passes(name):
    assert complaints(name, cut(ERROR)) == []


@pytest.mark.parametrize("end", [(ERROR, DONE), (chunk(finish="stop"), ERROR)])
def test_an_error_with_a_clean_end_beside_it_fails(end):
    assert complaints("S08", cut(*end))


def test_an_error_of_another_name_inside_the_stream_fails():
    assert "not upstream_interrupted" in complaints("S08", cut(json.dumps({"error": {"code": "internal_error"}})))[0]


def test_a_recovery_passes_when_it_is_complete_and_marked():
    marked = stream(*map(chunk, PIECES), chunk(finish="stop", neuroroute={"recovered": True}), DONE)
    assert complaints("S08", marked, take=RECOVERY) == []
    assert complaints("S08", whole(), take=RECOVERY) == ["The answer was put together from two and does not say so."]


@pytest.mark.parametrize("pieces", [PIECES[:50], (*PIECES[:40], *PIECES[30:]), (*PIECES[:40], *PIECES)])
def test_a_recovery_that_lost_or_repeated_text_fails(pieces):
    end = chunk(finish="stop", neuroroute={"recovered": True})
    assert "not what was said" in complaints("S08", stream(*map(chunk, pieces), end, DONE), take=RECOVERY)[0]


def test_tokens_before_a_cut_that_nobody_recorded_fail():
    lost, kept = attempt(committed=True), attempt(committed=True, completion_tokens=40, cost_usd="0.1")
    assert "were not recorded" in complaints("S08", cut(ERROR), stories=[story(attempts=[lost])])[0]
    assert complaints("S08", cut(ERROR), stories=[story(attempts=[kept])]) == []


def test_a_stall_that_the_client_sat_out_fails():
    assert complaints("S09", whole()) == ["The stall limit did not end the wait."]


def test_an_answer_that_nobody_closed_fails():
    assert complaints("S11", stream(*map(chunk, PIECES), chunk(finish="stop"))) == [
        "The stream was not closed with [DONE]."
    ]
    assert complaints("S11", whole()) == []


def test_a_request_without_a_record_fails():
    assert complaints("S03", whole(), stories=[]) == ["1 of 1 requests left no record."]


def test_an_upstream_that_is_called_before_retry_after_fails():
    assert complaints("S01", whole(), primary=[call(), call(at=3.0)]) == []
    assert "before Retry-After" in complaints("S01", whole(), primary=[call(), call(at=1.0)])[0]


def test_hammering_fails():
    assert complaints("S02", whole(), primary=[call()]) == []
    assert "called 2 times" in complaints("S02", whole(), primary=[call(), call()])[0]
    many = [call(fault="503")] * 30
    assert "called 30 times" in complaints("S15", whole(), stories=[story("primary")], primary=many)[0]


def test_a_primary_that_never_comes_back_fails():
    assert complaints("S15", whole(), stories=[story("primary")]) == []
    assert "return to rotation" in complaints("S15", whole())[0]


def test_an_upstream_that_is_left_hanging_fails():
    assert complaints("S06", whole(), primary=[call(left_early=True)]) == []
    assert "was not closed" in complaints("S06", whole(), primary=[call()])[0]


def test_a_client_that_waits_too_long_fails():
    late = whole()
    late.total_s = 60.0
    assert "took 60.0 s" in complaints("S06", late)[0] and "took 60.0 s" in complaints("S07", late)[0]
    silent = whole()
    silent.longest_silence_s = 60.0
    assert "heard nothing for 60.0 s" in complaints("S07", silent)[0]


REFUSAL = json.dumps({"error": {"code": "content_filter"}}).encode()


def test_a_refusal_that_is_taken_elsewhere_fails():
    refused = Heard(asked_at=NOW, stream=False, status=400, body=REFUSAL, headers={"x-request-id": "req_1"})
    assert complaints("S13", refused, take=JSON, primary=[call()]) == []
    assert "asked again" in complaints("S13", refused, take=JSON, primary=[call()], fallback=[call()])[0]
    assert "instead of the refusal" in complaints("S13", whole(), primary=[call()])[0]
    at_the_end = Take("at-the-end")
    assert complaints("S13", whole(finish="content_filter"), take=at_the_end, primary=[call()]) == []
    assert "not content_filter" in complaints("S13", whole(), take=at_the_end, primary=[call()])[0]


def test_an_answer_with_another_s_bill_fails():
    usage = {"prompt_tokens": 21, "completion_tokens": 60}
    good = stream(*map(chunk, PIECES), chunk(finish="stop", usage=usage), DONE)
    attempts = [attempt("primary", "failed"), attempt("fallback")]
    assert complaints("S16", good, stories=[story(attempts=attempts, usd="0.00141")]) == []
    assert "0.002 USD" in complaints("S16", good, stories=[story(attempts=attempts, usd="0.002")])[0]
    billed = [attempt("primary", "failed", cost_usd="0.1"), attempt("fallback")]
    assert "was billed" in complaints("S16", good, stories=[story(attempts=billed, usd="0.00141")])[0]
    assert "not recorded" in complaints("S16", good, stories=[story(usd="0.00141")])[0]
    assert "tokens" in complaints("S16", whole(), stories=[story(attempts=attempts, usd="0.00141")])[0]


def test_a_score_needs_every_take_and_counts_what_else_was_wrong():
    good = Scene(take=STREAM, pace=1, heard=[whole()], stories=[story()], primary=[], fallback=[], bearable_s=15)
    bad = Scene(take=JSON, pace=1, heard=[cut(DONE)], stories=[story()], primary=[], fallback=[], bearable_s=15)
    assert score(scenarios()["S05"], [good, good]).passed
    judged = score(scenarios()["S05"], [good, bad])
    assert not judged.passed and judged.why.startswith("json: ") and judged.why.endswith("1 more complaint.")


def test_a_failover_s_time_is_from_the_first_attempt_to_the_next_deployment_s():
    attempts = [attempt("primary", "failed"), attempt("primary", "failed", started_ms=20.0)]
    told = story(attempts=[*attempts, attempt("fallback", started_ms=55.5)])
    scene = Scene(take=STREAM, pace=1, heard=[whole()], stories=[told], primary=[], fallback=[], bearable_s=15)
    assert score(scenarios()["S05"], [scene]).failover_ms == 55.5


@pytest.fixture(scope="module")
def cuts():
    """`bench/cuts.py`, which counts cuts that are presented as success."""
    spec = importlib.util.spec_from_file_location("cuts", ROOT / "bench" / "cuts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cuts"] = module
    spec.loader.exec_module(module)
    return module


FULL = "one two"
CHUNKS = [{"choices": [{"delta": {"content": "one"}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
TRUNCATED = {  # as each surface would end it if all were well
    "chat": (CHUNKS, True),
    "chat without an end": (CHUNKS[:1], False),
    "messages": ([{"type": "content_block_delta", "delta": {"text": "one"}}, {"type": "message_stop"}], False),
    "responses": ([{"type": "response.output_text.delta", "delta": "one"}, {"type": "response.completed", "response": {
        "output": [{"content": [{"text": "one"}]}]}}], False),
    "a chat's body": ([{"choices": [{"message": {"content": "one"}, "finish_reason": "stop"}]}], False),
    "a message's body": ([{"content": [{"type": "text", "text": "one"}], "stop_reason": "end_turn"}], False),
    "a response's body": ([{"status": "completed", "output": [{"content": [{"text": "one"}]}]}], False),
}  # fmt: skip


@pytest.mark.parametrize("surface", TRUNCATED)
def test_the_count_of_cuts_sees_a_truncated_answer_and_knows_a_whole_one(cuts, surface):
    events, done = TRUNCATED[surface]
    assert cuts.verdict(cuts.Seen(200, events, done), FULL) == "SUCCESS"
    assert cuts.verdict(cuts.Seen(200, [*events, {"error": {"message": "cut"}}], done), FULL) == (
        "error inside" if surface == "chat without an end" else "SUCCESS"
    )
    if surface != "chat without an end":
        assert cuts.verdict(cuts.Seen(200, events, done), "one") == "complete"
