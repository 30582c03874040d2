"""What the pages show is what happened: every sum is checked against the outcomes themselves."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from tests.usage.conftest import Place
from tests.usage.stories import NOON, journal, stories
from usage import ids, selectors
from usage.outcomes import Outcome
from usage.ranges import TimeRange
from usage.selectors import Entities, RequestFilter
from usage.shipper import Shipper

# Of the last thirty hours. The edges are minutes, quarters, hours.
RANGES = [
    TimeRange.around(NOON - timedelta(minutes=minutes), NOON + timedelta(minutes=1), NOON)
    for minutes in (15, 61, 9 * 60 + 17, 24 * 60, 40 * 60)
]


def within(outcomes: list[Outcome], period: TimeRange) -> list[Outcome]:
    low, high = period.seconds
    return [one for one in outcomes if low * 1000 <= ids.instant_ms(one.id) < high * 1000]


def test_totals_are_those_of_the_requests(told: list[Outcome]) -> None:
    for period in RANGES:
        expected, found = within(told, period), selectors.totals(period)
        statuses = Counter(one.status for one in expected)

        assert expected
        assert found.requests == len(expected)
        assert [found.answered, found.failed, found.rejected, found.cancelled, found.interrupted] == [
            statuses[name] for name in ("answered", "failed", "rejected", "cancelled", "interrupted")
        ]
        assert found.cost_nano_usd == sum(one.cost_nano_usd or 0 for one in expected)
        assert found.prompt_tokens == sum(one.prompt_tokens or 0 for one in expected)
        assert found.completion_tokens == sum(one.completion_tokens or 0 for one in expected)
        assert found.failed_over == sum(one.failovers > 0 for one in expected)
        assert found.attempts == sum(len(one.attempts) for one in expected)
        assert found.unpriced == sum(one.provider is not None and one.cost_nano_usd is None for one in expected)


DIMENSIONS: dict[selectors.Dimension, Callable[[Outcome], object]] = {
    "provider": lambda one: one.provider or "",
    "model": lambda one: one.model or "",
    "deployment": lambda one: f"{one.provider}/{one.model}" if one.provider else "",
    "tenant": lambda one: one.tenant_id,
    "key": lambda one: one.key_id,
    "policy": lambda one: one.policy or "",
}


def test_groups_add_up_to_the_totals(told: list[Outcome]) -> None:
    some = (Entities(), Entities(tenant_id=2), Entities(key_id=10), Entities(model="large", policy="cheap"))
    for dimension, period, entities in product(DIMENSIONS, RANGES, some):
        groups, whole = selectors.by(dimension, period, entities), selectors.totals(period, entities)
        expected = Counter(DIMENSIONS[dimension](one) for one in within(told, period) if _concerns(one, entities))

        assert {group.value: group.totals.requests for group in groups} == expected
        assert sum(group.totals.cost_nano_usd for group in groups) == whole.cost_nano_usd
        assert sum(group.totals.requests for group in groups) == whole.requests


def test_buckets_add_up_to_the_totals(told: list[Outcome]) -> None:
    steps = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
    for zone, step, period in product(("UTC", "Asia/Kolkata", "America/St_Johns"), steps, RANGES):
        buckets = period.buckets(step, ZoneInfo(zone))
        sums, split = selectors.series(buckets), selectors.series_by("model", buckets)

        assert [one.requests for one in sums] == [len(within(told, bucket)) for bucket in buckets]
        assert [sum(one[i].cost_nano_usd for one in split.values()) for i in range(len(buckets))] == [
            one.cost_nano_usd for one in sums
        ]


def test_only_named_values_are_split_out(told: list[Outcome]) -> None:
    assert set(selectors.series_by("model", [RANGES[-1]], only=["large"])) == {"large"}


def test_a_list_is_what_the_sum_is_of(told: list[Outcome]) -> None:
    for period in RANGES:
        for chosen, entities in (
            (RequestFilter(), Entities()),
            (RequestFilter(tenant_id=1, model="large"), Entities(tenant_id=1, model="large")),
            (RequestFilter(policy=""), Entities(policy="")),
        ):
            rows, whole = _all_pages(period, chosen), selectors.totals(period, entities)
            assert sum(row.cost_nano_usd or 0 for row in rows) == whole.cost_nano_usd
            assert len(rows) == whole.requests
            assert [row.id for row in rows] == sorted((row.id for row in rows), reverse=True)


def test_lists_are_filtered(told: list[Outcome]) -> None:
    belongs: dict[str, Callable[[Outcome], bool]] = {
        "failed": lambda one: one.status == "failed",
        "errors": lambda one: one.status in ("failed", "interrupted"),
        "failover": lambda one: one.failovers > 0,
        "unpriced": lambda one: one.provider is not None and one.cost_nano_usd is None,
    }
    for status, does in belongs.items():
        rows = _all_pages(RANGES[-1], RequestFilter(status=status, key_id=20))  # type: ignore[arg-type]

        assert {row.id for row in rows} == {one.id for one in told if does(one) and one.key_id == 20}
        assert rows


BOUNDED: list[tuple[dict[str, object], Callable[[Outcome], bool]]] = [
    ({"min_cost_nano_usd": 4_000_000}, lambda one: (one.cost_nano_usd or 0) >= 4_000_000),
    ({"max_cost_nano_usd": 900_000}, lambda one: one.cost_nano_usd is not None and one.cost_nano_usd <= 900_000),
    ({"min_total_ms": 300, "model": "large"}, lambda one: one.total_ms >= 300 and one.model == "large"),
    ({"min_ttft_ms": 90, "tag": "night"}, lambda one: (one.ttft_ms or 0) >= 90 and "night" in one.tags),
    ({"min_attempts": 3, "tag": ""}, lambda one: len(one.attempts) >= 3 and not one.tags),
    ({"streamed": False, "status": "failed"}, lambda one: not one.stream and one.status == "failed"),
    ({"finish": "", "streamed": True, "tenant_id": 1}, lambda one: one.stream and one.tenant_id == 1),
    (
        {"error": "RateLimited", "min_total_ms": 200},
        lambda one: one.total_ms >= 200 and "RateLimited" in {one.error, *(each.error for each in one.attempts)},
    ),
]


@pytest.mark.parametrize(("named", "fits"), BOUNDED)
def test_what_no_index_knows_is_found_window_by_window_either_way(
    told: list[Outcome], named: dict[str, object], fits: Callable[[Outcome], bool]
) -> None:
    chosen = RequestFilter(**named)  # type: ignore[arg-type]
    expected = sorted((one.id for one in told if fits(one)), reverse=True)
    for oldest in (False, True):
        rows, cursor, looked = list[str](), None, list[int]()
        while True:
            page = selectors.page(RANGES[-1], chosen, cursor, limit=4, oldest=oldest, window=30)
            rows += [row.id for row in page.rows]
            looked.append(page.looked or 0)
            if not (cursor := page.cursor):
                break
        assert expected and rows == (expected[::-1] if oldest else expected)
        assert max(looked) <= 30 + 4 * 4, "a page looks at a window, however rare what it looks for is"
    ranked = selectors.tops(RANGES[-1], chosen, "total", limit=5).rows
    found = sorted((one for one in told if fits(one)), key=lambda one: (one.total_ms, one.id), reverse=True)
    assert [row.id for row in ranked] == [one.id for one in found[:5]]


def test_a_cursor_that_is_none_begins_at_the_newest(told: list[Outcome]) -> None:
    assert selectors.page(RANGES[-1], cursor="nonsense") == selectors.page(RANGES[-1])


def test_a_flow_links_to_exactly_its_requests(told: list[Outcome]) -> None:
    flows = selectors.flow(RANGES[-1])
    judged = [one for one in told if one.status in ("answered", "failed", "interrupted")]

    assert sum(one.requests for one in flows) == len(judged)
    assert sum(one.failed_over for one in flows) == sum(one.failovers > 0 for one in judged)
    assert {one.served for one in flows} >= {"", "alpha/small"}
    rescued = [one for one in judged if one.failovers and one.provider]
    lost = [try_ for one in rescued for try_ in one.attempts if try_.status in ("failed", "interrupted")]
    assert sum(one.rescues for one in flows) == len(rescued)
    assert sum(one.rescue_nano_usd for one in flows) == sum(try_.cost_nano_usd or 0 for try_ in lost)
    for one in flows:
        rows = _all_pages(RANGES[-1], RequestFilter(first_choice=one.first_choice, served=one.served))
        assert len(rows) == one.requests
        assert sum(row.cost_nano_usd or 0 for row in rows) == one.cost_nano_usd


FAILURES: list[tuple[RequestFilter, str | None, str]] = [
    (RequestFilter(error="RateLimited"), "RateLimited", ""),
    (RequestFilter(error="RateLimited", failed="alpha/*"), "RateLimited", "alpha/"),
    (RequestFilter(error="Overloaded", failed="*/large", tenant_id=2), "Overloaded", "/large"),
    (RequestFilter(failed="alpha/small", tenant_id=frozenset({1, 3})), None, "alpha/small"),
]


@pytest.mark.parametrize(("chosen", "error", "part"), FAILURES)
def test_behind_failed_attempts_are_exactly_their_requests(
    told: list[Outcome], chosen: RequestFilter, error: str | None, part: str
) -> None:
    def fits(one: Outcome) -> bool:
        whose = chosen.tenant_id
        if whose is not None and one.tenant_id not in (whose if isinstance(whose, frozenset) else {whose}):
            return False
        failed = [each for each in one.attempts if each.error and error in (None, each.error)]
        return any(part in each.deployment for each in failed) or (not part and one.error == error)

    expected = {one.id for one in told if fits(one)}
    rows = _all_pages(RANGES[-1], chosen)
    backwards = selectors.page(RANGES[-1], chosen, oldest=True, limit=1000).rows
    assert expected and {row.id for row in rows} == expected
    assert [row.id for row in rows] == sorted(expected, reverse=True)
    assert [row.id for row in backwards] == sorted(expected)
    assert {row.id for row in selectors.tops(RANGES[-1], chosen, "total", limit=1000).rows} == expected


def test_failures_count_bucket_by_bucket_what_the_list_is_of(told: list[Outcome]) -> None:
    buckets = RANGES[-1].buckets(timedelta(hours=6), ZoneInfo("UTC"))
    for error, provider, model in ((None, "alpha", None), ("RateLimited", None, None), ("Overloaded", None, "large")):
        expected = [
            sum(
                each.status not in ("answered", "cancelled")
                and error in (None, each.error)
                and provider in (None, each.provider)
                and model in (None, each.model)
                for one in within(told, bucket)
                for each in one.attempts
            )
            for bucket in buckets
        ]
        assert sum(expected) and selectors.failure_series(buckets, error, provider, model) == expected


def test_a_page_of_failures_looks_at_so_many_and_says_where_it_ended(told: list[Outcome]) -> None:
    chosen = RequestFilter(error="RateLimited", policy="cheap")
    found = _all_pages(RANGES[-1], chosen)
    page, rows = selectors.page(RANGES[-1], chosen, limit=1, window=5), list[str]()
    while page.cursor:
        assert page.looked is not None and page.looked <= 5 + 4
        rows += [row.id for row in page.rows]
        page = selectors.page(RANGES[-1], chosen, page.cursor, limit=1, window=5)
    assert [*rows, *(row.id for row in page.rows)] == [row.id for row in found]


def test_errors_and_attempts_are_counted_by_deployment(told: list[Outcome]) -> None:
    called = [attempt for one in told if one.tenant_id == 3 for attempt in one.attempts]
    failed = Counter((one.deployment, one.error) for one in called if one.status in ("failed", "interrupted"))

    assert {(one.deployment, one.error): one.attempts for one in selectors.errors(RANGES[-1], tenant_id=3)} == failed
    for found in selectors.attempts(RANGES[-1], tenant_id=3):
        own = [one for one in called if one.deployment == found.deployment]
        assert found.attempts == len(own)
        assert found.answered == sum(one.status == "answered" for one in own)
        assert found.retries == sum(one.kind == "retry" for one in own)
        assert found.error_rate == pytest.approx(found.failed / (found.failed + found.answered))
    assert [one.deployment for one in selectors.attempts(RANGES[-1], deployment="beta/free")] == ["beta/free"]


def test_a_story_is_only_its_own_tenants(told: list[Outcome], telling: Place) -> None:
    one = told[0]

    assert selectors.find(f"req_{one.id}", one.tenant_id, telling.spool)
    assert selectors.find(f"req_{one.id}", one.tenant_id + 1, telling.spool) is None
    assert selectors.find("req_nothing", directory=telling.spool) is None


def test_todays_use_counts_what_was_granted_shipped_or_not(database: Place) -> None:
    now = datetime.now(UTC)
    told = stories(60, end=now - timedelta(seconds=1), hours=0.01)
    journal(database.spool, told[:40])
    Shipper(database.spool).ship_batch()
    journal(database.spool, told[40:])
    since = now.replace(second=0, microsecond=0) - timedelta(minutes=5)

    assert selectors.used_since(since, database.spool) == Counter(
        one.tenant_id for one in told if one.status != "rejected"
    )
    assert selectors.used_since(since, database.spool, dimension="key") == Counter(
        one.key_id for one in told if one.status != "rejected"
    )


def _concerns(one: Outcome, entities: Entities) -> bool:
    wanted = {
        "tenant_id": entities.tenant_id,
        "key_id": entities.key_id,
        "model": entities.model,
        "policy": entities.policy,
    }
    return all(value is None or getattr(one, name) == value for name, value in wanted.items())


def _all_pages(period: TimeRange, chosen: RequestFilter) -> list[selectors.Listed]:
    rows: list[selectors.Listed] = []
    cursor: str | None = None
    while True:
        page = selectors.page(period, chosen, cursor, limit=37)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows
