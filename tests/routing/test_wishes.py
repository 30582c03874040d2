"""What callers may wish: OpenRouter's `provider`, caps on price and cost, a floor of quality."""

import json

import pytest

from providers.errors import ContextTooLong
from providers.targets import Price
from routing.errors import InvalidBody, NobodyAble, NoEligibleCandidate, NotAsWished, UnknownModel, UnsupportedParameter
from routing.wishes.providerwish import passed_on

from .factories import CALLER, Desk, asked, parse, target

CHEAP = target("cheap/m", 1, usd=(0.1, 0.4), ttft_ms=900, tokens_per_s=20, quality=0.4, data_policy="collects",
               quantization="int4")  # fmt: skip
QUICK = target("quick/m", 2, usd=(1, 4), ttft_ms=80, tokens_per_s=50, quality=0.6, data_policy="retains",
               quantization="fp8")  # fmt: skip
WIDE = target("wide/m", 3, usd=(5, 15), ttft_ms=500, tokens_per_s=400, quality=0.9, data_policy="zdr")
RIDDLE = target("riddle/m", 4)
ROUTER = target("openrouter/m", 5, usd=(2, 8), base_url="https://openrouter.ai/api/v1")


def desk(*more):
    return Desk(CHEAP, QUICK, WIDE, *more)


def excluded(at, question):
    """(deployment, rule, detail) of everyone that is ruled out."""
    found = json.loads(bytes(at.planner.plan(question, CALLER).decision))["excluded"]
    return [(e["deployment"], e["rule"], e["detail"]) for e in found]


def wish(**provider):
    return asked(model="m", provider=provider)


def test_order_puts_the_named_first_and_keeps_the_rest():
    assert desk().order(wish(order=["wide", "quick/m"]))[:2] == ["wide/m", "quick/m"]
    assert len(desk().order(wish(order=["wide"]))) == 3


def test_order_without_fallbacks_tries_nobody_else():
    at = desk()
    question = wish(order=["wide", "quick"], allow_fallbacks=False)
    assert at.order(question) == ["wide/m", "quick/m"]
    assert excluded(at, question) == [("cheap/m", "provider.allow_fallbacks", "the caller wants wide, quick only")]


def test_without_an_order_no_fallbacks_means_the_first_choice_alone():
    at = desk()
    question = wish(sort="price", allow_fallbacks=False)
    assert at.order(question) == ["cheap/m"]
    assert {rule for _, rule, _ in excluded(at, question)} == {"provider.allow_fallbacks"}


def test_only_and_ignore():
    at = desk()
    assert set(at.order(wish(only=["Quick", "wide/m"]))) == {"quick/m", "wide/m"}
    assert set(at.order(wish(ignore=["quick"]))) == {"cheap/m", "wide/m"}
    assert excluded(at, wish(ignore=["quick"])) == [("quick/m", "provider.ignore", "the caller wants no quick")]
    with pytest.raises(NotAsWished, match="the caller wants nobody only"):
        at.order(wish(only=["nobody"]))


@pytest.mark.parametrize(
    ("sort", "first"),
    [("price", "cheap/m"), ("latency", "quick/m"), ("throughput", "wide/m"), ({"by": "price"}, "cheap/m")],
)
def test_sort_takes_the_place_of_the_policys_order_and_the_unknown_comes_last(sort, first):
    order = desk(RIDDLE).order(wish(sort=sort))
    assert order[0] == first and order[-1] == "riddle/m"


def test_max_price_compares_the_price_per_million_and_an_unknown_price_is_not_low():
    at = desk(RIDDLE)
    question = wish(max_price={"prompt": 1, "completion": "4"})
    assert set(at.order(question)) == {"cheap/m", "quick/m"}
    assert sorted(excluded(at, question)) == [
        ("riddle/m", "provider.max_price.prompt", "price unknown, at most $1 wanted"),
        ("wide/m", "provider.max_price.prompt", "$5 > $1 per million tokens"),
    ]
    assert excluded(desk(), wish(max_price={"completion": 10}))[0][1] == "provider.max_price.completion"


def test_max_price_caps_the_fees_per_image_and_per_request():
    fees = Price(1, 1, image=2 * 10**10, request=5 * 10**9)
    at = Desk(target("fees/m", 1, price=fees), target("free/m", 2, usd=(1, 2)))
    assert set(at.order(wish(max_price={"request": 0.005, "image": "0.02"}))) == {"fees/m", "free/m"}
    (why,) = excluded(at, wish(max_price={"request": 0.004}))
    assert why == ("fees/m", "provider.max_price.request", "$0.005 > $0.004 per request")
    assert excluded(at, wish(max_price={"image": 0}))[0][2] == "$0.02 > $0 per image"


