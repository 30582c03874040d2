"""How were the sample's deployments when its requests were routed? As each decision record says; nothing between them.

The watch over states looks at the operator's deployments alone, by the minute. What the sample's were like is known of
the instants at which a request was planned, and moves with its record.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from routing.candidates import CREDENTIAL
from usage.outcomes import Outcome
from usage.rollups import MINUTE
from usage.states import NO_DEPLOYMENT, WATCHED, Seen, State

STATES: Final[dict[str, State]] = {"open": "open", "half_open": "half_open"}  # as a candidate's breaker was
RULES: Final[dict[str, State]] = {"cooldown": "open", CREDENTIAL: "cooldown"}  # that leave out what is not well


def seen(told: Iterable[Outcome]) -> Iterator[Seen]:
    """The minutes of these records in which their decisions saw how things were, and what was not fit then."""
    for outcome in told:
        if outcome.decision is None:
            continue
        minute = outcome.started_us // 1_000_000 // MINUTE * MINUTE
        decision = msgspec.json.decode(outcome.decision)
        yield minute, NO_DEPLOYMENT, WATCHED
        for each in decision["candidates"]:
            if state := STATES.get(each["state"]):
                yield minute, each["deployment"], state
        for each in decision["excluded"]:
            if state := RULES.get(each["rule"]):
                yield minute, each["deployment"], state
