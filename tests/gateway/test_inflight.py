"""What runs now, in two web workers on Redis: seen in one list whichever worker is asked, and ended by an operator."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from providers.sandbox.testing import Sandbox, fault
from tests.halves import Services, open_services

from .conftest import two_providers
from .gateway import Gateway, manage

TOKENS, FEW = 1500, 100  # words: longer than a test looks, and soon over
PEOPLE = """
from django.contrib.auth.models import Group, User
from django.contrib.auth import login, BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from tenants.models import Membership, Tenant
for name, group, tenant in (('mia', 'operator', 'team'), ('bob', 'operator', 'other'), ('vera', 'viewer', 'team')):
    person = User.objects.create_user(name, is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    Membership.objects.create(user=person, tenant=Tenant.objects.get(name=tenant))
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(person.pk), person.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = 'django.contrib.auth.backends.ModelBackend'
    session.save()
    print('session', name, session.session_key)
"""


@pytest.fixture(scope="module")
def slow() -> Iterator[Sandbox]:
    """An upstream that takes some seconds for a text of `TOKENS` words."""
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
        configuration["tenants"][0]["keys"].append({"name": "op", "operator": True})
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
    answer = api(gateway, "GET")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["complete"] and found["workers"] == found["workers_answered"] == 2, found
    return list(found["data"])


def test_streams_of_both_workers_are_listed_by_either_and_gone_at_their_end(both, slow):
    assert listed(both) == []
    with streams(both, slow, 8) as opened:
        ids = {answer.headers["x-request-id"] for answer, _ in opened}
        for _ in range(6):  # whichever worker answers
            rows = listed(both)
            assert {row["id"] for row in rows} == ids
        row = rows[0]
        assert row["state"] == "streaming" and row["tokens"] > 0 and row["tokens_estimated"]
        assert (row["deployment"], row["provider"], row["asked_model"]) == ("primary/demo", "primary", "demo")
        assert row["tenant"] == "team" and key_of(both, "team/ci").startswith(row["key_prefix"])
        assert [each["began_at"] for each in rows] == sorted(each["began_at"] for each in rows)
    assert eventually(lambda: listed(both) == [])  # their clients have left
    with streams(both, slow, 1, FEW) as ((_, lines),):
        assert len(listed(both)) == 1
        assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert listed(both) == []


def test_a_request_that_waits_or_fails_over_says_so(both, slow, fallback):
    slow.reset()
    slow.script(fault("hang"))
    headers = {"authorization": f"Bearer {key_of(both, 'team/ci')}"}
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    fallback.script(fault("hang"))
    with httpx.Client(timeout=60) as client:
        sent = client.build_request("POST", f"{both.url}/v1/chat/completions", json=body, headers=headers)

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.send, sent)
            seen = []
            while not answer.done():
                seen += [(row["state"], row["deployment"]) for row in listed(both)]
                time.sleep(0.1)
    assert seen[0] == ("waiting", "primary/demo")
    assert ("failing over", "fallback/demo") in seen
    assert all(state != "streaming" for state, _ in seen[:2])
    manage(both.var, "reset_health", env=both.env)
    time.sleep(0.6)


def test_an_operator_ends_a_stream_and_the_client_the_upstream_and_the_record_know(both, slow):
    with streams(both, slow, 4) as opened:
        answer, lines = opened[2]
        request_id = answer.headers["x-request-id"]
        done = api(both, "POST", f"/{request_id}/cancel", json={"reason": "a loop"})
        assert done.status_code == 200 and done.json()["id"] == request_id and done.json()["state"] == "streaming"
        last = [line for line in lines if line]
        assert "cancelled_by_operator" in last[-1] and "data: [DONE]" not in last
        assert request_id not in {row["id"] for row in listed(both)}
        assert eventually(lambda: sum(call.left_early for call in slow.calls(chats=True)) == 1)
        again = api(both, "POST", f"/{request_id}/cancel", json={})
        assert again.status_code == 404 and again.json()["error"]["code"] == "not_in_flight"
    both.ship()
    both.ship()
    story = both.story(request_id)
    assert (story["status"], story["error"]["code"]) == ("cancelled", "cancelled_by_operator"), story
    (attempt,) = story["attempts"]
    assert attempt["status"] == "cancelled" and 0 < story["usage"]["completion_tokens"] < TOKENS
    headers = {"authorization": f"Bearer {key_of(both, 'team/op')}"}
    log = httpx.get(f"{both.url}/api/admin/audit-log?action=cancelled", headers=headers, timeout=10).json()["data"]
    assert [(row["object_name"], row["reason"], row["via"]) for row in log] == [(request_id, "a loop", "api")]


def test_a_whole_answer_that_is_ended_is_an_error_that_no_sdk_sends_again(both, slow):
    slow.reset()
    slow.script("word " * TOKENS)

    headers = {"authorization": f"Bearer {key_of(both, 'team/ci')}"}
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(httpx.post, f"{both.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
        (row,) = eventually(lambda: [each for each in listed(both) if each["state"] == "waiting"])
        assert row["tokens"] is None and not row["stream"]
        assert api(both, "POST", f"/{row['id']}/cancel", json={"reason": "x"}).status_code == 200
        answer = call.result()
    assert answer.status_code == 503 and answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["code"] == "cancelled_by_operator"
    assert answer.headers["x-request-id"] == row["id"]


def test_people_of_another_tenant_see_and_end_nothing_and_viewers_end_nothing(both, slow, sessions):
    with streams(both, slow, 2) as opened:
        request_id = opened[0][0].headers["x-request-id"]
        for name, seen, status in (("bob", 0, 404), ("vera", 2, 403), ("mia", 2, 200)):
            with person(both, sessions, name) as browser:
                found = browser.get("/api/admin/live").json()
                assert (len(found["data"]), found["total"]) == (seen, seen), name
                ended = browser.post(f"/api/admin/live/{request_id}/cancel", json={"reason": "x"})
                assert ended.status_code == status, ended.text
            assert len(listed(both)) == (1 if name == "mia" else 2)
        assert any("cancelled_by_operator" in line for line in opened[0][1])
