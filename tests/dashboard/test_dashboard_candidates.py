"""What the page about one request tells of each candidate: what became of it, and how old and whose its figures are."""

import random

import pytest
from django.template.loader import render_to_string
from msgspec.structs import replace

from dashboard.panels.request_candidates import RequestCandidates
from dashboard.panels.request_raw import RequestRaw
from tests.dashboard.test_dashboard_story import NOW, scope, told, tried, with_decision
from tests.dashboard.traffic import outcome
from usage.outcomes import AttemptOutcome

ENDS = {
    "the first answered": ((tried(1, "a/x"),), ["chosen", "not needed", "not needed"]),
    "one was passed over": (
        (tried(1, "a/x", "Overloaded"), tried(2, "c/z")),
        ["failed", "passed over", "chosen"],
    ),
    "one lost a race": (
        (tried(1, "a/x", status="cancelled"), tried(2, "b/y", kind="hedge")),
        ["given up", "chosen", "not needed"],
    ),
    "nobody answered": ((tried(1, "b/y", "Overloaded"),), ["passed over", "failed", "not asked"]),
    "nobody was asked": ((), ["not asked", "not asked", "not asked"]),
}


@pytest.mark.parametrize(("attempts", "ends"), ENDS.values(), ids=ENDS)
def test_what_became_of_each_candidate(db: None, attempts: tuple[AttemptOutcome, ...], ends: list[str]) -> None:
    """One that a budget or a breaker kept the request from was not unneeded."""
    listed = [{"deployment": name, "rank": rank} for rank, name in enumerate(("a/x", "b/y", "c/z"), 1)]
    record = replace(told(*attempts), decision=with_decision(candidates=listed).decision)
    assert [row.outcome for row in RequestCandidates().data(scope(record)).rows] == ends


def test_one_that_was_ruled_out_and_waited_for_says_so(db: None) -> None:
    out = [{"deployment": name, "rule": "credential", "detail": "rate limited; back in 2 s"} for name in ("b/y", "c/z")]
    decision = with_decision(candidates=[{"deployment": "a/x", "rank": 1}], excluded=out).decision
    record = replace(told(tried(1, "a/x", "Overloaded"), tried(2, "b/y")), decision=decision)
    data = RequestCandidates().data(scope(record))
    assert [row.outcome for row in data.rows] == ["failed"] and data.asked_later == {"b/y"}
    page = render_to_string("dashboard/panels/request_candidates.html", {"data": data})
    assert page.count("rate limited; back in 2 s; waited for and asked") == 1
    assert page.count("rate limited; back in 2 s") == 2


def test_a_figure_is_as_old_as_it_was_when_the_request_came(db: None) -> None:
    planned_us = int(NOW.timestamp() * 1e6) - 3_000_000
    candidate = {"deployment": "a/x", "rank": 1, "ttft_ms": 90.0, "speed_from": "measured", "speed_age_s": 4.5}
    data = RequestCandidates().data(scope(with_decision(planned_us=planned_us, candidates=[candidate])))
    assert data.plan_age_ms == pytest.approx(3000)
    assert data.rows[0].speed_age_ms == pytest.approx(7500)


def test_a_record_from_before_these_figures_says_that_they_are_not_recorded(db: None) -> None:
    data = RequestCandidates().data(scope(outcome(NOW, random.Random(3))))
    assert data.plan_age_ms is None
    assert {row.candidate.propensity for row in data.rows} == {None}
    assert {row.candidate.state for row in data.rows} == {None}


def test_how_busy_a_candidate_was_is_for_who_sees_every_tenant(db: None) -> None:
    planned_us = int(NOW.timestamp() * 1e6) - 3_000_000
    memory = {"loaded": True, "loaded_age_s": 40.0}
    listed = [{"deployment": "a/x", "state": "closed"} | memory, {"deployment": "b/y", "state": "closed"}]
    busy = {"a/x": {"running": 3, "waiting": 2}}
    record = with_decision(candidates=listed, busy=busy, planned_us=planned_us)
    rows = RequestCandidates().data(scope(record)).rows
    assert [(row.load.running, row.load.waiting) for row in rows] == [(3, 2), (0, 0)]
    assert [row.loaded_age_ms for row in rows] == [pytest.approx(43_000), None]
    assert '"busy"' in RequestRaw().data(scope(record)).json
    member = replace(scope(record), sight=frozenset({1}))
    assert [row.load for row in RequestCandidates().data(member).rows] == [None, None]
    assert '"busy"' not in RequestRaw().data(member).json
    old = RequestCandidates().data(scope(with_decision(candidates=listed))).rows
    assert [row.load for row in old] == [None, None], "not recorded"
