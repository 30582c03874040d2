"""Does each panel's file say what its picture says, exactly?"""

import csv
import io
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from dashboard import exports
from dashboard.panels.base import Panel, RequestPanel
from dashboard.tables import MOST_ROWS, Column, Table, csv_lines
from neuroroute.plugins import discover
from tests.dashboard.traffic import NAMES, day, ship
from usage import states

PANELS = discover("dashboard.panels", Panel)
WITH_TABLE = {
    "cost_groups", "cost_movers", "cost_over_time", "deployments", "errors_over_time", "flow", "latency_groups",
    "latency_heatmap", "latency_overhead", "latency_total", "latency_tpot", "latency_ttft", "live_rate", "live_running",
    "providers", "request_list", "savings", "savings_by_policy", "savings_over_time", "spend", "state_timeline",
    "traffic", "upstreams", "usage_cost", "volume",
}  # fmt: skip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_var")]


def read(client, name: str, **words: str) -> list[list[str]]:
    answer = client.get(f"/dashboard/panels/{PANELS[name].page}/{name}.csv", words)
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="{name}-' in answer["Content-Disposition"]
    return list(csv.reader(io.StringIO(async_to_sync(_whole)(answer).decode())))


async def _whole(answer) -> bytes:
    return b"".join([piece async for piece in answer.streaming_content])


def test_the_panels_with_a_table_are_known():
    assert set(PANELS) >= WITH_TABLE


@pytest.mark.parametrize("name", sorted(PANELS))
def test_the_head_of_a_panel_offers_its_file_and_the_file_is_there(name, staff_client, traffic):
    if issubclass(PANELS[name], RequestPanel):
        return
    rested = int(datetime.now(UTC).timestamp()) // 60 * 60 - 300  # the file of states names what was not healthy
    states.record([(rested, NAMES[0], "open")])
    words = {"whose": "team"} if PANELS[name].page == "usage" else {}  # who looks has no key
    shown = staff_client.get(f"/dashboard/panels/{PANELS[name].page}/{name}/", words).content.decode()
    address = f"/dashboard/panels/{PANELS[name].page}/{name}.csv"
    assert (address in shown) == (name in WITH_TABLE)
    if name in WITH_TABLE:
        head, *rows = read(staff_client, name, **words)
        assert rows and all(len(row) == len(head) for row in rows)
    else:
        assert staff_client.get(address).status_code == 404


def test_costs_in_the_file_are_exact_and_add_up(staff_client, traffic):
    head, *rows = read(staff_client, "cost_groups", range="7d", group="model")
    column = head.index("Cost, USD")
    in_list_head, *listed = read(staff_client, "request_list", range="7d")
    each = [row[in_list_head.index("Cost, USD")] for row in listed]
    assert sum(Decimal(row[column]) for row in rows if row[column]) == sum(Decimal(cost) for cost in each if cost) > 0
    assert "" in each, "a request without a price has no cost, which is not 0"


def test_providers_count_the_attempts_that_the_filters_of_home_leave_and_those_that_were_cancelled(
    staff_client, tmp_path
):
    told = day(datetime.now(UTC) - timedelta(minutes=1), 40, hours=5)
    left = next(one.attempts[-1] for one in told if one.provider == "sandbox-openai" and one.model == "sandbox-mini")
    left.status = "cancelled"
    ship(told, tmp_path / "spool")
    for words in ({}, {"model": "sandbox-mini"}, {"provider": "sandbox-openai"}):
        wanted = [
            one
            for each in told
            for one in each.attempts
            if one.model == words.get("model", one.model) and one.provider == words.get("provider", one.provider)
        ]
        heads, *lines = read(staff_client, "providers", **{"range": "24h"} | words)
        rows = [dict(zip(heads, line, strict=True)) for line in lines]
        assert {row["Provider"]: int(row["Attempts"]) for row in rows} == Counter(one.provider for one in wanted)
    heads, *_ = read(staff_client, "providers", policy="balanced")
    assert heads == ["Provider", "Now", "Requests served", "Cost, USD"], "attempts are kept by no policy"


