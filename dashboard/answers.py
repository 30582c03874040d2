"""What does the record of an answer say to the one who asked? The decision in a sentence, and why a cost is unknown."""

from typing import Final

from msgspec import Struct

from dashboard.decisions import decision_of
from dashboard.sentences import Sentence, sentence
from usage.outcomes import Outcome

SHOWN: Final = 3  # filtered ones, named with their reasons


class Told(Struct, frozen=True):
    """What a column shows beside the answer."""

    candidates: int | None  # None: nothing was decided
    filtered: int
    reasons: tuple[str, ...]
    sentence: Sentence
    unknown: str  # why the cost is unknown; empty where it is known


def told(record: Outcome) -> Told:
    decision = decision_of(record)
    filtered = len(decision.excluded) + decision.more_excluded if decision else 0
    candidates = filtered + len(decision.candidates) + decision.more_candidates if decision else None
    return Told(
        candidates=candidates,
        filtered=filtered,
        reasons=tuple(f"{one.deployment} ({one.detail or one.rule})" for one in decision.excluded[:SHOWN])
        if decision
        else (),
        sentence=sentence(record),
        unknown=why_unknown(record),
    )


def why_unknown(record: Outcome) -> str:
    """Why nobody can say what a request cost."""
    if record.cost_nano_usd is not None:
        return ""
    if not record.attempts:
        return "nobody was called"
    if record.prompt_tokens is None:
        return "the provider reported no usage"
    return f"no price for {record.provider}/{record.model}" if record.provider else "no price for a model tried"
