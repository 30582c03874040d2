"""Which deployments are tried, in which order, and what the decision says."""

import json

import msgspec
import pytest

from providers.errors import CredentialRejected, Overloaded, RateLimited, Unreachable
from providers.targets import Secret
from routing.errors import NoEligibleCandidate, UnknownModel, UnknownPolicy
from routing.policies import policy_kinds
from routing.policies.base import PolicySpec
from routing.scorers import scorers
from tenants.errors import Forbidden

from .factories import BALANCED, CALLER, CHEAP, Desk, asked, target

MINI = target("a/mini", 1, usd=(0.1, 0.4), ttft_ms=300, tokens_per_s=100, quality=0.5, context=8_000)
LARGE = target("b/large", 2, usd=(5, 15), ttft_ms=900, tokens_per_s=40, quality=0.9, context=200_000,
               capabilities=frozenset({"tools", "vision", "json_schema"}))  # fmt: skip
QUICK = target("c/quick", 3, usd=(0.5, 1.5), ttft_ms=80, tokens_per_s=400, quality=0.6, context=32_000,
               capabilities=frozenset({"tools"}))  # fmt: skip


def test_each_policy_puts_another_deployment_first():
    desk = Desk(MINI, LARGE, QUICK)
    assert desk.order(asked(model="auto:cheap"))[0] == "a/mini"
    assert desk.order(asked(model="auto:fast"))[0] == "c/quick"
    assert desk.order(asked(model="auto:best"))[0] == "b/large"
    assert set(desk.order(asked(model="auto"))) == {"a/mini", "b/large", "c/quick"}


def test_names_of_models_providers_and_aliases_lead_to_their_deployments():
    twin = target("d/mini", 4, aliases=("mini-latest",))
    desk = Desk(MINI, twin, QUICK)
    assert set(desk.order(asked(model="mini"))) == {"a/mini", "d/mini"}
    assert desk.order(asked(model="d/mini")) == ["d/mini"]
    assert desk.order(asked(model="mini-latest")) == ["d/mini"]


def test_an_unknown_model_names_the_nearest_and_an_unknown_policy_too():
    desk = Desk(MINI, LARGE)
    with pytest.raises(UnknownModel, match="nearest: large"):
        desk.order(asked(model="larg"))
    for named, field, unknown in (
        ({"model": "auto:cheep"}, "model", UnknownModel),
        ({"neuroroute": {"policy": "cheep"}}, "neuroroute.policy", UnknownPolicy),
    ):
        with pytest.raises(unknown, match="nearest: cheap") as raised:
            desk.order(asked(**named))
        assert raised.value.param == field


def test_the_context_filter_is_exact_and_names_both_figures():
    desk = Desk(MINI, LARGE)
    question = asked("x" * 40_000)
    assert desk.order(question) == ["b/large"]
    excluded = decision(desk, question)["excluded"]
    assert excluded[0]["rule"] == "context"
    assert f"8,000 < {question.tokens_needed():,}" in excluded[0]["detail"]
    fits = asked("x" * 4 * 7_900)
    assert fits.tokens_needed() < 8_000
    assert "a/mini" in desk.order(fits)


def test_missing_capabilities_rule_a_deployment_out():
    desk = Desk(MINI, LARGE, QUICK)
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert set(desk.order(asked(tools=[tool]))) == {"b/large", "c/quick"}
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    assert desk.order(asked(picture)) == ["b/large"]
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}
    assert desk.order(asked(response_format=schema)) == ["b/large"]


def test_nobody_left_says_why_for_each():
    desk = Desk(MINI, QUICK)
    picture = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    with pytest.raises(NoEligibleCandidate, match="a/mini: lacks vision; c/quick: lacks vision") as told:
        desk.order(asked(picture))
    refused = told.value.refused
    assert refused is not None and refused.why == "nobody of 2 is eligible: capability 2"
    kept = json.loads(bytes(refused.decision))
    assert (refused.policy, kept["policy"], kept["candidates"]) == ("balanced", "balanced", [])
    assert [(each["deployment"], each["rule"], each["detail"]) for each in kept["excluded"]] == [
        ("a/mini", "capability", "lacks vision"), ("c/quick", "capability", "lacks vision"),
    ]  # fmt: skip
    assert desk.order(asked(), CALLER), "another class of requests is not touched"


