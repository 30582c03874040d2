"""Whom the engine may ask: breakers, credentials and budgets together, with a clock of the test's own."""

from math import inf
from random import Random

import pytest

from providers.errors import (
    AccessDenied,
    ContextTooLong,
    CredentialRejected,
    NotAsked,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Unreachable,
    UnsupportedByWire,
    Untrusted,
    UpstreamTimeout,
)
from providers.targets import Secret
from routing.resilience import Health

from .factories import target

KEYS = (Secret(1, "sk-one", "-one"), Secret(2, "sk-two", "-two"))
ONE = target("a/one", 1, provider_id=1, secrets=KEYS)
OTHER = target("a/other", 2, provider_id=1, secrets=KEYS)
ELSEWHERE = target("b/one", 3, provider_id=2, secrets=KEYS)
FARTHER = target("c/one", 4, provider_id=3, secrets=KEYS)
NOW = 1000.0


@pytest.fixture
def health():
    return Health(rng=Random(7))


def fail(health, where, error, times=1, now=NOW, secret=KEYS[0]):
    for _ in range(times):
        health.failed(where, secret, error, now)


def test_while_a_probe_is_under_way_the_others_are_told_to_go_elsewhere(health):
    fail(health, ONE, Overloaded(), 5)
    assert isinstance(health.asking(ONE, NOW), NotAsked) and health.asking(OTHER, NOW) is None
    assert health.asking(ONE, NOW + 3) is None
    assert isinstance(health.asking(ONE, NOW + 3), NotAsked)
    health.abandoned(ONE, NOW + 3)
    assert health.asking(ONE, NOW + 4) is None
    health.succeeded(ONE, KEYS[0], NOW + 5)
    assert health.asking(ONE, NOW + 5) is None and health.asking(ONE, NOW + 5) is None
    assert not health.uneasy


def test_the_last_candidate_is_asked_whatever_its_breaker_says(health):
    fail(health, ONE, Overloaded(), 5)
    assert health.asking(ONE, NOW, last=True) is None


def test_a_breaker_that_is_opened_by_hand_rests_for_so_long_and_closes_by_a_probe(health):
    health.open(ONE, NOW, 60, "opened by hand")
    assert health.resting(ONE, NOW) == (60, "opened by hand") and health.resting(OTHER, NOW) is None
    assert isinstance(health.asking(ONE, NOW + 59), NotAsked) and health.asking(ONE, NOW + 59, last=True) is None
    assert health.asking(ONE, NOW + 61) is None
    health.succeeded(ONE, KEYS[0], NOW + 62)
    assert not health.uneasy


def test_opening_by_hand_never_shortens_a_rest(health):
    health.open(ONE, NOW, 60, "opened by hand")
    health.open(ONE, NOW, 10, "opened by hand")
    assert health.resting(ONE, NOW) == (60, "opened by hand")


def test_a_bar_holds_for_the_last_candidate_too_and_names_its_end(health):
    for secret in KEYS:
        fail(health, ONE, RateLimited(retry_after_s=30), secret=secret)
    refusal = health.asking(ONE, NOW + 10, last=True)
    assert isinstance(refusal, NotAsked) and refusal.retry_after_s == pytest.approx(20)
    assert refusal.fails_over and not refusal.cools_down


def test_a_host_that_cannot_be_reached_is_left_with_all_that_it_serves(health):
    fail(health, ONE, Unreachable("refused"))
    assert health.asking(OTHER, NOW) is None
    fail(health, OTHER, Unreachable("refused"))
    assert isinstance(health.asking(ONE, NOW), NotAsked) and isinstance(health.asking(OTHER, NOW), NotAsked)
    assert health.asking(OTHER, NOW + 3) is None, "one probe for the whole host"
    assert isinstance(health.asking(ONE, NOW + 3), NotAsked)


def test_an_error_answer_proves_that_the_host_can_be_reached(health):
    for _ in range(10):
        fail(health, ONE, Unreachable("refused"))
        fail(health, OTHER, Overloaded(upstream_status=503))
    assert health.resting(ONE, NOW) is None
    assert health.resting(OTHER, NOW) is not None


