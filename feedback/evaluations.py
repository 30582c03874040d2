"""How is a response judged whose request is not ours to find? In the form of older routers, prompt and response along.

`POST /api/feedback` brings a person's rating of 1 to 5, `POST /api/eval` a test's score of 0 to 1; both are kept on the
one scale of -1 to 1 that ratings have.
"""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from feedback.errors import InvalidRating
from feedback.models import Evaluation

Kind = Literal["feedback", "eval"]
LONGEST_TEXT: Final = 20_000  # characters
LONGEST_LABEL: Final = 256
MOST_LISTED: Final = 100


class Opinion(Struct, frozen=True):
    """A person's words: `rating` is 1 (bad) to 5 (good)."""

    rating: float
    category: str = ""
    comment: str = ""


class NewFeedback(Struct, frozen=True, rename="camel"):
    """What an older router's client posts."""

    model_id: str
    prompt: str
    response: str
    feedback: Opinion


class NewEval(Struct, frozen=True, rename="camel"):
    """One case of a test: `score` is 0 (wrong) to 1 (right)."""

    model_id: str
    prompt: str
    response: str
    score: float
    expected: str = ""
    category: str = ""
    comment: str = ""


class Kept(Struct, frozen=True):
    """An evaluation as it stands; `score` is -1 to 1."""

    id: int
    model: str
    prompt: str
    response: str
    expected: str
    score: float
    category: str
    comment: str
    created_at: datetime


def keep_feedback(new: NewFeedback, tenant_id: int, key_id: int, now: datetime) -> Kept:
    """Keep a person's opinion; raises `InvalidRating`."""
    said = new.feedback
    _check_between("feedback.rating", said.rating, 1, 5)
    row = Evaluation(
        kind="feedback", model=new.model_id, prompt=new.prompt, response=new.response,
        score=(said.rating - 3) / 2, category=said.category, comment=said.comment,
    )  # fmt: skip
    return _kept(row, tenant_id, key_id, now)


def keep_eval(new: NewEval, tenant_id: int, key_id: int, now: datetime) -> Kept:
    """Keep a test's result; raises `InvalidRating`."""
    _check_between("score", new.score, 0, 1)
    row = Evaluation(
        kind="eval", model=new.model_id, prompt=new.prompt, response=new.response, expected=new.expected,
        score=new.score * 2 - 1, category=new.category, comment=new.comment,
    )  # fmt: skip
    return _kept(row, tenant_id, key_id, now)


def listing(
    kind: Kind, tenant_id: int, model: str | None, before: int | None, limit: int, key_id: int | None = None
) -> list[Kept]:
    """A tenant's own, or one key's, the newest first; `before` is the id that the page before ended with."""
    rows = Evaluation.objects.filter(tenant_id=tenant_id, kind=kind)
    if key_id is not None:
        rows = rows.filter(key_id=key_id)
    if model:
        rows = rows.filter(model=model)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_told(row) for row in rows.order_by("-id")[: min(limit, MOST_LISTED)]]


def _told(row: Evaluation) -> Kept:
    return Kept(
        row.pk, row.model, row.prompt, row.response, row.expected, row.score, row.category, row.comment, row.created_at
    )


def _kept(row: Evaluation, tenant_id: int, key_id: int, now: datetime) -> Kept:
    _check_text("modelId", row.model, LONGEST_LABEL)
    if not row.model:
        raise InvalidRating("modelId: must not be empty", param="modelId")
    _check_text("category", row.category, LONGEST_LABEL)
    for name in ("prompt", "response", "expected", "comment"):
        _check_text(name, getattr(row, name), LONGEST_TEXT)
    row.tenant_id, row.key_id, row.created_at = tenant_id, key_id, now
    row.save(force_insert=True)
    return _told(row)


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest or "\0" in text:
        raise InvalidRating(f"{name}: longer than {longest} characters, or with a NUL in it", param=name)


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # false for NaN too
        raise InvalidRating(f"{name}: {value:g} is not between {low:g} and {high:g}", param=name)
