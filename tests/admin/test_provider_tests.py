"""*Test connection* in the admin holds no web worker: a job lists the models, and the page shows what came of it."""

import pytest
from django.test import Client

from profiling.models import Job
from profiling.runner import run_due
from providers.models import AuditEntry
from providers.sandbox.testing import Sandbox
from tests.admin import rows
from tests.admin.pages import page

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_does_it_and_the_page_says_how_far_it_is_and_what_came_of_it(operator: Client) -> None:
    with Sandbox.start("openai", process=True) as upstream:
        provider = rows.provider(base_url=upstream.base_url, allow_private=True)
        for number in (1, 2):
            rows.credential(f"sk-quite-long-secret-471{number}", provider=provider, name=f"key-{number}")
        address = page("providers_provider", "test_connection", provider.pk)
        assert "Nothing is generated or billed" in operator.get(address).content.decode()
        asked = operator.post(address)
        assert asked.status_code == 302 and upstream.calls() == []
        waits = operator.get(asked["location"]).content.decode()
        assert "A worker lists the models with each key" in waits and 'hx-trigger="every 1s' in waits
        run_due()
        done = operator.get(asked["location"]).content.decode()
        assert len(upstream.calls()) == 2
    assert 'hx-trigger="every 1s' not in done and "Test again" in done
    assert all(each in done for each in ("…4711", "…4712", "models listed", "sandbox-mini")) and "sk-quite" not in done
    assert AuditEntry.objects.get(action="tested").object_id == str(provider.pk)
    other = page("providers_provider", "test_connection", rows.provider().pk)
    for number in (str(Job.objects.get().pk), "999999", "x"):
        assert operator.get(f"{other}?test={number}").status_code == 404


def test_while_it_runs_the_page_says_how_many_keys_are_done(operator: Client) -> None:
    address = page("providers_provider", "test_connection", rows.provider().pk)
    asked = operator.post(address)
    Job.objects.update(state="running", message="2 of 5 done")
    assert "with each key: 2 of 5 done." in operator.get(asked["location"]).content.decode()
