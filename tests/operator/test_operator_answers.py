"""The answers that Swagger shows: those of every operation that reads, with the fields that are answered today."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from routing.api.answerexamples import kept
from tenants.models import Tenant
from tests.admin import rows
from tests.answerskept import hold, one_row
from tests.dashboard.traffic import day, ship
from tests.operator.conftest import Caller
from tests.operator.test_operator_examples import RESOURCES, bodies

BELOW = "/api/admin/"
GATEWAY = ("/v1/", "/api/eval", "/api/feedback")  # answered by a gateway, whose test holds them
ELSEWHERE = "/health/ready"  # says what runs beside


@pytest.fixture
def paths(db: None) -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/schema", {"format": "json"}).json()["paths"]
    return found


@pytest.fixture
def answers(paths: dict[str, Any], call: Caller, own_var, tmp_path) -> dict[str, Any]:
    """What is answered to each operation that reads, with one row of whatever is listed."""
    for name in RESOURCES:
        (body,) = [value for _, value in bodies(paths[f"{BELOW}{name}"]["post"])]
        call.made(name, body)
    rows.latency_profile(), rows.token_calibration()
    assert call("POST", "reprofile", {"reason": "new hardware"}).status_code == 202
    Tenant.objects.create(name="demo")
    ship(day(datetime.now(UTC), 6), tmp_path / "spool")
    return {
        operation["operationId"]: answered(call, path, methods, paths)
        for path, methods in paths.items()
        if (operation := methods.get("get")) and reads(path, operation)
    }


def reads(path: str, operation: dict[str, Any]) -> bool:
    told = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    shown = told is not None and (operation["operationId"] in kept() or "examples" not in told)
    return shown and not path.startswith((*GATEWAY, ELSEWHERE))


def answered(call: Caller, path: str, methods: dict[str, Any], paths: dict[str, Any]) -> Any:
    if path.endswith("/{id}"):
        listed = get(call, path.removesuffix("/{id}"))["data"]
        path = path.replace("{id}", str(listed[0]["id"]))
    return one_row(get(call, path))


def get(call: Caller, path: str) -> Any:
    headers = {"authorization": f"Bearer {call.key}", "accept": "application/json"}
    answer = call.client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.content)
    return answer.json()


def test_every_answer_that_is_shown_has_the_fields_that_are_answered(answers: dict[str, Any]) -> None:
    hold(answers)


def test_every_operation_that_reads_has_an_answer_in_the_schema(paths: dict[str, Any]) -> None:
    missing = [
        path
        for path, methods in paths.items()
        if (
            told := methods.get("get", {})
            .get("responses", {})
            .get("200", {})
            .get("content", {})
            .get("application/json")
        )
        and "examples" not in told
        and not path.startswith(ELSEWHERE)
    ]
    assert missing == []
    every = {one.get("operationId") for methods in paths.values() for one in methods.values()}
    assert kept().keys() <= every, "and none is shown of what is gone"
