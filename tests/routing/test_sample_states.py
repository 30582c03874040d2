"""What the sample's state timeline shows is what its decisions saw, at the instants of its requests."""

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from routing.demo.seen import seen
from tests.dashboard.traffic import outcome
from usage.outcomes import Outcome

NOON = datetime(2026, 11, 2, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOON.timestamp()) - 30
WATCHED = (MINUTE, "", "watched")


def decided(candidates: dict[str, str], **excluded: str) -> Outcome:
    decision: dict[str, Any] = {
        "candidates": [{"deployment": name, "state": state} for name, state in candidates.items()],
        "excluded": [{"deployment": name, "rule": rule, "detail": ""} for name, rule in excluded.items()],
    }
    return outcome(NOON, random.Random(1), decision=Raw(msgspec.json.encode(decision)))


def test_a_breaker_and_a_barred_credential_are_told_and_what_merely_did_not_fit_is_not() -> None:
    told = decided(
        {"fit": "closed", "probed": "half_open", "last": "open"},
        rests="cooldown",
        keyless="credential",
        small="context",
    )
    assert list(seen([told])) == [
        WATCHED,
        (MINUTE, "probed", "half_open"),
        (MINUTE, "last", "open"),
        (MINUTE, "rests", "open"),
        (MINUTE, "keyless", "cooldown"),
    ]


def test_a_request_that_was_not_planned_says_nothing() -> None:
    assert list(seen([outcome(NOON, random.Random(1), decision=None)])) == []
