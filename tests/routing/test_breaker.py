"""When a breaker opens, whom it lets through, and how long it stays open."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.resilience.breaker import LONGEST_COOLDOWN_S, Breaker
from routing.resilience.retrybudget import RetryBudget
from routing.resilience.window import Window


def even(low, high):
    return (low + high) / 2


def fail(breaker, now, times=1, sent=None):
    return [breaker.failed(now, now if sent is None else sent, "Overloaded", even) for _ in range(times)][-1]


def opened(now=100.0):
    breaker = Breaker()
    assert fail(breaker, now, 5)
    return breaker


def test_it_opens_at_the_fifth_failure_in_a_row():
    breaker = Breaker()
    assert not fail(breaker, 100, 4)
    assert breaker.state(100) == "closed" and breaker.lets_through(100)
    assert fail(breaker, 100)
    assert breaker.state(100) == "open" and not breaker.lets_through(100)


def test_a_success_in_between_begins_the_count_anew():
    breaker = Breaker()
    for _ in range(3):
        assert not fail(breaker, 100, 4)
        breaker.succeeded(100, 100)
    assert breaker.state(100) == "closed"


def test_it_opens_when_half_of_twenty_in_half_a_minute_failed():
    breaker = Breaker()
    for _ in range(9):
        breaker.succeeded(100, 100)
        assert not fail(breaker, 100)
    breaker.succeeded(101, 101)
    assert fail(breaker, 101)


def test_failures_of_more_than_half_a_minute_ago_do_not_count():
    breaker = Breaker()
    for _ in range(9):
        breaker.succeeded(100, 100)
        fail(breaker, 100)
    breaker.succeeded(131, 131)
    assert not fail(breaker, 131)


def test_half_open_it_lets_one_probe_through_at_a_time():
    breaker = opened()
    assert breaker.state(103) == "half_open" and breaker.lets_through(103)
    breaker.sent(103, 600)
    assert not breaker.lets_through(103) and not breaker.lets_through(110)
    breaker.abandoned()
    assert breaker.lets_through(110), "a probe that was given up frees its place"


def test_a_probe_of_which_nobody_heard_again_is_given_up_for_lost():
    breaker = opened()
    breaker.sent(103, 600)
    assert not breaker.lets_through(702) and breaker.lets_through(703)


def test_a_probe_that_works_closes_it():
    breaker = opened()
    breaker.sent(103, 600)
    assert breaker.succeeded(104, 103)
    assert breaker.state(104) == "closed" and breaker.lets_through(104)


def test_a_probe_that_fails_opens_it_for_longer():
    breaker = opened()
    first = breaker.until - 100
    breaker.sent(103, 600)
    assert fail(breaker, 104, sent=103)
    assert breaker.until - 104 == pytest.approx(2 * first)


def test_what_was_sent_before_it_opened_neither_closes_it_nor_keeps_it_open():
    breaker = opened(100)
    until = breaker.until
    assert not breaker.succeeded(101, 99) and breaker.state(101) == "open"
    assert not fail(breaker, 103, sent=99) and breaker.until == until


def test_what_was_sent_before_it_closed_does_not_open_it_again():
    breaker = opened(100)
    breaker.succeeded(103, 103)
    assert not fail(breaker, 130, 10, sent=102)
    assert breaker.state(130) == "closed"


def test_one_that_flaps_is_left_alone_for_longer_and_longer_up_to_a_cap():
    breaker, now, cooldowns = Breaker(), 100.0, []
    for _ in range(8):
        fail(breaker, now, 5)
        cooldowns.append(breaker.until - now)
        now = breaker.until
        breaker.succeeded(now, now)
        now += 5  # well for five seconds
    assert cooldowns == [2, 4, 8, 16, 32, 60, 60, 60]


def test_ejections_are_forgiven_one_by_one():
    breaker = Breaker()
    for _ in range(3):
        fail(breaker, 100, 5)
        breaker.succeeded(100, 100)
    fail(breaker, 100 + 2 * 60, 5)
    assert breaker.until - 220 == 4, "of three ejections two were forgiven, and one doubles the cooldown"


def test_it_may_be_forgotten_when_nothing_is_remembered():
    breaker = opened()
    assert not breaker.idle(1000)
    breaker.succeeded(1000, 1000)
    assert not breaker.idle(1001) and breaker.idle(1100)


@given(
    st.lists(st.tuples(st.sampled_from(["ok", "bad", "send", "gone"]), st.floats(0, 40)), max_size=60), st.integers()
)
def test_whatever_happens_the_cooldown_is_bounded_and_probes_are_single(steps, seed):
    breaker, now, rng = Breaker(), 1000.0, Random(seed)
    probes = 0
    for step, pause in steps:
        now += pause
        if step == "send" and breaker.lets_through(now):
            half_open = breaker.state(now) == "half_open"
            assert not (half_open and probes), "two probes at once"
            breaker.sent(now, 1e9)
            probes += half_open
        elif step == "ok":
            breaker.succeeded(now, now)
        elif step == "bad":
            breaker.failed(now, now, "Overloaded", rng.uniform)
        elif step == "gone":
            breaker.abandoned()
        if breaker.probe_until <= now:
            probes = 0
        assert breaker.until is None or breaker.until - now <= 1.2 * LONGEST_COOLDOWN_S


def test_retries_stay_below_a_fifth_of_what_was_sent_first():
    budget = RetryBudget()
    granted = 0
    for _ in range(200):
        budget.sent(100)
        if budget.take(100):
            granted += 1
            budget.sent(100)
    assert 36 <= granted <= 40


def test_three_retries_in_ten_seconds_are_always_granted_and_no_fourth():
    budget = RetryBudget()
    budget.sent(100)
    assert [budget.take(100) for _ in range(4)] == [True, True, True, False]
    assert budget.take(111)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=80))
def test_a_window_counts_what_the_last_seconds_brought_give_or_take_a_bucket(steps):
    window, now, seen = Window(10.0), 50.0, []
    for pause, good, bad in steps:
        now += pause
        window.add(now, good, bad)
        seen.append((now, good, bad))
        for index, counted in ((1, window.good), (2, window.bad)):
            at_least = sum(each[index] for each in seen if each[0] > now - 9.0)
            at_most = sum(each[index] for each in seen if each[0] > now - 10.001)
            assert at_least <= counted <= at_most
