"""What happened to this request, in one sentence and a few facts."""

from datetime import UTC, datetime, timedelta

from django.urls import reverse
from msgspec import Struct

from dashboard.panels.base import RequestPanel
from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant
from dashboard.sentences import Sentence, sentence
from usage.outcomes import Outcome

DAY = timedelta(days=1)


class Summary(Struct, frozen=True):
    record: Outcome
    started_at: datetime
    state: str  # the status, or "failover" where another than the first choice answered
    told: Sentence
    tokens_per_s: float | None
    session: str  # the address of its session's requests, empty without one
    version: str  # the page of the policy's version, for who may see policies; else empty


class RequestSummary(RequestPanel):
    """The sentence of the decision, then when, who, what and how much."""

    name = "request_summary"
    title = "What happened?"
    order = 10
    formula = (
        "The sentence is built from the decision record as it was kept at that time; total time is from arrival "
        "to the last byte, and cost is that of all attempts."
    )

    def about(self, record: Outcome, scope: Scope) -> Summary:
        return Summary(
            record=record,
            started_at=datetime.fromtimestamp(record.started_us / 1e6, UTC),
            state="failover" if record.status == "answered" and record.failovers else record.status,
            told=sentence(record),
            tokens_per_s=_speed(record),
            session=scope.link("requests", session=record.session, **_around(record)) if record.session else "",
            version=_version(record) if scope.may("routing.view_policy") else "",
        )


def _around(record: Outcome) -> dict[str, str]:
    """The words of a range: a day to both sides."""
    at = datetime.fromtimestamp(record.started_us / 1e6, UTC)
    return {"range": CUSTOM, "from": instant(at - DAY), "to": instant(at + DAY)}


def _version(record: Outcome) -> str:
    if not record.policy or record.policy_version is None:
        return ""
    return reverse("admin:routing_policy_version", args=[record.policy, record.policy_version])


def _speed(record: Outcome) -> float | None:
    """Completion tokens per second while streaming; of one that came whole there is no such speed."""
    if not record.stream or record.completion_tokens is None or record.ttft_ms is None:
        return None
    streaming_s = (record.total_ms - record.ttft_ms) / 1e3
    return record.completion_tokens / streaming_s if streaming_s > 0 else None
