"""What happened to a request, in one sentence? Each part as a person would say it, from the record alone."""

from collections import Counter
from typing import Final

from msgspec import Struct

from dashboard.errorclasses import ENDED
from usage.outcomes import AttemptOutcome, Outcome

TOLD: Final = ("answered", "interrupted", "cancelled")  # how a request may end of which somebody sent a part


class Sentence(Struct, frozen=True):
    """Who was asked for, who spoke (empty: nobody), what became of it, and why so."""

    asked: str
    model: str
    provider: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        return "; ".join(self.parts)


def sentence(record: Outcome) -> Sentence:
    """The sentence of a record; the parts follow `<asked> → <model> at <provider>`, or `<asked> → nobody`."""
    spoke = record.provider is not None and record.status in TOLD
    parts = _spoken(record) if spoke else _unspoken(record)
    return Sentence(
        record.asked_model or "auto",
        (record.model or "") if spoke else "",
        (record.provider or "") if spoke else "",
        tuple(part for part in parts if part),
    )


def ended(attempt: AttemptOutcome) -> str:
    """How an attempt that led to nothing ended: `p/m was overloaded`."""
    return f"{attempt.deployment} {_how(attempt)}"


def _how(attempt: AttemptOutcome) -> str:
    if attempt.status == "cancelled":
        return "was given up"
    if attempt.committed:
        return "broke off after it had begun"
    if attempt.error == "Unreachable" and attempt.first_byte_ms is not None:
        return "broke off before it had begun"
    return ENDED.get(attempt.error or "", f"failed ({attempt.error})")


def because(why: str | None) -> str:
    """`why` of a record behind the first choice: `because it was the only deployment`."""
    if not why:
        return ""
    if why.startswith("best score"):
        return f"because it had the {why}"
    return f"because it was {why}"


def _spoken(record: Outcome) -> list[str]:
    """Who spoke is named already: why they, what was tried before, and whether it came to an end."""
    told = record.decisive
    first, served = record.first_choice or "", f"{record.provider}/{record.model}"
    if first in ("", served):
        return [because(record.why), *_before(record, told, first), _end(record)]
    chosen = f"first choice {first}" + (f" ({record.why.replace('; ', ', ')})" if record.why else "")
    lost = [a for a in record.attempts if a.deployment == first and a is not told]
    became = _became(lost[-1], told) if lost else "was passed over"
    return [f"{chosen} {became}", *_before(record, told, first), _end(record)]


def _became(lost: AttemptOutcome, told: AttemptOutcome) -> str:
    """What became of the first choice that another spoke in the place of."""
    if told.kind == "hedge" and not lost.error:
        return "was slow to begin, and the hedged request beside it was sooner"
    if lost.committed:
        return f"{_how(lost)}, and the other went on with it"
    return _how(lost)


def _before(record: Outcome, told: AttemptOutcome, first: str) -> list[str]:
    """The other attempts that led to nothing: of the one that spoke as well, if it had to be asked again."""
    others = [a for a in record.attempts if a is not told and not (a.deployment == first and told.deployment != first)]
    return _counted([_other(attempt, told) for attempt in others])


def _other(attempt: AttemptOutcome, told: AttemptOutcome) -> str:
    if attempt.kind == "hedge" and not attempt.error:
        return f"{attempt.deployment}, started beside it as the first token was late, was not needed"
    if attempt.deployment != told.deployment:
        return ended(attempt)
    if attempt.committed:
        return f"it {_how(attempt)}, and went on itself"
    return f"it {_how(attempt)} the first time" if told.kind == "retry" else f"it {_how(attempt)}"


def _end(record: Outcome) -> str:
    if record.status == "interrupted":
        return "its answer broke off"
    if record.status == "cancelled":
        return _cancelled(record)
    return ""


def _cancelled(record: Outcome) -> str:
    return "an operator ended it" if record.error == "CancelledByOperator" else "the client left before the end"


def _unspoken(record: Outcome) -> list[str]:
    """Nobody is named: who was tried, and how each ended."""
    if not record.attempts:
        if record.status == "rejected":
            return ["refused before any provider was asked", record.why or ""]
        if record.status == "cancelled":
            return [_cancelled(record), "no provider was asked"]
        # Why one was the first choice is no reason for what became of it.
        return ["no provider could be asked", "" if record.first_choice else record.why or ""]
    tried = [ended(attempt) for attempt in record.attempts if attempt.error or attempt.status != "answered"]
    return [*_counted(tried), _cancelled(record) if record.status == "cancelled" else ""]


def _counted(said: list[str]) -> list[str]:
    """What was said several times is said once, with its number."""
    numbers = Counter(said)
    return [text if times == 1 else f"{text} ({times} times)" for text, times in numbers.items()]