def test_a_certificate_that_nobody_trusts_ejects_at_once(health):
    fail(health, ONE, Untrusted("TLS failed"))
    assert health.resting(ONE, NOW) and health.resting(OTHER, NOW)


def test_a_refused_request_is_no_failure_and_frees_the_probe(health):
    fail(health, ONE, ContextTooLong(upstream_status=400), 30)
    assert health.resting(ONE, NOW) is None
    fail(health, ONE, Overloaded(), 5)
    assert health.asking(ONE, NOW + 3) is None
    fail(health, ONE, ContextTooLong(upstream_status=400), now=NOW + 3)
    assert health.asking(ONE, NOW + 3) is None and not health.uneasy, "who answers 400 is there"


def test_a_request_that_the_wire_cannot_carry_frees_the_probe_and_proves_nothing(health):
    fail(health, ONE, Overloaded(), 5)
    assert health.asking(ONE, NOW + 3) is None
    fail(health, ONE, UnsupportedByWire(), now=NOW + 3)
    assert health.uneasy and health.asking(ONE, NOW + 3) is None


def test_credentials_take_turns(health):
    assert [health.secret_for(ONE, NOW) for _ in range(4)] == [*KEYS, *KEYS]


def test_a_rate_limit_rests_one_credential_at_one_deployment(health):
    fail(health, ONE, RateLimited(retry_after_s=30))
    assert {health.secret_for(ONE, NOW).id for _ in range(4)} == {2}
    assert {health.secret_for(OTHER, NOW).id for _ in range(4)} == {1, 2}
    assert {health.secret_for(ONE, NOW + 31).id for _ in range(4)} == {1, 2}


@pytest.mark.parametrize(("asked_s", "rest_s"), [(-5, 1), (0, 1), (20, 20), (1e9, 300)])
def test_what_the_upstream_asks_for_is_kept_within_reason(health, asked_s, rest_s):
    for secret in KEYS:
        fail(health, ONE, RateLimited(retry_after_s=asked_s), secret=secret)
    assert health.barred(ONE, NOW)[0] == rest_s


def test_rate_limits_without_a_time_rest_longer_each_time_until_an_answer(health):
    def rest_s(now):
        fail(health, KEYLESS, RateLimited(), now=now, secret=None)
        return health.barred(KEYLESS, now)[0]

    assert [rest_s(NOW), rest_s(NOW + 6), rest_s(NOW + 20)] == [5, 10, 20]
    health.succeeded(KEYLESS, None, NOW + 50)
    assert rest_s(NOW + 51) == 5


KEYLESS = target("b/local", 3, secrets=())


def test_refusals_that_were_under_way_together_count_once(health):
    fail(health, KEYLESS, RateLimited(), 50, secret=None)
    assert health.barred(KEYLESS, NOW)[0] == 5


def test_a_used_up_quota_rests_the_credential_everywhere_for_hours(health):
    for number in range(3):
        now = NOW + number * 10_000
        fail(health, ONE, QuotaExhausted(), now=now)
        assert {health.secret_for(OTHER, now).id for _ in range(4)} == {2}
    fail(health, OTHER, QuotaExhausted(), now=now, secret=KEYS[1])
    assert health.barred(ONE, now) == (3600, "quota exhausted"), "the second key's first time"
    assert health.barred(ONE, now + 3601) is None


def test_a_rejected_credential_is_not_used_until_it_is_changed_or_reset(health):
    for secret in KEYS:
        fail(health, ONE, CredentialRejected(), secret=secret)
    assert health.barred(OTHER, NOW + 1e6) == (inf, "credential rejected")
    assert health.asking(OTHER, NOW + 1e6, last=True).retry_after_s is None
    changed = target("a/one", 1, provider_id=1, secrets=(Secret(1, "sk-new", "-new"), KEYS[1]))
    assert health.secret_for(changed, NOW + 1).id == 1 and health.asking(changed, NOW + 1) is None
    health.forget(OTHER)
    assert health.barred(OTHER, NOW) is None


