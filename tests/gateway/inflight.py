"""Two web workers on Redis with streams that last, and people who look at them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox
from tests.halves import Services, open_services

from .conftest import two_providers
from .gateway import Gateway, manage

TOKENS, FEW = 20_000, 100  # words: longer than anybody looks on a busy machine, and soon over
# A scene takes long, and on a busy machine nobody may fail over whom no fault lets wait.
UNHURRIED = {"connect": 10, "first_byte": 8, "first_token": 8, "stall": 60, "total": 300}
PEOPLE = """
from django.contrib.auth.models import Group, User
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from tenants.models import Membership, Tenant
for name, group, tenant in (('mia', 'operator', 'team'), ('bob', 'operator', 'other'), ('vera', 'viewer', 'team')):
    person = User.objects.create_user(name, is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    Membership.objects.create(user=person, tenant=Tenant.objects.get(name=tenant))
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(person.pk), person.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()
    print('session', name, session.session_key)
"""


@pytest.fixture(scope="module")
def slow() -> Iterator[Sandbox]:
    """An upstream that takes a hundred seconds for a text of `TOKENS` words."""
    with Sandbox.start("openai", pace=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def both(services, tmp_path_factory, slow, fallback_process) -> Iterator[Gateway]:
    with open_services() as own:
        assert isinstance(own, Services)
        var, env = tmp_path_factory.mktemp("inflight"), own.environment() | {"WEB_WORKERS": "2"}
        manage(var, "migrate", "-v0", env=env)
        gateway = Gateway(var, env)
        configuration = two_providers(slow, fallback_process)
        configuration["providers"][0]["deployments"][0]["timeouts"] = UNHURRIED
        configuration["tenants"][0]["keys"].append({"name": "op", "operator": True})
        configuration["tenants"][0]["budgets"] = [{"usd": 100, "period": "month"}]
        configuration["tenants"].append({"name": "other", "keys": [{"name": "ci"}]})
        gateway.apply(configuration)
        gateway.start("--workers", "2")
        eventually(lambda: api(gateway, "GET").json()["workers"] == 2)  # the other begins a moment later
        yield gateway
        gateway.stop()


@pytest.fixture(scope="module")
def sessions(both) -> dict[str, str]:
    """Session cookies by the person's name."""
    said = manage(both.var, "shell", "-v0", "-c", PEOPLE, env=both.env)
    return dict(line.split()[1:] for line in said.splitlines() if line.startswith("session "))


def key_of(gateway: Gateway, name: str) -> str:
    return next(key for label, key in gateway.keys.items() if label.lower().replace("_", "/").endswith(name))


def api(gateway: Gateway, method: str, path: str = "", **sent: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key_of(gateway, 'team/op')}"}
    return httpx.request(method, f"{gateway.url}/api/admin/live{path}", headers=headers, timeout=10, **sent)


@contextmanager
def person(gateway: Gateway, sessions: dict[str, str], name: str) -> Iterator[httpx.Client]:
    """A browser that is signed in, with what it needs to post."""
    cookies = {"sessionid": sessions[name], "csrftoken": "a" * 32}
    headers = {"x-csrftoken": "a" * 32, "referer": gateway.url}
    with httpx.Client(base_url=gateway.url, cookies=cookies, headers=headers, timeout=10) as client:
        yield client


@contextmanager
def streams(
    gateway: Gateway, slow: Sandbox, number: int, words: int = TOKENS
) -> Iterator[list[tuple[httpx.Response, Iterator[str]]]]:
    """So many streams that have begun, each with the lines that follow."""
    slow.reset()
    slow.script(*["word " * words] * number)
    body = {"model": "demo", "messages": [{"role": "user", "content": "Tell"}], "stream": True}
    headers = {"authorization": f"Bearer {key_of(gateway, 'team/ci')}"}
    with ExitStack() as stack:
        opened = []
        for _ in range(number):
            client = stack.enter_context(httpx.Client(timeout=60))
            url = f"{gateway.url}/v1/chat/completions"
            answer = stack.enter_context(client.stream("POST", url, json=body, headers=headers))
            lines = answer.iter_lines()
            next(lines)
            opened.append((answer, lines))
        yield opened


def eventually(found: Callable[[], Any]) -> Any:
    """What is found, at last."""
    until = time.monotonic() + 20
    while not (seen := found()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return seen


def listed(gateway: Gateway) -> list[dict[str, Any]]:
    """What runs in both workers: asked again where one is too busy to answer in time, which the answer then says."""

    def whole() -> dict[str, Any] | None:
        answer = api(gateway, "GET")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert found["complete"] == (found["workers_answered"] == found["workers"]), found
        return found if found["complete"] and found["workers"] == 2 else None

    return list(eventually(whole)["data"])
