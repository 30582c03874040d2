"""How many come in when three times as many want to as can be answered? The door before a modelled event loop."""

from collections.abc import Callable

import pytest

from neuroroute.web.door import MOST, PATIENCE_S, Door

ANSWER_S, REFUSAL_S, TURNS = 1e-3, 30e-6, 5  # of the worker's time; an answer takes it in several turns of the loop


class Loop:
    """A loop that does nothing but requests: each turn takes in what has come, and goes one step with what runs."""

    def __init__(self, waits_s: float = 0.0, first: float = 1 / TURNS) -> None:
        self.now, self.waits_s = 0.0, waits_s
        self.costs_s = [ANSWER_S * first, *[ANSWER_S * (1 - first) / (TURNS - 1)] * (TURNS - 1)]
        self.running: list[tuple[float, int]] = []  # when it can go on, and the steps that it has gone
        self.soon: list[Callable[[], None]] = []
        self.refusals = 0
        self.door = Door(self._refused, lambda: self.now, self.soon.append)
        self.answered = self.refused = 0
        self.longest_turn_s = 0.0

    def _refused(self, count: int) -> None:
        self.refusals += count

    def run(self, rate_per_s: float, seconds: float) -> None:
        """Requests come evenly at that rate."""
        ends, arrival = self.now + seconds, self.now
        while self.now < ends:
            began = self.now
            due, self.soon[:] = list(self.soon), []
            for call in due:
                call()
            while arrival <= began:
                arrival += 1 / rate_per_s
                self.take_in()
            self._go_on(began)
            self.longest_turn_s = max(self.longest_turn_s, self.now - began)
            self.now = max(self.now, began + 20e-6)

    def take_in(self) -> None:
        if not self.door.shut:
            self.door.enter(lambda: self.running.append((self.now, 0)))
        else:
            self.door.refused += 1
            self.refused += 1
            self.now += REFUSAL_S

    def _go_on(self, began: float) -> None:
        waiting = []
        for ready, gone in self.running:
            if ready > began:
                waiting.append((ready, gone))
                continue
            self.now += self.costs_s[gone]
            if gone < TURNS - 1:
                waiting.append((self.now + self.waits_s / TURNS, gone + 1))
            else:
                self.answered += 1
        self.running = waiting


@pytest.mark.parametrize("first", [0.2, 0.6])  # of the work; the rest is to be done when the upstream answers
@pytest.mark.parametrize("waits_s", [0.0, 0.5, 2.0])  # for upstreams: answers that take long are no reason to refuse
@pytest.mark.parametrize("times", [1.5, 3.0])
def test_goodput_stays_near_the_peak(times, waits_s, first):
    loop = Loop(waits_s, first)
    loop.run(times / ANSWER_S, 2 * waits_s)  # the first answers
    before = loop.answered
    loop.run(times / ANSWER_S, 10.0)
    assert (loop.answered - before) / 10.0 >= 0.9 / ANSWER_S
    assert loop.longest_turn_s < 0.1  # no refusal waits longer than a turn of the loop
    assert loop.refused > 0


def test_whoever_can_be_answered_comes_in_however_long_the_upstreams_take():
    loop = Loop(waits_s=0.8)
    loop.run(0.8 / ANSWER_S, 2.0)
    assert loop.refused == 0 and len(loop.running) > 500


def test_one_long_turn_is_no_overload_and_overload_passes():
    loop = Loop()
    loop.run(0.5 / ANSWER_S, 1.0)
    loop.now += 0.4  # somebody held the loop
    loop.run(0.5 / ANSWER_S, 1.0)
    assert loop.refused == 0
    loop.run(3.0 / ANSWER_S, 2.0)
    before = loop.refused
    assert before > 0
    loop.run(0.5 / ANSWER_S, 2.0)
    calm = loop.refused
    loop.run(0.9 / ANSWER_S, 2.0)
    assert calm < before * 1.1 and loop.refused == calm


def test_a_crowd_that_comes_at_once_is_answered_a_few_at_a_time():
    loop = Loop()
    for _ in range(200):
        loop.take_in()
    assert len(loop.running) == MOST
    loop.run(0.1 / ANSWER_S, 2 * PATIENCE_S)
    assert loop.refused == 0 and loop.answered >= 200 and loop.longest_turn_s < 0.03