def test_a_credential_that_may_not_call_one_model_is_used_for_others(health):
    for secret in KEYS:
        fail(health, ONE, AccessDenied(upstream_status=403), secret=secret)
    assert health.barred(ONE, NOW + 1e6) == (inf, "credential rejected")
    assert health.barred(OTHER, NOW) is None


def test_neither_a_secret_nor_its_value_shows_in_what_is_kept(health):
    fail(health, ONE, CredentialRejected())
    assert "sk-one" not in repr(health.credentials.bars) and "-one" in repr(health.credentials.bars)


def test_retries_have_a_budget_per_deployment(health):
    assert health.asking(ONE, NOW) is None
    assert [health.may_retry(ONE, NOW) for _ in range(4)] == [True, True, True, False]
    assert health.may_retry(OTHER, NOW)


def test_what_comes_too_late_while_our_own_loop_stands_still_is_nobody_elses_fault():
    stands_still = True
    health = Health(rng=Random(7), stalled=lambda now: stands_still)
    fail(health, ONE, UpstreamTimeout("no first byte in time"), 30)
    fail(health, ONE, Unreachable("no connection within the connect timeout"), 30)
    assert not health.uneasy and sent_elsewhere(health, ONE, NOW) == 0
    fail(health, ONE, Overloaded(upstream_status=503), 5)
    assert health.uneasy, "what the upstream itself said counts all the same"
    fail(health, ELSEWHERE, Untrusted("no connection: TLS failed"))
    assert health.resting(ELSEWHERE, NOW), "no stall makes a certificate wrong"
    fail(health, FARTHER, Unreachable("no connection: Connection refused", connection_refused=True), 2)
    assert health.resting(FARTHER, NOW), "no stall makes a host say no"
    stands_still = False
    fail(health, OTHER, UpstreamTimeout("no first byte in time"), 5)
    assert health.resting(OTHER, NOW)


def sent_elsewhere(health, where, now, times=1000):
    return sum(health.asking(where, now) is not None for _ in range(times)) / times


def test_a_provider_that_refuses_most_is_asked_less(health):
    for number in range(60):
        health.succeeded(OTHER, KEYS[0], NOW)
        if number % 3 == 0:
            fail(health, OTHER, RateLimited(retry_after_s=0), 7)
    now = NOW + 2  # the bars are over
    assert sent_elsewhere(health, OTHER, now) == pytest.approx((200 - 2 * 60) / 201, abs=0.05)
    assert sent_elsewhere(health, target("b/else", 3), now) == 0, "another provider is not meant"
    assert health.asking(OTHER, now, last=True) is None
    assert sent_elsewhere(health, OTHER, NOW + 125) == 0, "two minutes later nothing is left of it"


def test_answers_that_are_under_way_are_no_refusals(health):
    for _ in range(500):
        assert health.asking(ONE, NOW) is None


def test_what_is_wrong_with_a_request_or_a_credential_throttles_nobody(health):
    fail(health, ONE, ContextTooLong(upstream_status=400), 50)
    fail(health, ONE, QuotaExhausted(), 50)
    assert sent_elsewhere(health, OTHER, NOW) == 0


def test_a_probe_that_works_ends_the_throttling_too(health):
    fail(health, ONE, Overloaded(), 30)
    assert sent_elsewhere(health, OTHER, NOW) > 0.9
    assert health.asking(ONE, NOW + 3) is None, "a probe is not kept back"
    health.succeeded(ONE, KEYS[0], NOW + 3)
    assert sent_elsewhere(health, OTHER, NOW + 3) == 0


def test_it_forgets_those_who_are_well(health):
    for number in range(100):
        passing = target(f"c/{number}", 100 + number)
        assert health.asking(passing, NOW) is None
        health.succeeded(passing, None, NOW)
    health.forget_ended(NOW + 200)
    assert not health._breakers and not health._budgets and not health._throttles


def test_who_may_be_asked_has_changed_is_told_once_per_change():
    told = []
    health = Health(lambda: told.append(1), Random(7))
    fail(health, ONE, Overloaded(), 8)
    assert len(told) == 1
    health.succeeded(ONE, KEYS[0], NOW)
    health.succeeded(ONE, KEYS[0], NOW)
    assert len(told) == 2
