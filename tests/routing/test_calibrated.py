"""A model's factor reaches whatever goes by estimates: filters, costs, limits, holds and records."""

import json

import pytest

from providers.errors import UnsupportedByWire
from providers.sandbox.steps import Step
from providers.sandbox.testing import fault
from routing.answering.paying import SAFETY, worst_case
from routing.calibration import UNKNOWN, Calibrations, calibrated, calibrations_of
from routing.features.prompt_tokens import TOKENS_PER_IMAGE

from .engines import ask, engine_of
from .factories import CALLER, Desk, asked, target

TEXT = "x" * 4_000  # about a thousand tokens, before anything is learned
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}


def desk(*targets, **factors):
    """A planner that knows factors by model id, `m1=1.6`."""
    found = Desk(*targets)
    found.evidence.calibrations = calibrations_of({int(name[1:]): factor for name, factor in factors.items()})
    return found


def candidates(desk, question):
    return json.loads(bytes(desk.planner.plan(question, CALLER).decision))


def test_the_context_filter_counts_as_each_model_does():
    coarse, fine = target("a/coarse", 1, context=1_400), target("b/fine", 2, context=1_400)
    assert set(Desk(coarse, fine).order(asked(TEXT))) == {"a/coarse", "b/fine"}
    calibrated_desk = desk(coarse, fine, m2=1.6)
    assert calibrated_desk.order(asked(TEXT)) == ["a/coarse"]
    excluded = candidates(calibrated_desk, asked(TEXT))["excluded"]
    assert [each["detail"] for each in excluded] == [f"context 1,400 < {asked(TEXT).tokens_needed(1.6):,} needed"]


def test_requests_of_one_class_share_no_plan_where_a_factor_tells_them_apart():
    """Both are of one class, and neither is too long before the factor is applied."""
    one = desk(target("a/m", 1, context=1_400), target("b/large", 2), m1=1.6)
    assert set(one.order(asked("x" * 3_200))) == {"a/m", "b/large"}
    assert one.order(asked("x" * 3_900)) == ["b/large"]


def test_expected_costs_and_their_order_follow_the_factor():
    first, second = target("a/m", 1, usd=(1.0, 1.0)), target("b/n", 2, usd=(1.2, 1.2))
    question = asked("x" * 200_000, model="auto:cheap", max_tokens=1)
    assert Desk(first, second).order(question) == ["a/m", "b/n"]
    shown = candidates(desk(first, second, m1=1.6), question)["candidates"]
    assert [(each["deployment"], each["calibration"]) for each in shown] == [("b/n", 1.0), ("a/m", 1.6)]


def test_a_cap_on_the_cost_counts_as_each_model_does():
    wish = {"neuroroute": {"max_cost_usd": 0.0015}, "max_tokens": 1}
    first, second = target("a/m", 1, usd=(1.0, 1.0)), target("b/n", 2, usd=(1.0, 1.0))
    assert set(Desk(first, second).order(asked(TEXT, **wish))) == {"a/m", "b/n"}
    assert desk(first, second, m1=1.6).order(asked(TEXT, **wish)) == ["b/n"]


def test_a_new_factor_changes_plans_that_were_made():
    one = desk(target("a/m", 1, context=1_400), target("b/large", 2))
    assert len(one.order(asked(TEXT))) == 2
    one.evidence.calibrations = calibrations_of({1: 1.6})
    one.planner.forget()
    assert one.order(asked(TEXT)) == ["b/large"]


def test_images_cost_what_they_cost():
    text, both = asked(TEXT), asked([{"type": "text", "text": TEXT}, IMAGE, IMAGE])
    added = both.prompt_tokens(2.0) - text.prompt_tokens(2.0)
    assert added == pytest.approx(2 * TOKENS_PER_IMAGE, abs=8)
    assert calibrated(1000, 1, UNKNOWN) == 1000


def test_limits_reckon_with_the_named_model_and_auto_with_the_largest():
    catalog = Desk(target("a/m", 1, aliases=("alias",)), target("b/n", 2)).catalog
    found = calibrations_of({1: 1.6, 2: 0.7})
    names = {"m": 1.6, "alias": 1.6, "a/m": 1.6, "n": 0.7, "b/n": 0.7, "unheard": 1.0}
    assert {name: found.of_name(name, catalog, False) for name in names} == names
    assert found.of_name("auto", catalog, True) == 1.6
    assert calibrations_of({2: 0.7}).largest == 1.0  # the others may be asked as well
    question = asked(TEXT)
    raw, longest = question.reckoned
    question.calibration = 1.6
    assert question.reckoned == (round(raw * 1.6), longest)


@pytest.mark.parametrize("factor", [0.25, 0.7, 1.0, 1.6, 4.0])
@pytest.mark.parametrize("content", ["Hi", TEXT, "漢字" * 500, "{}[]();" * 300])
def test_the_worst_case_is_never_below_what_is_expected_nor_below_the_bytes(content, factor):
    question = asked(content)
    expected = question.prompt_tokens(factor)
    need = worst_case(question.request, target("a/m", 1), expected)
    assert need.prompt_tokens >= max(len(question.request.raw), SAFETY * expected)
    assert need.prompt_tokens >= worst_case(question.request, target("a/m", 1)).prompt_tokens


@pytest.mark.parametrize("stream", [False, True])
async def test_the_record_tells_the_estimate_of_who_answered(sandbox, stream):
    factors = {1: 3.0, 2: 1.6}
    engine = engine_of(sandbox, "a/demo", "b/demo", retries=0)
    engine.evidence.calibrations = calibrations_of(factors)
    sandbox.script(fault("503"), "Hello")
    told = await ask(engine, stream, content=TEXT)
    raw = json.loads(bytes(told.features))["prompt_tokens"]
    assert len(told.attempts) == 2 and told.deployment_id is not None
    assert told.estimated_prompt_tokens == round(raw * factors[told.deployment_id])


async def test_no_estimate_is_recorded_where_an_upstream_keeps_a_part_of_the_prompt(sandbox):
    engine, question = engine_of(sandbox), asked(TEXT)
    question.request.continues = "previous_response_id"
    with pytest.raises(UnsupportedByWire):  # this one keeps nothing; it was asked all the same
        await engine.answer(question, CALLER)
    told = engine.journal[-1]
    assert len(told.attempts) == 1 and told.estimated_prompt_tokens is None


async def test_a_missing_usage_is_estimated_as_the_model_counts(sandbox):
    engine = engine_of(sandbox)
    engine.evidence.calibrations = calibrations_of({1: 1.6})
    sandbox.script(Step(text="Hello", fault="no_usage"))
    told = await ask(engine, True, content=TEXT)
    raw = json.loads(bytes(told.features))["prompt_tokens"]
    assert told.estimated and told.prompt_tokens == round(raw * 1.6)


def test_nothing_learned_changes_nothing():
    assert Calibrations().of(target("a/m", 1)) == UNKNOWN
    assert calibrations_of({}) == Calibrations()