def test_a_compressed_file_is_one_stream_to_its_end(staff_client, traffic, monkeypatch):
    monkeypatch.setattr(exports, "LINES_AT_ONCE", 20)
    address = "/dashboard/panels/requests/request_list.csv?range=7d"
    answer = staff_client.get(address, headers={"accept-encoding": "gzip"})
    reader = zlib.decompressobj(31)  # as browsers read: up to the end of the first stream
    text = reader.decompress(async_to_sync(_whole)(answer)).decode()
    assert answer["Content-Encoding"] == "gzip" and reader.eof and not reader.unused_data
    assert len(text.splitlines()) == len(traffic) + 1


def test_statement_16_times_are_in_the_zone_of_the_page(staff_client, traffic):
    _, *rows = read(staff_client, "traffic", tz="Asia/Kolkata")
    assert all(datetime.fromisoformat(row[0]).utcoffset().total_seconds() == 19_800 for row in rows)


def test_comments_say_what_was_asked_and_are_off_by_default(staff_client, traffic):
    assert not read(staff_client, "cost_groups")[0][0].startswith("#")
    first, second, third, *_ = read(staff_client, "cost_groups", comments="1", model="nobody-of-this-name", range="7d")
    assert first[0].startswith("# What costs how much?") and "filters: model=nobody-of-this-name" in ",".join(third)
    assert second[0].startswith("# 20")


def test_unknown_panels_and_pages_are_not_there(staff_client):
    for address in ("home/nothing", "nothing/traffic", "home/cost_groups", "home/tiles"):
        assert staff_client.get(f"/dashboard/panels/{address}.csv").status_code == 404
    assert Client().get("/dashboard/panels/home/traffic.csv").status_code == 302


def test_a_range_without_anything_says_so_in_plain_text_as_a_script_reads_it(staff_client):
    told = staff_client.get("/dashboard/panels/cost/cost_over_time.csv")
    assert (told.status_code, told["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert told.content.decode() == "The panel 'cost_over_time' of the page 'cost' has no table for this range."


def test_a_file_has_an_end_and_no_command_for_a_spreadsheet():
    table = Table(
        (Column("Name"), Column("Cost", "USD")), ((f"=cmd|{n}", None if n else 1) for n in range(MOST_ROWS + 5))
    )
    lines = list(csv_lines(table, ZoneInfo("UTC")))
    prices = Table((Column("Price"),), ((Decimal(one),) for one in ("0.800000000000000", "100", "0E-9")))
    assert list(csv_lines(prices, ZoneInfo("UTC")))[1:] == ["0.8\r\n", "100\r\n", "0\r\n"]
    assert lines[0] == 'Name,"Cost, USD"\r\n' and lines[1] == "'=cmd|0,0.000000001\r\n" and lines[2] == "'=cmd|1,\r\n"
    assert len(lines) == MOST_ROWS + 2 and lines[-1].startswith(f"# {MOST_ROWS}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"status": "failed_over"}, "status='failed_over' is not one of answered, failover"),
        ({"range": "this-month"}, "range='this-month' is not one of 15m"),
        ({"tz": "Mars"}, "tz='Mars' is not a time zone"),
        ({"range": "custom", "from": "2026-13-01"}, "A custom range needs a start before its end"),
        ({"group": "zzz"}, "group='zzz' is not one of provider"),
        ({"cursor": "garbage"}, "cursor='garbage' is no place in a list"),
        ({"model": "m" * 201}, "model: has 201 characters, at most 200 may be"),
    ],
)
def test_a_word_that_means_nothing_is_told_on_a_page_and_refuses_a_file(words, says, staff_client, traffic):
    refused = staff_client.get("/dashboard/panels/requests/request_list.csv", words)
    assert refused.status_code == 400 and says in refused.content.decode()
    page = staff_client.get("/dashboard/requests/", words)
    assert page.status_code == 200 and says in unescape(page.content.decode())
    assert all(chip.label not in words for chip in page.context["scope"].filters)
