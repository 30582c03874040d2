"""A test that is asked for on the dashboard goes to a worker, and its page says what came of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from profiling.models import Job
from profiling.runner import run_due
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from providers.sandbox.testing import Sandbox
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.test_dashboard_verbs import EVERY, address
from tests.people import browser_of, staff


@pytest.fixture
def owner() -> Client:
    return browser_of(staff("olga", "owner"))


@pytest.mark.django_db(transaction=True)
def test_a_test_goes_to_a_worker_and_its_page_says_what_came_of_it(owner):
    with Sandbox.start("openai", process=True) as upstream:
        acme = Provider.objects.create(name="acme", wire="openai", base_url=upstream.base_url, allow_private=True)
        there, gone = (
            Deployment.objects.create(
                provider=acme, model=LanguageModel.objects.create(name=name), upstream_model=name
            )
            for name in ("sandbox-mini", "never-listed")
        )  # fmt: skip
        told = {}
        for name, page in {
            "all": "/dashboard/upstreams/acme/test/",
            "there": address(there, "test"),
            "gone": address(gone, "test"),
        }.items():
            asked = owner.post(page, {"reason": "new key"})
            assert asked.status_code == 302 and upstream.calls() == []
            waits = owner.get(asked["location"])
            assert (
                "A worker lists the models with each key" in text_of(waits)
                and 'hx-trigger="every 1s"' in waits.content.decode()
            )
            run_due()
            told[name] = owner.get(asked["location"])
            upstream.reset()
    assert all('hx-trigger="every 1s"' not in answer.content.decode() for answer in told.values()), "it is over"
    assert re.search(r"passed no credential in [\d.]+ m?s ?: \d+ models listed", text_of(told["all"]))
    assert "sandbox-mini is among them" in text_of(told["there"])
    assert "never-listed is not among them" in text_of(told["gone"])
    assert set(AuditEntry.objects.values_list("actor", "action", "object_name", "reason")) == {
        ("olga", "tested", "acme", "new key")
    }
    acme.refresh_from_db()
    assert acme.reached_at, "the test of the admin, by the same function"
    operator = browser_of(staff("vic", "viewer", EVERY))
    assert operator.get(asked["location"]).status_code == 403
    assert owner.get("/dashboard/upstreams/tests/999999/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_test_that_fails_or_waits_says_so(owner):
    Provider.objects.create(name="acme", wire="openai", base_url="http://localhost:1/v1", allow_private=True)
    asked = owner.post("/dashboard/upstreams/acme/test/", {"reason": ""})
    Job.objects.update(created_at=datetime.now(UTC) - timedelta(minutes=1))
    assert "No worker has taken it up yet: does one run?" in text_of(owner.get(asked["location"]))
    run_due()
    assert re.search(
        r"failed no credential in [\d.]+ m?s ?: provider not reachable: cannot connect",
        text_of(owner.get(asked["location"])),
    )
