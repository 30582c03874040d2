"""What does not add up in the records of money is found and said; what does is not."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

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


def ship(place: Place, outcomes: list[Outcome], calibrated: Mapping[str, datetime] | None = None) -> list[str]:
    journal(place.spool, outcomes)
    shipper = Shipper(place.spool)
    while shipper.ship_batch():
        pass
    return [finding.what for finding in money_sanity(DAY, calibrated or {})]


def test_sound_figures_raise_nothing(database: Place) -> None:
    assert ship(database, told(4 * ENOUGH)) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"cost_nano_usd": None}, "alpha/small worked on 50 requests that have tokens and no cost"),
        ({"estimated": True}, "alpha/small reports no usage for 100% of its requests"),
        ({"estimated_prompt_tokens": 500}, "alpha/small: prompts are estimated -50% off what it reports"),
        ({"estimated_prompt_tokens": 890}, "alpha/small: prompts are estimated -11% off what it reports"),
        ({"estimated_prompt_tokens": 1110}, "alpha/small: prompts are estimated +11% off what it reports"),
    ],
)
def test_what_does_not_add_up_is_said(database: Place, facts: dict[str, object], said: str) -> None:
    assert ship(database, told(**facts)) == [said]


@pytest.mark.parametrize("estimated", [910, 1090])
def test_estimates_that_are_off_by_less_than_a_tenth_are_sound(database: Place, estimated: int) -> None:
    assert ship(database, told(4 * ENOUGH, estimated_prompt_tokens=estimated)) == []


def test_estimates_from_before_a_model_was_calibrated_are_not_held_against_it(database: Place) -> None:
    since = NOON - timedelta(minutes=ENOUGH)
    early = told(3 * ENOUGH, estimated_prompt_tokens=600)
    late = told(ENOUGH)
    outcomes = [*early[ENOUGH:], *late]
    assert ship(database, outcomes, {"small": since, "large": since}) == []
    drift = (2 * 600 + 1010) / 3000 - 1
    assert [one.what for one in money_sanity(DAY)] == [
        f"alpha/small: prompts are estimated {drift:+.0%} off what it reports"
    ]


def test_a_calibrated_model_that_drifts_is_said(database: Place) -> None:
    early, late = told(3 * ENOUGH), told(2 * ENOUGH, estimated_prompt_tokens=700)
    said = ship(database, [*early[2 * ENOUGH :], *late], {"small": NOON - timedelta(minutes=2 * ENOUGH)})
    assert said == ["alpha/small: prompts are estimated -30% off what it reports"]


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
