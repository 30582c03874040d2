"""/api/admin/requests: what was asked and what became of it, one line per record, as the dashboard lists them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Struct
from msgspec.structs import asdict, replace

from routing.api.contracts import RequestStory
from routing.api.operator.auditlog import instant
from routing.api.operator.documents import documented
from routing.api.operator.errors import NotThere
from routing.api.operator.paging import MOST, USUAL, Filter, number, one_of, values
from routing.api.operator.resource import Reading
from routing.api.recorded import AnswerHeaders, answer_headers
from routing.api.requests import money, told
from routing.configfile.reading import nearest
from routing.decisions import of_ones_own
from routing.errors import InvalidBody
from routing.selectors import words_known
from tenants.selectors import key_named, tenant_names
from tenants.sight import Sight
from usage import ids
from usage.models import RequestRecord
from usage.outcomes import Status
from usage.ranges import TimeRange
from usage.selectors import Listed, Page, RequestFilter, Top, Whose, find, page, tops
from usage.selectors.requestwords import BOUNDS, STATUSES, STREAMED, filter_said

SPAN: Final = timedelta(hours=24)
LONGEST: Final = timedelta(days=366)
ORDERS: Final = ("-time", "time", "-cost", "-total", "-ttft")
INSTANT: Final = "an instant such as 2026-01-31T12:00:00Z"
TOPS: Final[Mapping[str, Top]] = {"-cost": "cost", "-total": "total", "-ttft": "ttft"}
NAMED: Final = "a name, or - for none"


class RequestRow(Struct):
    """One request. `cost_usd` is of all its attempts, a decimal text, null where a price is unknown; `first_choice` and
    the deployment that answered are the same but for a failover."""

    id: str
    started_at: datetime
    status: Status
    http_status: int
    error: str | None
    error_code: str | None
    stream: bool
    asked_model: str
    provider: str | None
    model: str | None
    policy: str | None
    first_choice: str | None
    why: str | None
    task: str | None
    session: str | None
    tags: list[str]
    tenant: str
    key_prefix: str
    attempts: int
    failovers: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    estimated: bool
    cost_usd: str | None
    overhead_ms: float
    ttft_ms: float | None
    total_ms: float


list_of = list


class OperatorRequestStory(RequestStory):
    """The record of one request of any tenant in sight."""

    tenant: str
    key_prefix: str
    response_id: str | None  # in the answer: the upstream's, or ours where its wire has none
    headers: AnswerHeaders


def _cursor(text: str) -> str:
    if ids.parse(text) is None:
        raise ValueError(text)
    return text


@documented(RequestRow, whole=OperatorRequestStory)
class Requests(Reading):
    """Requests. Those from `since` to `until`: usually of the last 24 hours, of 366 days at most.

    `ordering` by `-cost`, `-total` or `-ttft` compares the newest 10,000 that fit, or 2,000 of those that met an
    `error`, and tells the greatest `limit`, without a `next`. A `tag`, `streamed`, `finish` and what begins with `min_`
    or `max_` are looked for in 10,000 per page, which may then have fewer rows than `limit` and yet a `next`: `looked`
    says in how many. An unknown cost or time fits no bound. A cursor stays where it is as requests come in.
    """

    model = RequestRecord
    lookup_value_regex = "[^/]+"
    keyset = "cursor"
    filters: ClassVar[Mapping[str, Filter]] = {
        "since": Filter("", instant, INSTANT),
        "until": Filter("", instant, INSTANT),
        "status": Filter("", one_of(STATUSES), f"one of {', '.join(STATUSES)}"),
        "tenant": Filter("", says="a tenant's name"),
        "key": Filter("", says="a client key's id, its prefix, or tenant/name"),
        **{name: Filter("", says=NAMED) for name in ("provider", "model", "policy", "session", "task")},
        **{name: Filter("", says="provider/model, or - for none") for name in ("deployment", "first", "served")},
        "tag": Filter("", says="a tag that it carries, or - for none"),
        **{word: Filter("", bound.checked, bound.says) for word, bound in BOUNDS.items()},
        "streamed": Filter("", one_of(STREAMED), f"one of {', '.join(STREAMED)}"),
        "finish": Filter("", says="a reason why the answer ended, such as length, or - for none"),
        "error": Filter("", says="a class of error, such as RateLimited, of it or of any of its attempts"),
        "failed": Filter("", says="provider/model where an attempt failed; either may be * beside an error"),
        "cursor": Filter("", _cursor, "a cursor: take the address in `next`"),
    }
    orders: ClassVar[Mapping[str, str]] = dict.fromkeys(ORDERS, "")

    def list(self, request: HttpRequest) -> HttpResponse:
        limit = number(request.GET, "limit", USUAL, 1, MOST)
        asked = values(request.GET, self.filters, "limit", "ordering")
        order = request.GET.get("ordering", ORDERS[0])
        if order not in ORDERS:
            raise InvalidBody(f"ordering: {order[:40]!r} is none of {', '.join(ORDERS)}", param="ordering")
        span, chosen = _span(asked, timezone.now()), self._chosen(asked)
        found = _read(span, chosen, order, asked.get("cursor"), limit)
        fixed = {"since": _text(span.start), "until": _text(span.end), "limit": limit, "cursor": found.cursor}
        following = f"{request.path}?{urlencode({**request.GET.dict(), **fixed})}" if found.cursor else None
        body = {"object": "list", "data": self.told(found.rows), "limit": limit, "next": following}
        doubts = [] if found.rows else _doubts(asked)
        return self.json({**body, "since": span.start, "until": span.end, "looked": found.looked, "warnings": doubts})

    def told(self, rows: list_of[Listed]) -> list_of[RequestRow]:
        return [_row(each) for each in rows]

    def retrieve(self, request: HttpRequest, pk: str) -> HttpResponse:
        """The whole story."""
        outcome = find(pk, self.operator.sight)
        if outcome is None:
            raise NotThere(f"{pk[:80]}: there is no request with this id, or it is not yours to see")
        if self.operator.sight is not None:
            outcome = replace(outcome, decision=of_ones_own(outcome.decision))
        more = {name: getattr(outcome, name) for name in ("tenant", "key_prefix", "response_id")}
        return self.json({**told(outcome, whole=True), **more, "headers": answer_headers(outcome)})

    def _chosen(self, asked: Mapping[str, Any]) -> RequestFilter:
        sight = self.operator.sight
        return filter_said(asked, _tenant(asked.get("tenant"), sight), _key(asked.get("key"), sight))


def _read(span: TimeRange, chosen: RequestFilter, order: str, cursor: str | None, limit: int) -> Page:
    figure = TOPS.get(order)
    if figure is None:
        return page(span, chosen, cursor, limit, oldest=order == "time")
    if cursor is not None:
        raise InvalidBody("cursor: goes with an ordering by time alone", param="cursor")
    return tops(span, chosen, figure, limit)


def _span(asked: Mapping[str, Any], now: datetime) -> TimeRange:
    """The range asked for, to whole seconds."""
    until = asked.get("until", now + timedelta(seconds=1)).astimezone(UTC).replace(microsecond=0)
    since = asked.get("since", until - SPAN).astimezone(UTC).replace(microsecond=0)
    if since >= until:
        raise InvalidBody(f"since: {_text(since)} is not before until, {_text(until)}", param="since")
    if until - since > LONGEST:
        raise InvalidBody(f"since: more than {LONGEST.days} days before until, {_text(until)}", param="since")
    return TimeRange(since, until)


def _tenant(name: str | None, sight: Sight) -> Whose:
    if name is None:
        return sight
    known = {called: pk for pk, called in tenant_names(sight).items()}
    if name not in known:
        raise InvalidBody(f"tenant: no tenant that you see is called {name[:64]}{nearest(name, known)}", param="tenant")
    return known[name]


def _key(word: str | None, sight: Sight) -> int | None:
    """A key's number needs no row: records outlive keys."""
    if word is None:
        return None
    found = int(word) if word.isdecimal() and len(word) < 19 else key_named(word, sight)
    if found is None:
        raise InvalidBody(f"key: no client key is {word[:80]}; give its id, its prefix, or tenant/name", param="key")
    return found


def _doubts(asked: Mapping[str, Any]) -> list[str]:
    """Why nothing may have been found: a name that nothing has now. That is no error, as records outlive names."""
    said = {word: asked[word] for word in ("provider", "model", "deployment", "policy") if asked.get(word, "-") != "-"}
    missing = said.keys() - words_known(said) if said else ()
    return [f"{word}: nothing is called {said[word][:80]} now" for word in said if word in missing]


def _row(one: Listed) -> RequestRow:
    same = {name: value for name, value in asdict(one).items() if name in RequestRow.__struct_fields__}
    return RequestRow(
        **same
        | {
            "id": f"{ids.WIRE_PREFIX}{one.id}",
            "started_at": datetime.fromtimestamp(one.started_us / 1e6, UTC),
            "task": one.category,
            "attempts": one.attempts_count,
            "cost_usd": money(one.cost_nano_usd),
        }
    )


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
