"""What the page about one request works out: scores, the axis of attempts, drawings."""

import random
from datetime import UTC, datetime

import pytest
from msgspec import Raw

from dashboard.decisions import decision_of, features_of
from dashboard.drawing import FLOW_HEIGHT, Link, flow, sparkline
from dashboard.panels.request_summary import RequestSummary
from dashboard.scope import scope_of
from dashboard.waterfall import AXIS, waterfall
from tests.dashboard.traffic import day, outcome

NOW = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)
RNG = random.Random(3)


def test_statement_17_parts_times_weights_give_the_score():
    decision = decision_of(outcome(NOW, RNG))
    assert decision is not None
    assert list(decision.shares) == ["latency", "cost", "uptime"]  # the heaviest first, no weight no place
    best = decision.candidates[0]
    assert sum(best.parts[scorer] * share for scorer, share in decision.shares.items()) == pytest.approx(
        best.score, abs=1e-3
    )


@pytest.mark.parametrize("raw", [None, Raw(b"null")])
def test_a_request_refused_before_planning_has_no_decision(raw):
    record = outcome(NOW, RNG, decision=raw, features=raw)
    assert decision_of(record) is None
    assert features_of(record) == {}


def test_the_version_that_decided_leads_to_its_page_for_who_may_see_policies():
    record = outcome(NOW, RNG, policy="balanced", policy_version=12)
    seen = scope_of("request", {}, NOW, tenants={}, record=record, may=lambda right: right == "routing.view_policy")
    assert RequestSummary().data(seen).version == "/admin/routing/policy/version/balanced/12/"
    for blind in (
        scope_of("request", {}, NOW, tenants={}, record=record, may=lambda right: False),
        scope_of("request", {}, NOW, tenants={}, record=outcome(NOW, RNG, policy_version=None), may=lambda right: True),
    ):
        assert RequestSummary().data(blind).version == ""


def test_statement_18_attempts_gaps_and_our_own_work_sum_to_the_total_time():
    for record in day(NOW, 60):
        fall = waterfall(record)
        assert sum(span.ms for span in fall.spans) == pytest.approx(record.total_ms, abs=1e-6)
        assert len(fall.bars) == record.attempts_count
        committed = [a.first_token_ms for a in record.attempts if a.committed]
        assert fall.commit_ms == (committed[0] if committed else None)


def test_the_pieces_of_a_bar_fill_its_attempt_and_stay_on_the_axis():
    for record in day(NOW, 60):
        for bar in waterfall(record).bars:
            assert sum(piece.ms for piece in bar.pieces) == pytest.approx(bar.took_ms)
            assert all(piece.x >= 0 and piece.x + piece.width <= AXIS + 1e-6 for piece in bar.pieces)


def test_a_request_without_attempts_is_all_our_own_time():
    fall = waterfall(outcome(NOW, RNG, attempts=[], total_ms=0.4))
    assert [(span.name, span.ms) for span in fall.spans] == [("our own work", 0.4)]
    assert fall.commit is None


def test_a_sparkline_leaves_gaps_out_and_needs_two_points():
    assert sparkline([None, 3.0]) == ""
    assert len(sparkline([0.0, None, 2.0, 4.0]).split()) == 3
    assert sparkline([0.0, 0.0]) == "0.0,29.0 120.0,29.0"


def test_a_flow_keeps_every_request_and_ends_in_nobody():
    links = [Link("a/x", "a/x", 900), Link("a/x", "b/y", 90), Link("a/x", "", 9), Link("b/y", "b/y", 1)]
    drawn = flow(links, {})
    assert sum(node.requests for node in drawn.left) == sum(node.requests for node in drawn.right) == 1000
    assert {node.name for node in drawn.right} == {"a/x", "b/y", ""}
    assert len(drawn.ribbons) == len(links)
    assert drawn.ribbons[0].thickness == pytest.approx(0.9 * FLOW_HEIGHT)
    assert min(ribbon.thickness for ribbon in drawn.ribbons) >= 2  # one in a thousand is still seen
