"""An operator's key, and what calls the API with it."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants import keys
from tenants.models import Tenant


class Caller:
    """Calls the operator's API with a client key and reads JSON."""

    def __init__(self, key: str, client: Client | None = None) -> None:
        self.key, self.client = key, client or Client()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        sent = {"authorization": f"Bearer {self.key}"} if self.key else {}
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method, f"/api/admin/{path}", data, content_type="application/json", headers=sent | named
        )

    def made(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        answer = self("POST", path, body, **headers)
        assert answer.status_code == 201, answer.content
        return answer.json()


@pytest.fixture
def key(db: None) -> str:
    """The plain text of an operator's key."""
    return keys.issue(Tenant.objects.create(name="ops"), "script", operator=True)[1]


@pytest.fixture
def call(key: str) -> Caller:
    return Caller(key)
