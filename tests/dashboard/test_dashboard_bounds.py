"""Requests by cost, times and attempts, streamed or not, by their ending: page, file, and words that are wrong."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from dashboard.accepted import named
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_listing import LIST, body, listed
from tests.dashboard.test_dashboard_pages import text_of
from usage.ranges import TimeRange
from usage.selectors import page
from usage.selectors.requestwords import filter_said

pytestmark = pytest.mark.django_db
FITTING = [
    ({"min_cost": "0.001"}, lambda one: (one.cost_nano_usd or 0) >= 1_000_000),
    ({"max_cost": "0.0002"}, lambda one: one.cost_nano_usd is not None and one.cost_nano_usd <= 200_000),
    ({"min_total": "900"}, lambda one: one.total_ms >= 900),
    (
        {"min_ttft": "300", "model": "sandbox-large"},
        lambda one: (one.ttft_ms or 0) >= 300 and one.model == "sandbox-large",
    ),
    ({"min_attempts": "2"}, lambda one: len(one.attempts) > 1),
    ({"streamed": "no", "status": "answered"}, lambda one: not one.stream and one.status == "answered"),
    ({"finish": "stop"}, lambda one: one.finish_reason == "stop"),
    ({"finish": "-"}, lambda one: one.finish_reason is None),
]


@pytest.mark.parametrize(("words", "fits"), FITTING)
def test_page_and_file_have_what_fits_and_a_chip_takes_each_filter_away(staff_client, traffic, words, fits):
    own = sorted((one.id for one in traffic if fits(one)), reverse=True)
    assert own and listed(staff_client, **words) == own[:50]
    rows = rows_of(staff_client, "requests/request_list", **words)[1:]
    assert [row[1] for row in rows] == [f"req_{one}" for one in own]
    shown = staff_client.get(LIST, words)
    for word, value in words.items():
        chip = re.search(rf'class="chip" href="([^"]*)"[^>]*>{named(word)}: {re.escape(value)}', shown.content.decode())
        assert chip and word not in unescape(chip[1])
    unsummed = [word for word in words if word != "model"]
    assert f"Counted whatever their {', '.join(map(named, sorted(unsummed, key=_place)))}." in text_of(shown)


def _place(word: str) -> int:
    return ("status", "min_cost", "max_cost", "min_ttft", "min_total", "min_attempts", "streamed", "finish").index(word)


def test_the_list_says_in_how_many_it_looked(staff_client, traffic):
    many = len(traffic)
    shown = text_of(staff_client.get(LIST, {"min_total": "900"}))
    assert f"Newest first; the least total time was looked for in {many} requests." in shown
    shown = text_of(staff_client.get(LIST, {"min_total": "900", "streamed": "yes", "sort": "-cost"}))
    assert (
        f"of all {many} requests in this range that fit the other filters; least total time and streamed were" in shown
    )


def test_nothing_that_fits_says_so_and_offers_to_take_each_filter_away(staff_client, traffic):
    shown = staff_client.get(LIST, {"min_cost": "999999", "streamed": "no"})
    assert "Nothing matches these filters." in text_of(shown)
    empty = shown.content.decode().split('class="empty"')[1]
    assert "least cost: 999999" in empty and "streamed: no" in empty


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("min_cost", "cheap", "a number of US dollars from 0 to 1,000,000 with at most 9 decimals, such as 0.05"),
        ("max_cost", "1000000.1", "a number of US dollars from 0 to 1,000,000"),
        ("min_ttft", "-5", "a whole number of milliseconds from 0 to 86,400,000"),
        ("min_total", "1.5", "a whole number of milliseconds"),
        ("min_attempts", "1001", "a whole number of attempts from 0 to 1,000"),
        ("streamed", "true", "one of yes, no"),
    ],
)
def test_a_wrong_word_is_told_on_the_page_and_refused_for_a_file(staff_client, traffic, word, value, says):
    shown = text_of(staff_client.get(LIST, {word: value}))
    assert f"{word}={value!r} is not {says}" in shown and "it was left out." in shown
    refused = staff_client.get("/dashboard/panels/requests/request_list.csv", {word: value})
    assert refused.status_code == 400 and says in refused.content.decode()


def test_the_further_filters_are_folded_until_one_is_used(staff_client, traffic):
    assert '<details class="further">' in body(staff_client)
    used = body(staff_client, min_total="900")
    assert '<details class="further" open>' in used and 'name="min_total" value="900"' in used


def test_elsewhere_they_change_nothing_and_the_chip_says_so(staff_client, traffic):
    shown = text_of(staff_client.get("/dashboard/latency/", {"min_total": "900"}))
    assert "least total time: 900 (not used on this page)" in shown


def test_a_figure_that_is_nobody_s_costs_one_window_of_a_page(traffic):
    now = datetime.now(UTC)
    span, cursor, looked = TimeRange.around(now - timedelta(days=1), now, now), None, []
    while not looked or cursor:
        found = page(span, filter_said({"min_cost": "1000000"}, None, None), cursor, window=40)
        cursor, looked = found.cursor, [*looked, found.looked]
        assert not found.rows
    assert looked == [40, 40, 40, 30]
