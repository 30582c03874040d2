"""Can a reason be given wherever the admin asks before it does something? The audit log keeps it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from providers.models import AuditEntry
from routing.resets import load_resets
from tests.admin import rows
from tests.admin.pages import fields_of, page

pytestmark = pytest.mark.django_db
WHY = "the list of March"
Place = Callable[[], tuple[str, dict[str, Any]]]  # an address, and what else its form is filled with


def _verb(name: str, verb: str, make: Callable[[], Model]) -> Place:
    return lambda: (page(name, verb, make().pk), {})


ASKING: dict[str, Place] = {
    "test": _verb("providers_provider", "test_connection", rows.provider),
    "import": _verb("providers_provider", "import_listed", rows.provider),
    "compare": _verb("providers_provider", "compare_listed", rows.provider),
    "try a receiver": _verb("tenants_alertreceiver", "send_a_test", rows.receiver),
    "delete": _verb("routing_policy", "delete", rows.policy),
    "run": lambda: (page("profiling_job", "run_now"), {"kind": ["discovery"]}),
}


@pytest.mark.parametrize("place", ASKING.values(), ids=ASKING)
def test_a_page_that_asks_takes_a_reason(operator: Client, place: Place) -> None:
    address, choice = place()
    asks = operator.get(address)
    assert fields_of(asks)["reason"] == [""]
    assert operator.post(address, fields_of(asks) | choice | {"reason": [WHY]}).status_code == 302
    assert AuditEntry.objects.get().reason == WHY


@pytest.mark.parametrize("action", ["delete_selected", "open_breaker", "reset_health", "disable", "enable"])
def test_a_bulk_action_that_asks_takes_a_reason(operator: Client, action: str) -> None:
    chosen = [rows.deployment(enabled=action != "enable").pk for _ in range(2)]
    asks = _act(operator, {"action": action, "_selected_action": chosen})
    assert asks.status_code == 200 and not AuditEntry.objects.exists() and not load_resets()
    _act(operator, fields_of(asks) | {"reason": [WHY]})
    assert [entry.reason for entry in AuditEntry.objects.filter(kind="deployment")] == [WHY, WHY]


def test_the_question_before_breakers_open_says_what_it_does(operator: Client) -> None:
    row = rows.deployment()
    text = _act(operator, {"action": "open_breaker", "_selected_action": [row.pk]}).content.decode()
    assert "Open breaker of 1 deployment" in text
    assert f"Sends nothing there for a minute, in every worker: {row}. Nobody used it in the last hour." in text


def _act(browser: Client, fields: dict[str, Any]) -> HttpResponse:
    return browser.post(page("providers_deployment", "changelist"), fields)
