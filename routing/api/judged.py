"""The shapes of what was found of responses, as older routers spell it."""

from msgspec import Struct

from feedback.evaluations import Opinion


class Judged(Struct, kw_only=True, rename="camel"):
    """What every entry has; `created_at` is ISO 8601."""

    id: int
    model_id: str
    prompt: str
    response: str
    created_at: str


class FeedbackEntry(Judged, kw_only=True, rename="camel"):
    """A person's opinion as it was kept."""

    feedback: Opinion


class EvalCase(Judged, kw_only=True, rename="camel"):
    """A test's result as it was kept; `score` is 0 to 1."""

    score: float
    expected: str
    category: str
    comment: str


class FeedbackEntries(Struct):
    object: str
    data: list[FeedbackEntry]


class EvalCases(Struct):
    object: str
    data: list[EvalCase]
