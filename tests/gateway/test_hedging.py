"""A policy that starts a rival for a late first token: the first to speak answers, both are recorded."""

from collections.abc import Iterator

import pytest

from providers.sandbox.testing import Sandbox, fault

from .conftest import two_providers
from .gateway import Gateway, text_of

ENOUGH = 20  # streams before the time to first token of a deployment counts as known
SLOW_S = 0.4  # some begin so late: the p95 is above what a busy machine does to the others


@pytest.fixture(scope="module")
def hedging(migrated, tmp_path_factory, primary_process: Sandbox, fallback_process: Sandbox) -> Iterator[Gateway]:
    configuration = two_providers(primary_process, fallback_process)
    configuration["policies"][0]["hedging"] = True
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("hedging"))
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()


def test_a_late_first_token_gets_a_rival_and_the_first_to_speak_wins(hedging, primary, fallback):
    _get_known(hedging, primary)
    before = len(fallback.calls(chats=True))
    for _ in range(3):
        hedging.events("Hello", "demo")
    assert len(fallback.calls(chats=True)) == before, "a rival was started although nothing was late"

    primary.script(fault("hang_first_token"))
    fallback.script("From the rival")
    answer, events = hedging.events("Hello", "demo")
    assert text_of(events) == "From the rival" and events[-1] == "[DONE]"
    assert answer.headers["x-neuroroute-provider"] == "fallback"
    first, second = hedging.story(answer.headers["x-request-id"])["attempts"]
    assert (first["status"], second["status"], second["kind"]) == ("cancelled", "answered", "hedge")
    (left,) = [call for call in primary.calls(ended=True, chats=True) if call.fault == "hang_first_token"]
    assert left.left_early, "the loser's connection stayed open"

    primary.script(fault("slow_headers", seconds=2 * SLOW_S, text="Slow but first"))
    fallback.script(fault("hang_first_token"))
    answer, events = hedging.events("Hello", "demo")
    assert text_of(events) == "Slow but first"
    kinds = [(a["kind"], a["status"]) for a in hedging.story(answer.headers["x-request-id"])["attempts"]]
    assert kinds == [("first", "answered"), ("hedge", "cancelled")]


def test_hedges_stay_within_their_budget(hedging, primary, fallback):
    _get_known(hedging, primary)
    before = len(fallback.calls(chats=True))
    for _ in range(6):
        primary.script(fault("slow_headers", seconds=2 * SLOW_S))
        hedging.events("Hello", "demo")
    assert 1 <= len(fallback.calls(chats=True)) - before <= 3


def _get_known(hedging: Gateway, primary: Sandbox) -> None:
    primary.script(*[fault("slow_headers", seconds=SLOW_S)] * 4)
    for _ in range(ENOUGH):
        hedging.events("Hello", "demo")