def test_what_is_not_known_of_prompts_is_no_promise():
    at = desk(RIDDLE)
    assert set(at.order(wish(data_collection="deny"))) == {"quick/m", "wide/m"}
    assert at.order(wish(zdr=True)) == ["wide/m"]
    rules = {name: (rule, detail) for name, rule, detail in excluded(at, wish(zdr=True))}
    assert rules["riddle/m"] == ("provider.zdr", "unknown whether its provider retains prompts")
    assert rules["quick/m"] == ("provider.zdr", "its provider retains prompts")
    assert len(at.order(wish(data_collection="allow", zdr=False))) == 4


def test_quantizations_rule_out_the_known_others_and_warn_of_the_unknown():
    at = desk()
    question = wish(quantizations=["fp8", "bf16"], sort="throughput")
    assert at.order(question) == ["wide/m", "quick/m"]
    assert at.planner.plan(question, CALLER).warnings == ("provider.quantizations: not known of wide/m",)
    assert excluded(at, question) == [("cheap/m", "provider.quantizations", "int4 is none of fp8, bf16")]


def test_require_parameters_rules_out_who_would_drop_one():
    ollama = target("local/m", 7, wire="ollama")
    at = Desk(QUICK, ollama)
    assert set(at.order(asked(model="m", logit_bias={"1": 5}))) == {"quick/m", "local/m"}
    assert at.order(asked(model="m", logit_bias={"1": 5}, provider={"require_parameters": True})) == ["quick/m"]


def test_names_that_are_not_ours_mean_openrouters_own_providers():
    at = desk(ROUTER)
    assert at.order(wish(only=["deepinfra"])) == ["openrouter/m"]
    assert at.order(wish(order=["deepinfra", "cheap"]))[:2] == ["openrouter/m", "cheap/m"]
    assert "openrouter/m" in at.order(wish(ignore=["deepinfra"]))
    assert "openrouter/m" not in at.order(wish(ignore=["openrouter"]))
    assert "openrouter/m" in at.order(wish(zdr=True)), "it grants that by itself"


def test_openrouter_receives_the_wishes_without_our_names():
    at = desk(ROUTER)
    body = {"provider": {"order": ["cheap", "deepinfra"], "only": ["openrouter"], "zdr": True, "zork": 1},
            "models": ["m", "anthropic/claude-sonnet"]}  # fmt: skip
    fields, dropped = passed_on(json.dumps(body).encode(), at.catalog, CALLER)
    assert json.loads(bytes(fields["provider"])) == {"order": ["deepinfra"], "zdr": True, "zork": 1}
    assert json.loads(bytes(fields["models"])) == ["anthropic/claude-sonnet"] and not dropped
    assert passed_on(b'{"provider": {"only": ["cheap"]}, "models": ["m"]}', at.catalog, CALLER) == ({}, ())


def test_a_fallback_that_only_openrouter_can_know_is_left_to_it():
    assert desk(ROUTER).order(asked(model="openrouter/m", models=["their/model"])) == ["openrouter/m"]
    with pytest.raises(UnknownModel, match="their/model"):
        desk().order(asked(model="m", models=["their/model"]))


def test_max_cost_reckons_with_the_longest_answer_of_this_very_request():
    at = desk()
    capped = {"neuroroute": {"max_cost_usd": 0.001}}
    assert set(at.order(asked("Hi", model="m", max_tokens=100, **capped))) == {"cheap/m", "quick/m"}
    assert at.order(asked("Hi", model="m", max_tokens=128, **capped)) != at.order(
        asked("Hi", model="m", max_tokens=2000, **capped)
    )
    assert at.order(asked("Hi", model="m", max_tokens=2000, **capped)) == ["cheap/m"]
    with pytest.raises(NoEligibleCandidate, match=r"cheap/m: may cost \$0\.\d+ > \$1e-06"):
        at.order(asked("Hi", model="m", max_tokens=2000, neuroroute={"max_cost_usd": 0.000001}))


def test_quality_is_a_floor_and_the_unknown_counts_as_the_scorer_takes_it():
    at = desk(RIDDLE)
    assert set(at.order(asked(model="m", neuroroute={"quality": 0.6}))) == {"quick/m", "wide/m"}
    assert "riddle/m" in at.order(asked(model="m", neuroroute={"quality": 0.3}))
    assert ("riddle/m", "neuroroute.quality", "quality unknown, taken for 0.3 < 0.6") in excluded(
        at, asked(model="m", neuroroute={"quality": 0.6})
    )