def test_the_allow_list_holds_for_auto_and_for_names():
    desk = Desk(MINI, LARGE, QUICK)
    caller = msgspec.structs.replace(CALLER, allow_models=("a/*", "quick"))
    assert set(desk.order(asked(), caller)) == {"a/mini", "c/quick"}
    with pytest.raises(Forbidden):
        desk.order(asked(model="large"), caller)
    with pytest.raises(Forbidden):
        desk.order(asked(model="auto:fast"), msgspec.structs.replace(CALLER, allow_policies=("balanced",)))


def test_a_right_that_is_taken_away_ends_the_plans_made_under_it():
    desk = Desk(MINI, LARGE)
    desk.order(asked(model="auto:fast"))
    with pytest.raises(Forbidden):
        desk.order(asked(model="auto:fast"), msgspec.structs.replace(CALLER, allow_policies=("balanced",)))


def test_callers_and_wishes_that_differ_share_no_plan():
    desk = Desk(MINI, LARGE, QUICK)
    assert desk.order(asked())[0] != "b/large"
    assert desk.order(asked(), msgspec.structs.replace(CALLER, default_policy="best-quality"))[0] == "b/large"
    assert desk.order(asked(preferences={"qualityWeight": 1}))[0] == "b/large"
    assert desk.order(asked(neuroroute={"policy": "best"}))[0] == "b/large"
    assert desk.order(asked(), msgspec.structs.replace(CALLER, tenant_id=2, allow_models=("a/*",))) == ["a/mini"]
    assert desk.order(asked())[0] != "b/large"


def test_parts_times_weights_make_the_score():
    desk = Desk(MINI, LARGE, QUICK)
    found = decision(desk, asked())
    weights = found["weights"]
    for candidate in found["candidates"]:
        expected = sum(weights.get(k, 0) * v for k, v in candidate["parts"].items()) / sum(weights.values())
        assert candidate["score"] == pytest.approx(expected, abs=0.001)


def test_an_unknown_price_is_not_cheap():
    desk = Desk(MINI, target("z/riddle", 9))
    assert desk.order(asked(model="auto:cheap")) == ["a/mini", "z/riddle"]


def test_ordered_and_pinned_policies():
    ordered = PolicySpec("primary-first", "ordered", order=("b/large", "c/quick"))
    pinned = PolicySpec("only-quick", "pinned", order=("c/quick",))
    desk = Desk(MINI, LARGE, QUICK, policies=(BALANCED, CHEAP, ordered, pinned))
    assert desk.order(asked(model="auto:primary-first")) == ["b/large", "c/quick", "a/mini"]
    assert desk.order(asked(model="auto:only-quick")) == ["c/quick"]
    rules = {e["deployment"]: e["rule"] for e in decision(desk, asked(model="auto:only-quick"))["excluded"]}
    assert rules == {"a/mini": "policy", "b/large": "policy"}


def test_wishes_choose_fallbacks_policy_and_weights():
    desk = Desk(MINI, LARGE, QUICK)
    assert desk.order(asked(model="mini", models=["quick"])) == ["a/mini", "c/quick"]
    assert desk.order(asked(neuroroute={"policy": "cheap"}))[0] == "a/mini"
    assert desk.order(asked(preferences={"qualityWeight": 1}))[0] == "b/large"


def test_a_failing_deployment_rests_and_comes_back():
    desk = Desk(MINI, QUICK)
    for _ in range(5):
        desk.health.failed(MINI, MINI.secrets[0], Overloaded(), desk.now)
    assert desk.order(asked(model="auto:cheap")) == ["c/quick"]
    desk.now += 6
    desk.planner.forget()
    assert desk.order(asked(model="auto:cheap")) == ["a/mini", "c/quick"]


def test_what_cannot_be_reached_rests_with_all_that_its_provider_serves():
    sibling = target("a/large", 7, provider_id=1)
    desk = Desk(MINI, sibling, QUICK)
    for each in (MINI, sibling):
        desk.health.failed(each, each.secrets[0], Unreachable("refused"), desk.now)
    assert desk.order(asked()) == ["c/quick"]
    desk.health.succeeded(sibling, sibling.secrets[0], desk.now)
    assert set(desk.order(asked())) == {"a/mini", "a/large", "c/quick"}


