"""The public yardstick's sixteen scenarios, each through a real gateway; what each asks for stands in its class."""

import pytest

from routing.drill.scenario import scenarios

pytestmark = pytest.mark.timeout(300)  # the first one waits for the whole drill


def test_all_sixteen_are_here():
    assert list(scenarios()) == [f"S{number:02d}" for number in range(1, 17)]


def passed(scores, name):
    """Whether the scenario passed; else the sentence that says why not."""
    return scores[name]["passed"] or scores[name]["why"]


def test_S01_rate_limited_with_retry_after_and_then_healthy(scores):
    assert passed(scores, "S01") is True


def test_S02_rate_limited_for_the_whole_run(scores):
    assert passed(scores, "S02") is True


def test_S03_an_internal_error_once(scores):
    assert passed(scores, "S03") is True


def test_S04_unavailable_for_the_whole_run(scores):
    assert passed(scores, "S04") is True


def test_S05_a_reset_or_refused_connection(scores):
    assert passed(scores, "S05") is True


def test_S06_accepts_and_never_answers(scores):
    assert passed(scores, "S06") is True


def test_S07_a_first_token_that_comes_too_late(scores):
    assert passed(scores, "S07") is True


def test_S08_a_stream_cut_after_40_of_60_chunks(scores):
    assert passed(scores, "S08") is True


def test_S09_a_stream_that_stalls(scores):
    assert passed(scores, "S09") is True


def test_S10_a_malformed_chunk(scores):
    assert passed(scores, "S10") is True


def test_S11_no_end_mark_but_a_finish_reason(scores):
    assert passed(scores, "S11") is True


def test_S12_a_context_that_is_too_small(scores):
    assert passed(scores, "S12") is True


def test_S13_a_content_filter(scores):
    assert passed(scores, "S13") is True


def test_S14_a_fallback_that_rejects_a_prefill(scores):
    assert passed(scores, "S14") is True


def test_S15_a_primary_that_is_down_for_a_while(scores):
    assert passed(scores, "S15") is True


def test_S16_what_the_fallback_s_answer_is_reported_to_cost(scores):
    assert passed(scores, "S16") is True
