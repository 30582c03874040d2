"""Of several people who ask for sample traffic in the same instant, one makes it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from profiling.models import Job
from providers.audit import Actor
from providers.models import AuditEntry
from routing.demo import standing
from tenants.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = ("ana", "ben", "cho", "dia")


def test_of_four_who_ask_at_once_one_is_heard() -> None:
    together = Barrier(len(PEOPLE))

    def ask(name: str) -> bool:
        together.wait(30)
        try:
            return standing.ask(Actor(name, "admin"), timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        heard = list(pool.map(ask, PEOPLE))
    assert sorted(heard) == [False, False, False, True]
    assert Tenant.objects.filter(demo=True).count() == 1
    assert Job.objects.filter(kind=standing.KIND).count() == 1
    assert AuditEntry.objects.get(action="asked for").actor == PEOPLE[heard.index(True)]
