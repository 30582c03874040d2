"""What does not add up in the records of money is found and said; what does is not."""

import random
from datetime import timedelta

import pytest
from msgspec import structs

from tests.usage.conftest import Place
from tests.usage.stories import NOON, journal, story
from usage.outcomes import Outcome
from usage.ranges import TimeRange
from usage.selectors.sanity import ENOUGH, money_sanity
from usage.shipper import Shipper

DAY = TimeRange.around(NOON - timedelta(days=1), NOON + timedelta(minutes=1), NOON)
SOUND = {"status": "answered", "provider": "alpha", "model": "small", "prompt_tokens": 1000, "completion_tokens": 100}
SOUND |= {"cost_nano_usd": 2_200_000, "estimated_prompt_tokens": 1010, "estimated": False, "attempts": []}


def told(count: int = ENOUGH, **facts: object) -> list[Outcome]:
    rng = random.Random(str(facts))
    return [story(NOON - timedelta(minutes=n), rng, **(SOUND | {"stream": n % 2 == 0} | facts)) for n in range(count)]


def ship(place: Place, outcomes: list[Outcome]) -> list[str]:
    journal(place.spool, outcomes)
    shipper = Shipper(place.spool)
    while shipper.ship_batch():
        pass
    return [finding.what for finding in money_sanity(DAY)]


def test_sound_figures_raise_nothing(database: Place) -> None:
    assert ship(database, told(4 * ENOUGH)) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"cost_nano_usd": None}, "alpha/small worked on 50 requests that have tokens and no cost"),
        ({"estimated": True}, "alpha/small reports no usage for 100% of its requests"),
        ({"estimated_prompt_tokens": 500}, "alpha/small: prompts are estimated -50% off what it reports"),
    ],
)
def test_what_does_not_add_up_is_said(database: Place, facts: dict[str, object], said: str) -> None:
    assert ship(database, told(**facts)) == [said]


def test_streams_that_cost_a_fraction_are_found(database: Place) -> None:
    outcomes = told(2 * ENOUGH)
    lost = [structs.replace(one, cost_nano_usd=4_000) if one.stream else one for one in outcomes]
    (said,) = ship(database, lost)
    assert said == "alpha/small: a token costs $0.003636 per million streamed, $2 otherwise"


def test_prompts_that_cannot_be_estimated_do_not_count_as_drift(database: Place) -> None:
    assert (
        ship(database, told(4 * ENOUGH, prompt_tokens=10_000, cost_nano_usd=20_000, estimated_prompt_tokens=None)) == []
    )


def test_too_few_requests_say_nothing(database: Place) -> None:
    assert ship(database, told(ENOUGH - 1, estimated=True)) == []