def test_wishes_that_differ_share_no_plan():
    at = desk()
    assert at.order(wish(only=["quick"])) == ["quick/m"]
    assert at.order(wish(only=["wide"])) == ["wide/m"]
    assert len(at.order(asked(model="m"))) == 3
    assert at.order(asked(model="m", neuroroute={"quality": 0.8})) == ["wide/m"]


def test_the_decision_says_what_was_wished():
    found = json.loads(bytes(desk().planner.plan(wish(sort="price", zdr=True), CALLER).decision))
    assert found["wishes"] == {"provider": {"sort": "price", "zdr": True}}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"provider": {"sort": "beauty"}}, "provider.sort"),
        ({"provider": {"order": "openai"}}, "provider.order"),
        ({"provider": {"only": [1]}}, r"provider.only\[0\]"),
        ({"provider": {"allow_fallbacks": "no"}}, "provider.allow_fallbacks"),
        ({"provider": {"max_price": {"prompt": "cheap"}}}, "provider.max_price.prompt"),
        ({"provider": {"max_price": {"prompt": -1}}}, "provider.max_price.prompt"),
        ({"provider": {"max_price": {"completion": "NaN"}}}, "provider.max_price.completion"),
        ({"provider": {"data_collection": "maybe"}}, "provider.data_collection"),
        ({"provider": {"order": ["x" * 300]}}, "provider.order"),
        ({"provider": {"ignore": ["x"] * 40}}, "provider.ignore"),
        ({"provider": []}, "provider"),
        ({"preferences": {"costWeight": -1}}, "preferences.costWeight"),
        ({"neuroroute": {"quality": 2}}, "neuroroute.quality"),
        ({"neuroroute": {"max_cost_usd": "a lot"}}, "neuroroute.max_cost_usd"),
    ],
)
def test_a_bad_wish_is_named(fields, named):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields
    with pytest.raises(InvalidBody, match=named) as refused:
        parse(json.dumps(body).encode())
    assert refused.value.param and refused.value.param.startswith(named.partition("\\")[0])


def test_nulls_and_unknown_wishes_are_no_errors():
    nulls = dict.fromkeys(("order", "only", "ignore", "sort", "max_price", "zdr", "quantizations", "data_collection"))
    assert len(desk().order(wish(**nulls, zork={"a": 1}))) == 3


OLLAMA = target("local/m", 7, wire="ollama", capabilities=frozenset({"tools"}))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_a_parameter_that_no_wire_carries_is_refused_by_name(fields, param):
    with pytest.raises(UnsupportedParameter, match="its wire, ollama, cannot carry") as refused:
        Desk(OLLAMA).order(asked(**fields))
    assert (refused.value.param, refused.value.status) == (param, 400)


def test_whose_wire_lacks_a_parameter_is_passed_over_with_the_rule():
    at = Desk(OLLAMA, target("q/m", 2))
    assert at.order(asked(n=2)) == ["q/m"]
    assert excluded(at, asked(n=2)) == [("local/m", "parameter", "its wire, ollama, cannot carry n")]
    assert set(at.order(asked(logit_bias={"1": 1}))) == {"local/m", "q/m"}, "what only tunes is dropped"


def test_the_operator_chooses_per_deployment():
    drops = target("d/m", 8, wire="ollama", unsupported="drop")
    excludes = target("e/m", 9, wire="ollama", unsupported="exclude")
    assert Desk(drops, excludes).order(asked(n=2)) == ["d/m"]
    assert Desk(drops, excludes).order(asked(parallel_tool_calls=False)) == ["d/m"]
    with pytest.raises(UnsupportedParameter):
        Desk(drops).order(asked([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]))


def test_other_reasons_beside_the_parameter_stay_a_503():
    plain = target("p/m", 6, capabilities=frozenset())
    with pytest.raises(NobodyAble, match="cannot carry n.*lacks vision"):
        Desk(OLLAMA, plain).order(asked([{"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}], n=2))
    small = target("s/m", 7, context=10)
    with pytest.raises(ContextTooLong, match="messages: the prompt is too long.*: s/m: context 10 <") as raised:
        Desk(OLLAMA, small).order(asked("word " * 100, n=2))
    assert raised.value.param == "messages" and "local/m" not in raised.value.message, "it could not do it anyway"
