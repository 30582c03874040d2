"""What the panels say of breakers and credentials, as the worker that draws them knows."""

from datetime import UTC, datetime

import pytest
from msgspec import structs
from msgspec.structs import replace

from dashboard.attention import check
from dashboard.board import board
from dashboard.panels.attention import AttentionPanel
from dashboard.panels.providers import ProvidersPanel
from dashboard.rendering import rendered
from dashboard.scope import scope_of
from dashboard.standing import provider_state
from routing.healthnow import health_now
from routing.resilience.report import BreakerReport, CredentialReport, HealthReport
from usage.outcomes import Outcome

OPEN = BreakerReport("open", 3.0, 12.0, 5, 2, "Overloaded, 5 in a row")
PROBED = BreakerReport("half_open", 3.0, None, 5, 2, "Overloaded, 5 in a row")
REJECTED = CredentialReport(1, "acme", "wxyz", "credential rejected", 60.0, None, None)
LIMITED = CredentialReport(2, "acme", "abcd", "rate limited", 1.0, 29.0, "acme/fast")


def drawn(panel, report):
    scope = replace(scope_of("home", {}, datetime.now(UTC)), board=board())
    scope.answers[health_now, (), ()] = report
    found = rendered(panel(), scope)
    assert found.body is not None, found.problem
    return str(found.body)


@pytest.mark.django_db
def test_each_provider_says_what_is_the_matter_now(traffic: list[Outcome]):
    provider = next(attempt.provider for outcome in traffic for attempt in outcome.attempts)
    credentials = tuple(structs.replace(each, provider=provider) for each in (REJECTED, LIMITED))
    body = drawn(ProvidersPanel, HealthReport({f"{provider}/fast": OPEN}, credentials, served={provider: 1}))
    assert (
        "circuit open" in body
        and f"{provider}/fast: provider overloaded or broken, 5 in a row, next probe in 12.00 s" in body
    )
    assert "credential …wxyz: credential rejected, until changed or reset" in body
    assert "credential …abcd for acme/fast: rate limited, back in 29.00 s" in body
    quiet = drawn(ProvidersPanel, None)
    assert "circuit open" not in quiet and "healthy" not in quiet, "who serves nobody does not know"


@pytest.mark.django_db
def test_what_needs_a_person_begins_with_refused_credentials(traffic: list[Outcome]):
    check(datetime.now(UTC))
    body = drawn(AttentionPanel, HealthReport({"acme/fast": OPEN}, (REJECTED, LIMITED)))
    assert "acme: credential …wxyz is rejected" in body and "abcd" not in body
    assert "acme/fast: its circuit breaker is open" in body
    assert body.index("wxyz") < body.index("has no price")


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (HealthReport({}, ()), "healthy"),
        (HealthReport({"acme/a": PROBED}, ()), "half_open"),
        (HealthReport({"acme/a": PROBED, "acme/b": OPEN}, ()), "open"),
        (HealthReport({"acme/a": OPEN}, (), served={"acme": 2}), "degraded"),
        (HealthReport({}, (), frozenset({"acme/a"}), served={"acme": 1}), "cooldown"),
        (HealthReport({}, (), providers={"acme": OPEN}, served={"acme": 3}), "open"),
        (HealthReport({"other/a": OPEN}, (LIMITED,)), "degraded"),
        (None, ""),
    ],
)
def test_the_badge_is_the_worst_that_is_known(report, state):
    assert provider_state("acme", report) == state
