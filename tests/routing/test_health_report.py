"""What people and Prometheus are told of health: breakers, credentials by their last four, counts."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from prometheus_client import REGISTRY

from providers.catalog import build
from providers.errors import (
    AccessDenied,
    CredentialRejected,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Unreachable,
    Untrusted,
)
from providers.targets import Secret
from routing.attention import behind, notices_of, standing
from routing.healthmetrics import HealthGauges
from routing.healthnow import health_now
from routing.resilience import Health
from routing.resilience.report import breaker_report, health_report

from .factories import target

KEYS = (Secret(1, "sk-one-aaaa", "aaaa"), Secret(2, "sk-two-bbbb", "bbbb"), Secret(3, "sk-three-cccc", "cccc"))
ONE = target("acme/one", 1, provider_id=1, secrets=KEYS)
OTHER = target("acme/other", 2, provider_id=1, secrets=KEYS)
ELSE = target("else/one", 3, provider_id=3)
ALL = (ONE, OTHER, ELSE)
NOW = 1000.0
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def health():
    return Health(rng=Random(7))


def fail(health, where, error, times=1, secret=KEYS[0]):
    for _ in range(times):
        health.failed(where, secret, error, NOW)


def test_a_breaker_is_told_from_its_first_failure_to_its_probe(health):
    fail(health, ONE, Overloaded(), 2)
    assert breaker_report(health, ONE, NOW).state == "closed" and breaker_report(health, ONE, NOW).failures == 2
    fail(health, ONE, Overloaded(), 3)
    told = breaker_report(health, ONE, NOW + 1)
    assert (told.state, told.since_s, told.failures, told.ejections) == ("open", 1, 5, 1)
    assert 0.5 < told.next_probe_in_s < 1.5 and told.reason == "Overloaded, 5 in a row"
    assert breaker_report(health, ONE, NOW + 3).state == "half_open"
    assert breaker_report(health, ONE, NOW + 3).next_probe_in_s == 0
    assert health.asking(ONE, NOW + 3) is None
    assert breaker_report(health, ONE, NOW + 3).next_probe_in_s is None, "it is under way"


def test_the_breaker_of_a_provider_is_told_of_all_that_it_serves(health):
    fail(health, ONE, Unreachable("refused"), 2)
    report = health_report(health, ALL, NOW)
    assert set(report.breakers) == {"acme/one", "acme/other"}
    assert report.of_provider("acme").state == "open" and report.of_provider("else") is None


def test_credentials_are_told_by_their_last_four_alone(health):
    fail(health, ONE, RateLimited(retry_after_s=30))
    fail(health, ONE, QuotaExhausted(), secret=KEYS[1])
    fail(health, OTHER, CredentialRejected(), secret=KEYS[2])
    told = health_report(health, ALL, NOW + 10).credentials
    assert {(each.last_four, each.state, each.deployment, each.back_in_s) for each in told} == {
        ("aaaa", "rate limited", "acme/one", 20),
        ("bbbb", "quota exhausted", None, 3590),
        ("cccc", "credential rejected", None, None),
    }
    assert "sk-" not in repr(told)


def test_the_row_of_a_credential_says_how_it_stands(health):
    fail(health, ONE, RateLimited(retry_after_s=30))
    fail(health, OTHER, CredentialRejected(), secret=KEYS[2])
    report = health_report(health, ALL, NOW + 10)
    assert standing(report, 1) == (
        "rate limited by acme/one. It is not used for 20 s; resetting health tries it at once."
    )
    assert standing(report, 2) == "usable"
    assert standing(report, 3).startswith("credential rejected. It is not used until it is changed")
    assert standing(None, 1) == "—"


def test_what_only_a_person_can_mend_becomes_a_notice(health):
    fail(health, ONE, RateLimited(retry_after_s=30))
    assert not list(notices_of(health_report(health, ALL, NOW), AT))
    fail(health, ONE, QuotaExhausted(), secret=KEYS[1])
    fail(health, OTHER, CredentialRejected(), secret=KEYS[2])
    fail(health, ELSE, Untrusted("TLS failed"))
    told = {notice.what for notice in notices_of(health_report(health, ALL, NOW), AT)}
    assert told == {
        "acme: credential …bbbb has used up its quota",
        "acme: credential …cccc is rejected",
        "else: its certificate is not trusted",
    }


def test_an_open_breaker_is_a_notice_since_it_opened(health):
    fail(health, ONE, Overloaded(), 5)
    (notice,) = notices_of(health_report(health, ALL, NOW + 1), AT)
    assert notice.what == "acme/one: its circuit breaker is open" and notice.effect.startswith("Provider overloaded")
    assert notice.since == AT - timedelta(seconds=1) and notice.about == "failing acme/one"


def test_a_provider_that_cannot_be_reached_is_one_notice_since_it_went_away(health):
    fail(health, ONE, Unreachable("refused"), 2)
    for later in (3.0, 9.0):  # probes that fail open it anew
        assert health.asking(ONE, NOW + later) is None
        health.failed(ONE, KEYS[0], Unreachable("refused"), NOW + later + 0.1, NOW + later)
    (notice,) = notices_of(health_report(health, ALL, NOW + 10), AT)
    assert notice.what == "acme cannot be reached: its circuit breaker is open"
    assert notice.effect.startswith("Provider not reachable, 4 in a row. 2 deployments are not called")
    assert (notice.about, notice.traffic, notice.since) == ("outage acme", "acme", AT - timedelta(seconds=10))


def test_a_test_of_the_connection_ends_an_outage_and_no_other_failure(health):
    fail(health, ONE, Unreachable("refused"), 2)
    fail(health, ELSE, Overloaded(), 5)
    health.reached(1, NOW + 1, ago_s=5)
    assert health_report(health, ALL, NOW + 1).providers, "it was sent before"
    health.reached(1, NOW + 1, ago_s=0.5)
    health.reached(3, NOW + 1, ago_s=0.5)
    report = health_report(health, ALL, NOW + 1)
    assert not report.providers and set(report.breakers) == {"else/one"}


def test_a_worker_behind_the_database_s_configuration_says_which_part():
    known = {"catalog": 7, "tenants": 3}
    assert not list(behind(known, known, AT)) and not list(behind({}, known, AT))
    (notice,) = behind({"catalog": 6, "tenants": 3}, known, AT)
    assert notice.what == "This worker serves an old configuration: catalog" and notice.since == AT


def test_a_credential_that_no_model_admits_is_one_notice(health):
    for where in (ONE, OTHER):
        fail(health, where, AccessDenied())
    (notice,) = notices_of(health_report(health, ALL, NOW), AT)
    assert notice.what == "acme: credential …aaaa is rejected by acme/one"


def test_a_process_that_serves_nobody_knows_nothing():
    assert health_now() is None


def sample(name, **labels):
    return REGISTRY.get_sample_value(name, labels)


def test_gauges_follow_and_come_back(health):
    catalog, gauges = build(ALL), HealthGauges()
    gauges.publish(health, catalog, NOW)
    assert sample("llm_breaker_state", provider="acme", model="one") == 0
    fail(health, ONE, Overloaded(), 12)
    fail(health, OTHER, CredentialRejected())
    assert health.asking(ONE, NOW) is not None
    gauges.publish(health, catalog, NOW)
    assert sample("llm_breaker_state", provider="acme", model="one") == 2
    assert sample("llm_breaker_state", provider="acme", model="other") == 0
    assert sample("llm_throttled_share", provider="acme") == pytest.approx(11 / 14, abs=0.001)
    assert sample("llm_credentials_barred", provider="acme", state="credential rejected") == 1
    assert sample("llm_attempts_not_sent_total", provider="acme", model="one", why="breaker") == 1
    gauges.publish(health, catalog, NOW + 3)
    assert sample("llm_breaker_state", provider="acme", model="one") == 1
    health.succeeded(ONE, KEYS[1], NOW + 3)
    health.forget(OTHER)
    gauges.publish(health, catalog, NOW + 3)
    assert sample("llm_breaker_state", provider="acme", model="one") == 0
    assert sample("llm_throttled_share", provider="acme") == 0
    assert sample("llm_credentials_barred", provider="acme", state="credential rejected") == 0
    assert sample("llm_attempts_not_sent_total", provider="acme", model="one", why="breaker") == 1


def test_a_deployment_that_is_gone_does_not_stay_open_in_the_metrics(health):
    gauges = HealthGauges()
    fail(health, ELSE, Overloaded(), 5)
    gauges.publish(health, build(ALL), NOW)
    assert sample("llm_breaker_state", provider="else", model="one") == 2
    gauges.publish(health, build((ONE, OTHER)), NOW)
    assert sample("llm_breaker_state", provider="else", model="one") == 0


def test_a_stream_that_begins_to_answer_is_proof_enough_for_a_probe(health):
    fail(health, ONE, Overloaded(), 5)
    assert health.asking(ONE, NOW + 3) is None
    health.speaks(ONE, NOW + 4, NOW + 3)
    assert health.asking(ONE, NOW + 4) is None and not health.uneasy
