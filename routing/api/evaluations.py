"""`/api/feedback` and `/api/eval`: what was found of a response, in the form of older routers; to post and to list."""

from typing import Any, ClassVar, Final

import msgspec
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec import Struct
from rest_framework.request import Request

from feedback.evaluations import (
    MOST_LISTED,
    Kept,
    Kind,
    NewEval,
    NewFeedback,
    Opinion,
    keep_eval,
    keep_feedback,
    listing,
)
from routing.api import examples
from routing.api.bodies import decode_body
from routing.api.contracts import answers, shape
from routing.api.database import DatabaseView
from routing.api.judged import EvalCase, EvalCases, FeedbackEntries, FeedbackEntry
from routing.errors import InvalidBody

MOST_ID: Final = 2**63 - 1
PARAMETERS: Final = [
    OpenApiParameter("modelId", str, description="Only this model's"),
    OpenApiParameter("limit", int, description=f"At most this many, {MOST_LISTED} by default and at most"),
    OpenApiParameter("before", int, description="Only older ones than this id: the next page"),
]
_feedback: Final = msgspec.json.Decoder(NewFeedback).decode
_eval: Final = msgspec.json.Decoder(NewEval).decode


class EvaluationView(DatabaseView):
    """A view of one kind of evaluation."""

    route = "feedback"
    kind: ClassVar[Kind]

    def listed(self, request: Request) -> list[Kept]:
        asked = request.query_params
        before = number("before", asked.get("before"), MOST_ID)
        limit = number("limit", asked.get("limit"), MOST_LISTED) or MOST_LISTED
        caller = self.caller(request)
        return listing(self.kind, caller.tenant_id, asked.get("modelId"), before, limit, caller.reads_key)


@extend_schema(tags=["Data plane"])
class FeedbackOfOlderRouters(EvaluationView):
    """People's opinions."""

    kind = "feedback"

    @extend_schema(
        operation_id="sendFeedback",
        summary="Say what one thinks of a response",
        description="`rating` is 1 (bad) to 5 (good). To rate an answer of this gateway, `/v1/feedback` is better: it "
        "knows who answered.",
        request=shape(NewFeedback),
        examples=examples.OPINION,
        responses=answers(FeedbackEntry, "What was kept", 400, 401, 403),
    )
    def post(self, request: Request) -> HttpResponse:
        caller = self.caller(request)
        new = decode_body(_feedback, request.body)
        return say(opinion(keep_feedback(new, caller.tenant_id, caller.key_id, timezone.now())))

    @extend_schema(
        operation_id="listFeedback",
        summary="List one's own feedback",
        parameters=PARAMETERS,
        responses=answers(FeedbackEntries, "The newest first", 400, 401, 403),
    )
    def get(self, request: Request) -> HttpResponse:
        return say(FeedbackEntries("list", [opinion(row) for row in self.listed(request)]))


@extend_schema(tags=["Data plane"])
class EvalOfOlderRouters(EvaluationView):
    """Tests' results."""

    kind = "eval"

    @extend_schema(
        operation_id="sendEval",
        summary="Say what a test found of a response",
        description="`score` is 0 (wrong) to 1 (right).",
        request=shape(NewEval),
        examples=examples.RESULT,
        responses=answers(EvalCase, "What was kept", 400, 401, 403),
    )
    def post(self, request: Request) -> HttpResponse:
        caller = self.caller(request)
        new = decode_body(_eval, request.body)
        return say(case(keep_eval(new, caller.tenant_id, caller.key_id, timezone.now())))

    @extend_schema(
        operation_id="listEvals",
        summary="List one's own test results",
        parameters=PARAMETERS,
        responses=answers(EvalCases, "The newest first", 400, 401, 403),
    )
    def get(self, request: Request) -> HttpResponse:
        return say(EvalCases("list", [case(row) for row in self.listed(request)]))


def number(name: str, text: str | None, most: int) -> int | None:
    """A query's number; raises `InvalidBody`, naming it."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise InvalidBody(f"{name}: not a number between 1 and {most}", param=name)
    return int(text)


def say(answer: Struct) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), "application/json")


def opinion(row: Kept) -> FeedbackEntry:
    said = Opinion(row.score * 2 + 3, row.category, row.comment)
    return FeedbackEntry(feedback=said, **_common(row))


def case(row: Kept) -> EvalCase:
    return EvalCase(
        score=(row.score + 1) / 2,
        expected=row.expected,
        category=row.category,
        comment=row.comment,
        **_common(row),
    )


def _common(row: Kept) -> dict[str, Any]:
    return {
        "id": row.id,
        "model_id": row.model,
        "prompt": row.prompt,
        "response": row.response,
        "created_at": row.created_at.isoformat(),
    }
