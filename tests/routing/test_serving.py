"""Who is remembered to have served a conversation, and what that means for the next request of it."""

import asyncio
import json

import pytest
from msgspec import structs

from routing import serving
from routing.errors import NoEligibleCandidate
from routing.serving import KEPT, Bound, ServingBook, SharedInRedis
from tenants.callers import Scope

from .factories import CALLER, Desk, asked, target

A, B = target("a/m", 1), target("b/m", 2)
OTHER = target("a/other", 3)
MARK = "call_0123456789abcdef"


async def test_a_mark_is_found_again_and_the_latest_counts():
    book = ServingBook()
    book.note(1, [MARK, "toolu_000000001"], Bound(1, "a/m"))
    book.note(1, ["toolu_000000002"], Bound(2, "b/m"))
    assert await book.find(1, [MARK]) == Bound(1, "a/m")
    assert await book.find(1, [MARK, "toolu_000000002"]) == Bound(2, "b/m")
    assert await book.find(1, ["toolu_of nobody"]) is None


async def test_tenants_know_nothing_of_each_other():
    book = ServingBook()
    book.note(1, [MARK], Bound(1, "a/m"))
    assert await book.find(2, [MARK]) is None


async def test_a_mark_that_anybody_may_give_out_binds_nothing():
    book = ServingBook()
    book.note(1, ["call_0"], Bound(1, "a/m"))
    assert await book.find(1, ["call_0"]) is None


async def test_memory_is_bounded_and_the_oldest_goes_first():
    book = ServingBook()
    book.note(1, [MARK], Bound(1, "a/m"))
    book.note(1, [f"call_{number:08d}" for number in range(KEPT)], Bound(2, "b/m"))
    assert await book.find(1, [MARK]) is None
    assert await book.find(1, ["call_00000000"]) == Bound(2, "b/m")


async def test_what_another_worker_writes_at_this_moment_is_found(services, monkeypatch):
    monkeypatch.setattr(serving, "AGAIN_S", 1.0)
    mine, other = (ServingBook(SharedInRedis(services.redis_url, services.redis_prefix)) for _ in range(2))
    try:
        asking = asyncio.create_task(mine.find(1, [MARK]))
        await asyncio.sleep(0.2)
        assert not asking.done()
        other.note(1, [MARK], Bound(1, "a/m"))
        assert await asking == Bound(1, "a/m")
        assert await mine.find(2, [MARK]) is None
    finally:
        await mine.close()
        await other.close()


def bound(to, name="", **fields):
    question = asked(**fields)
    question.request.bound_to, question.bound_name = to, name
    return question


def test_a_bound_conversation_goes_to_nobody_else():
    desk = Desk(A, B)
    assert desk.order(bound(2)) == ["b/m"]
    assert desk.order(bound(2, model="m")) == ["b/m"]
    found = json.loads(bytes(desk.planner.plan(bound(2), CALLER).decision))["excluded"]
    assert found == [{"deployment": "a/m", "rule": "serving identity", "detail": "the conversation is bound to b/m"}]


def test_the_callers_fallbacks_do_not_loosen_it():
    assert Desk(A, B, OTHER).order(bound(2, model="m", models=["other"])) == ["b/m"]


def test_a_key_whose_scope_leaves_it_out_goes_on_elsewhere_and_hears_nothing_of_it():
    kept = structs.replace(CALLER, scope=Scope(models=("a/*",)))
    assert Desk(A, B).order(bound(2), kept) == ["a/m"]
    assert Desk(A, OTHER).order(bound(9, "gone/m"), kept) == ["a/m", "a/other"]


def test_another_model_named_explicitly_leaves_it():
    assert Desk(A, B, OTHER).order(bound(2, model="other")) == ["a/other"]


@pytest.mark.parametrize("model", ["auto", "m", "gone/m"])
def test_one_that_is_no_longer_enabled_is_named(model):
    alias = target("a/m", 1, aliases=("gone/m",))
    at = Desk(alias, OTHER)
    at.catalog.by_name.setdefault("gone/m", alias)
    with pytest.raises(NoEligibleCandidate, match="bound to gone/m, which is not enabled; name another model"):
        at.order(bound(9, "gone/m", model=model))


def test_one_that_is_gone_holds_nobody_who_names_another_model():
    assert Desk(A, OTHER).order(bound(9, "gone/m", model="other")) == ["a/other"]
