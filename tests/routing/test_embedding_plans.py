"""Which deployments embed: those of one model, and never another in its place."""

import json

import pytest

from providers.errors import ContextTooLong
from routing.api import embeddings
from routing.errors import InvalidBody, NoEligibleCandidate, UnsupportedParameter
from tenants.callers import Caller
from tests.routing.factories import Desk, asked, target

EMBEDS = frozenset({"embeddings"})
SMALL = target("a/small", 1, capabilities=EMBEDS, usd=(0.02, 0), quality=0.5, context=8000)
TWIN = target("b/small", 2, capabilities=EMBEDS, usd=(0.01, 0), quality=0.5)
LARGE = target("a/large", 3, capabilities=EMBEDS, usd=(0.1, 0), quality=0.9)
CHAT = target("a/chat", 4, usd=(1, 1), quality=0.9)
BOTH = target("a/both", 5, capabilities=frozenset({"embeddings", "chat"}), usd=(9, 9), quality=0.1)
MUTE = target("c/small", 6, wire="anthropic", capabilities=EMBEDS)


def wanted(model="auto", given="Hello", **fields):
    raw = json.dumps({"model": model, "input": given} | fields).encode()
    return embeddings.parse(raw, "0" * 32, 1_000_000)


def decision(desk, question):
    from_plan = desk.planner.plan(question, Caller(1, "team", 1, "ci", "nr-abc"))
    return {each["deployment"]: each["detail"] for each in json.loads(bytes(from_plan.decision))["excluded"]}


def test_deployments_of_the_model_stand_in_for_one_another():
    assert set(Desk(SMALL, TWIN, LARGE, CHAT).order(wanted("small"))) == {"a/small", "b/small"}


def test_auto_means_one_model_whatever_its_health_and_speed():
    desk = Desk(SMALL, TWIN, LARGE, CHAT, BOTH)
    assert desk.order(wanted()) == ["a/large"]
    for _ in range(20):
        desk.evidence.observe(LARGE.id, desk.now, ok=False)
    desk.planner.forget()
    assert desk.order(wanted("auto:cheap")) == ["a/large"]
    assert "large is chosen" in decision(desk, wanted())["a/small"]


def test_auto_is_the_cheapest_of_equals():
    cheap = target("z/cheap", 7, capabilities=EMBEDS, usd=(0.01, 0), quality=0.9)
    assert Desk(LARGE, cheap, SMALL).order(wanted()) == ["z/cheap"]


def test_the_one_model_is_chosen_among_those_that_the_caller_may_use():
    caller = Caller(1, "team", 1, "ci", "nr-abc", allow_models=("small",))
    assert set(Desk(SMALL, TWIN, LARGE).order(wanted(), caller)) == {"a/small", "b/small"}


def test_an_embedding_model_cannot_chat_and_the_reverse():
    desk = Desk(SMALL, CHAT, BOTH)
    assert set(desk.order(asked())) == {"a/chat", "a/both"}
    with pytest.raises(NoEligibleCandidate, match="a/chat: not an embedding model"):
        desk.order(wanted("chat"))
    with pytest.raises(NoEligibleCandidate, match="an embedding model cannot chat"):
        desk.order(asked(model="small"))


def test_a_wire_without_embeddings_is_ruled_out_by_name():
    desk = Desk(SMALL, MUTE)
    assert desk.order(wanted("small")) == ["a/small"]
    assert decision(desk, wanted("small"))["c/small"] == "its wire, anthropic, does not offer embeddings"


def test_tokens_go_only_where_the_wire_takes_them():
    local = target("l/small", 8, wire="ollama", capabilities=EMBEDS)
    desk = Desk(SMALL, local)
    assert desk.order(wanted("small", [1, 2])) == ["a/small"]
    assert "cannot carry token_input" in decision(desk, wanted("small", [[1], [2]]))["l/small"]
    assert set(desk.order(wanted("small", "text"))) == {"a/small", "l/small"}
    with pytest.raises(UnsupportedParameter) as raised:
        Desk(local).order(wanted("small", [1, 2]))
    assert raised.value.param == "input"


def test_the_context_is_each_inputs_own():
    desk = Desk(SMALL)
    assert desk.order(wanted("small", ["word " * 2000] * 50)) == ["a/small"]
    with pytest.raises(ContextTooLong, match="input: the prompt is too long") as raised:
        desk.order(wanted("small", ["short", "word " * 20_000]))
    assert raised.value.param == "input"


def test_other_models_are_no_fallback():
    question = wanted("small", models=["large"])
    assert Desk(SMALL, LARGE).order(question) == ["a/small"]
    assert any(warning.startswith("models: ignored") for warning in question.warnings)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("input", {"given": ""}),
        ("input", {"given": []}),
        ("input", {"given": [[]]}),
        ("input", {"given": ["a"] * 2049}),
        ("input", {"given": ["a", 1]}),
        ("input", {"given": [1, [2]]}),
        ("input", {"given": [1, -2]}),
        ("input", {"given": 5}),
        ("model", {"model": ""}),
        ("encoding_format", {"encoding_format": "hex"}),
        ("dimensions", {"dimensions": 0}),
    ],
)
def test_a_wrong_field_is_named(field, fields):
    with pytest.raises(InvalidBody) as raised:
        wanted(**fields)
    assert raised.value.param.partition("[")[0] == field