def test_connections_that_broke_are_no_reason_to_leave_the_provider():
    sibling = target("a/large", 7, provider_id=1)
    desk = Desk(MINI, sibling, QUICK)
    for _ in range(5):
        desk.health.failed(MINI, MINI.secrets[0], Unreachable("broke", connected=True), desk.now)
    assert set(desk.order(asked())) == {"a/large", "c/quick"}


def test_bars_that_have_ended_are_dropped():
    desk = Desk(MINI)
    desk.health.failed(MINI, MINI.secrets[0], RateLimited(retry_after_s=30), desk.now)
    desk.health.forget_ended(desk.now)
    assert desk.health.uneasy
    desk.health.forget_ended(desk.now + 31)
    assert not desk.health.uneasy


def test_the_last_candidate_is_never_ejected():
    desk = Desk(MINI)
    for _ in range(5):
        desk.health.failed(MINI, None, Unreachable(), desk.now)
    assert desk.order(asked()) == ["a/mini"]


def test_retry_after_is_kept_even_by_the_last_candidate():
    desk = Desk(MINI)
    desk.health.failed(MINI, MINI.secrets[0], RateLimited(retry_after_s=30), desk.now)
    with pytest.raises(RateLimited) as refused:
        desk.order(asked())
    assert refused.value.retry_after_s == pytest.approx(30)
    desk.now += 31
    desk.planner.forget()
    assert desk.order(asked()) == ["a/mini"]


def test_a_second_credential_takes_over_from_a_rejected_one():
    pool = (Secret(1, "one", "one1"), Secret(2, "two", "two2"))
    deployment = target("a/mini", 1, secrets=pool)
    desk = Desk(deployment)
    desk.health.failed(deployment, pool[0], CredentialRejected(), desk.now)
    assert desk.order(asked()) == ["a/mini"]
    assert desk.health.secret_for(deployment, desk.now) is pool[1]


def test_health_can_be_forgotten():
    desk = Desk(MINI, QUICK)
    desk.health.failed(MINI, MINI.secrets[0], RateLimited(retry_after_s=300), desk.now)
    assert "a/mini" not in desk.order(asked())
    desk.health.forget(MINI)
    assert "a/mini" in desk.order(asked())


def test_evidence_moves_traffic_to_the_deployment_that_proved_faster():
    slow, fast = target("a/m", 1), target("b/m", 2)
    desk = Desk(slow, fast)
    for _ in range(5):
        desk.evidence.observe(1, desk.now, ok=True, ttft_ms=900, ms_per_token=20)
        desk.evidence.observe(2, desk.now, ok=True, ttft_ms=90, ms_per_token=2)
    assert desk.order(asked(model="auto:fast")) == ["b/m", "a/m"]


@pytest.mark.parametrize("name", scorers())
def test_every_scorer_stays_within_0_and_1(name):
    desk = Desk(MINI, LARGE, QUICK, target("z/riddle", 9), target("l/free", 8, usd=(0, 0)))
    for candidate in desk.planner.plan(asked(), CALLER).candidates:
        assert 0 <= dict(candidate.parts)[name] <= 1


@pytest.mark.parametrize("kind", policy_kinds())
def test_every_kind_of_policy_orders_without_inventing(kind):
    spec = PolicySpec("p", kind, (("cost", 1.0),), ("b/large",))
    order = Desk(MINI, LARGE, policies=(BALANCED, spec)).order(asked(model="auto:p"))
    assert order and len(set(order)) == len(order) and set(order) <= {"a/mini", "b/large"}


def decision(desk, question):
    return json.loads(bytes(desk.planner.plan(question, CALLER).decision))


def test_the_decision_says_the_range_of_the_cost_the_age_of_the_figures_and_the_state():
    desk = Desk(MINI, LARGE)
    desk.evidence.observe(1, desk.now - 7, ok=True, ttft_ms=120)
    first, second = decision(desk, asked(model="auto:cheap"))["candidates"]
    low, high = first["cost_range_nano_usd"]
    assert low < first["expected_cost_nano_usd"] < high
    assert (first["speed_from"], first["speed_age_s"]) == ("measured", 7)
    assert (second["speed_from"], second["speed_age_s"]) == ("catalogue", None)
    assert (first["propensity"], second["propensity"]) == (1.0, 0.0)
    assert first["state"] == "closed"
    for _ in range(5):
        desk.health.failed(MINI, None, Unreachable("gone"), desk.now)
    (only,) = decision(desk, asked(model="mini"))["candidates"]  # the last one is asked all the same
    assert only["state"] == "open"
