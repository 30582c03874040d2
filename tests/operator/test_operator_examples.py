"""The bodies that Swagger begins with: each one does what its operation says, and none is missing."""

from typing import Any

import pytest
from django.test import Client

from providers.models import AuditEntry
from tests.operator.conftest import Caller

# In the order in which they refer to each other.
RESOURCES = ("tenants", "users", "api-keys", "providers", "models", "deployments", "policies", "budgets", "receivers")
ACTS = {
    "api-keys": ("rotate", "revoke"),
    "budgets": ("raise",),
    "deployments": ("open-breaker", "reset-health", "drain"),
}
ELSEWHERE = (
    "/api/admin/live/",
    "/api/admin/vram/",
    "/api/admin/reprofile",
    "/api/admin/sync-benchmarks",
    "/api/admin/receivers/{id}/test",
)  # have tests of their own
WRITES = ("post", "patch", "put", "delete")


@pytest.fixture
def paths(db: None) -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/schema", {"format": "json"}).json()["paths"]
    return found


def bodies(operation: dict[str, Any]) -> list[tuple[str, Any]]:
    """Each example with its media type."""
    kinds = operation.get("requestBody", {}).get("content", {})
    return [(kind, one["value"]) for kind, told in kinds.items() for one in told.get("examples", {}).values()]


def test_every_write_with_a_body_has_an_example_and_takes_an_idempotency_key(paths: dict[str, Any]) -> None:
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method not in WRITES:
                continue
            assert bodies(operation) or "requestBody" not in operation, (method, path)
            names = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
            assert "Idempotency-Key" in names and "422" in operation["responses"], (method, path)


def test_each_example_of_a_resource_is_taken(paths: dict[str, Any], call: Caller) -> None:
    sent: set[tuple[str, str]] = set()

    def send(method: str, address: str, path: str, status: int) -> dict[str, Any]:
        (body,) = [value for _, value in bodies(paths[f"/api/admin/{address}"][method.lower()])]
        answer = call(method, path, body)
        assert answer.status_code == status, (method, path, answer.content)
        sent.add((method.lower(), f"/api/admin/{address}"))
        if path not in RESOURCES:  # what is done to a row says why
            assert AuditEntry.objects.filter(reason=body["reason"]).exists(), (method, path)
        return answer.json()

    rows = {name: send("POST", name, name, 201) for name in RESOURCES}
    for name, row in rows.items():
        assert "warnings" in send("PATCH", f"{name}/{{id}}", f"{name}/{row['id']}", 200)
    for name, acts in ACTS.items():
        for act in acts:
            send("POST", f"{name}/{{id}}/{act}", f"{name}/{rows[name]['id']}/{act}", 201 if act == "rotate" else 200)
    assert not call("GET", f"deployments/{rows['deployments']['id']}").json()["enabled"]
    every = {
        (method, path)
        for path, methods in paths.items()
        for method in ("post", "patch")
        if path.startswith("/api/admin/") and not path.startswith(ELSEWHERE) and method in methods
    }
    assert sent == every


def test_each_example_of_a_configuration_is_applied(paths: dict[str, Any], call: Caller) -> None:
    for kind, body in bodies(paths["/api/admin/config"]["put"]):
        assert isinstance(body, str) == (kind == "application/yaml")
        told = call("PUT", "config", body).json()
        assert told["changes"] and not told["warnings"]
        assert call("PUT", "config", body).json()["changes"] == []
