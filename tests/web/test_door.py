"""How many come in when three times as many want to as can be answered? The door before a modelled event loop."""

import pytest

from neuroroute.web.door import TICK_S, Door

ANSWER_S, REFUSAL_S, TURNS = 1e-3, 30e-6, 5  # of the worker's time; an answer takes it in several turns of the loop


class Loop:
    """A loop that does nothing but requests: each turn takes in what has come, and goes one step with what runs."""

    def __init__(self, waits_s: float = 0.0) -> None:
        self.now, self.due, self.waits_s = 0.0, TICK_S, waits_s
        self.running: list[tuple[float, int]] = []  # when it can go on, and the steps that are left
        self.door = Door(lambda: len(self.running))
        self.answered = self.refused = 0
        self.longest_turn_s = 0.0

    def run(self, rate_per_s: float, seconds: float) -> None:
        """Requests come evenly at that rate."""
        ends, arrival = self.now + seconds, self.now
        while self.now < ends:
            began = self.now
            if self.now >= self.due:
                self.door.look(self.now, self.now - self.due)
                self.due = self.now + TICK_S
            while arrival <= began:
                arrival += 1 / rate_per_s
                self._take_in()
            self._go_on(began)
            self.longest_turn_s = max(self.longest_turn_s, self.now - began)
            self.now = max(self.now, began + 20e-6)

    def _take_in(self) -> None:
        if self.door.enter():
            self.running.append((self.now, TURNS))
        else:
            self.refused += 1
            self.now += REFUSAL_S

    def _go_on(self, began: float) -> None:
        waiting = []
        for ready, left in self.running:
            if ready > began:
                waiting.append((ready, left))
                continue
            self.now += ANSWER_S / TURNS
            if left > 1:
                waiting.append((self.now + self.waits_s / TURNS, left - 1))
            else:
                self.answered += 1
        self.running = waiting


@pytest.mark.parametrize("waits_s", [0.0, 0.5])  # for upstreams: answers that take long are no reason to refuse
@pytest.mark.parametrize("times", [1.5, 3.0])
async def test_goodput_stays_near_the_peak(times, waits_s):
    loop = Loop(waits_s)
    loop.run(times / ANSWER_S, 10.0)
    assert loop.answered / 10.0 >= 0.9 / ANSWER_S
    assert loop.longest_turn_s < 0.1  # no refusal waits longer than a turn of the loop
    assert loop.refused > 0


async def test_whoever_can_be_answered_comes_in_however_long_the_upstreams_take():
    loop = Loop(waits_s=0.8)
    loop.run(0.8 / ANSWER_S, 2.0)
    assert loop.refused == 0 and len(loop.running) > 500


async def test_one_long_turn_is_no_overload_and_overload_passes():
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
