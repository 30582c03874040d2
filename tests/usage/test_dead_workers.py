"""What a worker that was killed had begun is recorded and charged once, and the money that it had leased comes back."""

import random
import resource
import signal
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import Raw, structs

from tenants.budgets import Budget, BudgetLease, BudgetWindow
from tenants.charges import Charge
from tenants.lending import Ask, exchange
from tenants.models import Tenant
from tests.usage.conftest import Place
from tests.usage.shipping import assert_sums_agree, ship
from tests.usage.stories import story
from usage import openslots, selectors
from usage.errors import JournalUnavailable
from usage.journal import Journal
from usage.models import RequestRecord
from usage.outcomes import Outcome

LIMIT = Decimal(1)


def open_story(**facts: object) -> Outcome:
    """A request whose first attempt is running."""
    told = story(datetime.now(UTC), random.Random(), status="answered", **facts)
    if not told.attempts:
        return open_story(**facts)
    told.attempts = told.attempts[:1]
    running = told.attempts[0]
    running.ended_ms, running.prompt_tokens, running.cost_nano_usd, running.estimated = 0.0, None, None, False
    told.prompt_tokens = told.cost_nano_usd = told.provider = told.ttft_ms = None
    told.estimated = False
    return told


def a_budget() -> BudgetWindow:
    tenant = Tenant.objects.create(name="team")
    Budget.objects.create(pk=1, tenant=tenant, limit_usd=LIMIT, period="total")
    return BudgetWindow.objects.create(budget_id=1, start=0)


def test_a_killed_worker_s_requests_are_recorded_once_and_its_lease_comes_back(database: Place) -> None:
    window = a_budget()
    process = database.start("-m", "tests.usage.processes", "begin")
    assert process.stdout
    writer = process.stdout.readline().split()[1]
    exchange(writer, [Ask(1, 0, 0, needs=(10**6,))])
    lines = [process.stdout.readline() for _ in range(400)]
    ship(database.spool)  # while it lives nothing of what it has begun is touched
    assert BudgetLease.objects.get().granted >= 10**6
    assert not RequestRecord.objects.filter(error="WorkerDied").exists()
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines()
    process.communicate(timeout=60)
    ship(database.spool)
    ship(database.spool)

    told = [line.split() for line in lines if len(line.split()) == 2 and len(line.split()[1]) == 32]
    begun, written = ({name for what, name in told if what == wanted} for wanted in ("begun", "written"))
    records = {record.id.hex: record for record in RequestRecord.objects.all()}
    died = {name for name, record in records.items() if record.error == "WorkerDied"}
    assert begun <= records.keys() and len(records) - len(begun) <= 1
    assert died.isdisjoint(written) and len(died) >= 50
    assert_sums_agree()
    window.refresh_from_db()
    assert window.spent == 5 * len(died) + 2 * (len(records) - len(died))
    assert window.leased == 0 and not BudgetLease.objects.exists()
    assert not list(database.spool.glob("*.open")) and not list(database.spool.glob("*.writer"))


def test_the_worst_case_counts_as_spent_and_says_so(database: Place) -> None:
    a_budget()
    told, journal = open_story(), Journal(database.spool, "test")
    told.charges = [Charge(1, 0, "usd", 700, journal.writer, 1), Charge(1, 0, "tokens", 9, None, 1)]
    journal.begin(told)
    journal.close()
    ship(database.spool)

    found = selectors.find(told.id, directory=database.spool)
    assert found is not None
    assert (found.status, found.error, found.http_status) == ("failed", "WorkerDied", 500)
    assert (found.cost_nano_usd, found.estimated) == (700, True) and "worst case" in found.warnings[-1]
    (attempt,) = found.attempts
    assert (attempt.error, attempt.cost_nano_usd, attempt.estimated) == ("WorkerDied", 700, True)


def test_without_a_budget_the_cost_stays_unknown(database: Place) -> None:
    told, journal = open_story(), Journal(database.spool, "test")
    journal.begin(told)
    journal.close()
    ship(database.spool)

    found = selectors.find(told.id, directory=database.spool)
    assert found is not None and (found.cost_nano_usd, found.estimated, found.warnings) == (None, False, [])


def test_the_later_of_two_states_counts(database: Place) -> None:
    told, journal = open_story(), Journal(database.spool, "test")
    journal.begin(told)
    second = structs.replace(told.attempts[0], index=2, kind="failover")
    first = structs.replace(told.attempts[0], ended_ms=5.0, error="Overloaded")
    journal.begin(structs.replace(told, attempts=[first, second]))
    journal.close()
    assert len(openslots.left(database.spool, journal.writer)) == 1
    ship(database.spool)

    found = selectors.find(told.id, directory=database.spool)
    assert found is not None and [a.error for a in found.attempts] == ["Overloaded", "WorkerDied"]
    assert found.failovers == 1


def test_what_is_journalled_is_no_longer_open(database: Place) -> None:
    told, journal = [open_story() for _ in range(600)], Journal(database.spool, "test")  # more than were made at first
    for one in told:
        journal.begin(one)
    for one in told:
        journal.write(structs.replace(one, status="answered"))
    journal.close()
    assert openslots.left(database.spool, journal.writer) == []
    ship(database.spool)
    assert RequestRecord.objects.filter(status="answered").count() == 600


@pytest.mark.parametrize("length", [4000, 40_000])
def test_what_does_not_fit_into_a_slot_is_kept_without_what_has_no_bound(database: Place, length: int) -> None:
    told = open_story(decision=Raw(b'{"x":"' + b"y" * length + b'"}'), tags=["z" * 256] * 32)
    journal = Journal(database.spool, "test")
    journal.begin(told)
    journal.close()
    ship(database.spool)
    assert RequestRecord.objects.get().id.hex == told.id


def test_a_full_disk_refuses_what_could_be_lost(place: Place) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(place.spool, "test")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(JournalUnavailable):
            journal.begin(open_story())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.begin(open_story())
    journal.close()
    assert len(openslots.left(place.spool, journal.writer)) == 1
