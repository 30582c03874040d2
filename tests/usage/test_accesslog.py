"""One line per request, by the shipper: in both forms, thinned out by the id, once."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboard.traffic import day
from tests.usage.shipping import ship
from usage.accesslog import lines_of
from usage.journal import Journal

END = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_line_says_who_asked_whom_and_what_became_of_it():
    one = next(each for each in day(END, 50) if each.status == "answered" and each.cost_nano_usd)
    told = json.loads(lines_of([one], "json", 100)[0])
    ended = datetime.fromtimestamp(one.started_us / 1e6, UTC) + timedelta(milliseconds=one.total_ms)
    assert abs(datetime.fromisoformat(told["timestamp"]) - ended) < timedelta(milliseconds=1)
    assert (told["request_id"], told["tenant"], told["status"]) == (f"req_{one.id}", one.tenant, "answered")
    assert (told["model"], told["total_ms"], told["cost_nano_usd"]) == (one.model, one.total_ms, one.cost_nano_usd)
    text = lines_of([one], "text", 100)[0]
    assert f"request_id=req_{one.id} tenant={one.tenant} " in text and "\n" not in text


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_a_caller_wrote_stands_in_no_line(form):
    needle = "nr-Zq7wN3edLe0f4tests\nforged line"
    (one,) = day(END, 1)
    one.asked_model = one.session = one.error_message = needle
    one.tags = [needle]
    (line,) = lines_of([one], form, 100)
    assert "Zq7wN3edLe0f4tests" not in line and "forged" not in line and "\n" not in line


def test_a_share_of_the_requests_is_kept_and_always_the_same():
    told = day(END, 400)
    kept = lines_of(told, "json", 25)
    assert 50 < len(kept) < 150 and kept == lines_of(told, "json", 25)
    assert lines_of(told, "json", 0) == [] and len(lines_of(told, "json", 100)) == 400


@pytest.mark.django_db
def test_the_shipper_writes_each_line_once(own_var, capsys):
    told = day(END, 5)
    journal = Journal(own_var / "spool", "test")
    for one in told:
        journal.write(one)
    ship(own_var / "spool")
    ship(own_var / "spool")
    journal.close()
    lines = [line for line in capsys.readouterr().err.splitlines() if "[usage.accesslog]" in line]
    assert sorted(line.partition("request_id=req_")[2][:32] for line in lines) == sorted(one.id for one in told)
