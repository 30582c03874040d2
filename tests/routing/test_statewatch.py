"""What a worker keeps of the states that it sees: by the minute, once for all workers, and nothing that nobody saw."""

from random import Random

import pytest

from providers.catalog import build
from providers.errors import CredentialRejected, Overloaded
from providers.models import Deployment, LanguageModel, Provider
from providers.targets import Secret
from routing.resilience import Health
from routing.statewatch import StateWatch
from usage.rollups import DAY, HOUR, MINUTE, QUARTER, StateRollup

from .factories import target

KEY = Secret(1, "sk-one", "-one")
ONE = target("a/one", 1, provider_id=1, secrets=(KEY,))
TWO = target("b/two", 2, provider_id=2, secrets=(KEY,))
MIDNIGHT = 1_795_910_400

pytestmark = pytest.mark.django_db


class Worker:
    """One worker's watch, with a clock and a catalogue of the test's own."""

    def __init__(self) -> None:
        self.now, self.health, self.catalog = 1000.0, Health(rng=Random(7)), build([ONE, TWO])
        wall = lambda: MIDNIGHT + self.now - 1000.0  # noqa: E731
        self.watch = StateWatch(self.health, lambda: self.catalog, lambda: self.now, wall)

    def look(self, after_s: float = 0.0) -> None:
        self.now += after_s
        self.watch.look()
        self.watch.write()


def kept(grain: int = MINUTE) -> dict[tuple[int, str, str], int]:
    """(place of the bucket in the day, deployment, state) -> minutes."""
    rows = StateRollup.objects.filter(grain=grain).values_list("bucket", "deployment", "state", "minutes")
    return {((bucket - MIDNIGHT) // grain, name, state): minutes for bucket, name, state, minutes in rows}


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_what_is_fit_is_not_written_but_that_somebody_looked(worker):
    worker.look()
    worker.look(MINUTE)
    assert kept() == {(0, "", "watched"): 1, (1, "", "watched"): 1}


def test_a_breaker_is_seen_open_then_on_probation_then_no_more(worker):
    for _ in range(5):
        worker.health.failed(ONE, KEY, Overloaded(), worker.now)
    worker.look()
    worker.look(MINUTE)  # its cooldown is over, and nobody asks
    worker.health.succeeded(ONE, KEY, worker.now)
    worker.look(MINUTE)
    seen = {key for key in kept() if key[1]}
    assert seen == {(0, "a/one", "open"), (1, "a/one", "half_open")}


def test_a_deployment_without_a_fit_credential_is_cooling(worker):
    worker.health.failed(TWO, KEY, CredentialRejected(), worker.now)
    worker.look()
    assert (0, "b/two", "cooldown") in kept()


def test_a_minute_counts_once_however_many_workers_saw_it(worker):
    other = Worker()
    for each in (worker, other):
        each.health.open(ONE, each.now, 600, "opened by hand")
        for _ in range(3):
            each.look(1)
        each.look(MINUTE)
    open_for = {grain: sum(n for (_, _, state), n in kept(grain).items() if state == "open") for grain in (DAY, HOUR)}
    assert open_for == {DAY: 2, HOUR: 2}
    assert kept(QUARTER)[0, "", "watched"] == 2


def test_what_leaves_the_catalogue_is_off_and_stays_so_for_the_next_worker(worker):
    a = Provider.objects.create(name="a", wire="openai", base_url="http://127.0.0.1:1/v1")
    one = LanguageModel.objects.create(name="one")
    Deployment.objects.create(provider=a, model=one, upstream_model="one", enabled=False)
    worker.look()
    worker.catalog = build([TWO])
    worker.look(MINUTE)
    assert (1, "a/one", "off") in kept() and (0, "a/one", "off") not in kept()
    successor = Worker()
    successor.catalog = worker.catalog
    successor.now = worker.now + MINUTE
    successor.look()
    successor.look(1)
    assert (2, "a/one", "off") in kept()
    Deployment.objects.update(enabled=True)
    successor.catalog = build([ONE, TWO])
    successor.look(MINUTE)
    assert (3, "a/one", "off") not in kept()


def test_what_waited_is_written_by_the_minute_in_which_it_was_seen(worker):
    worker.watch.look()
    worker.now += MINUTE
    worker.watch.look()
    worker.watch.write()
    assert set(kept()) == {(0, "", "watched"), (1, "", "watched")}
