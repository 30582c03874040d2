"""What runs now, in two web workers on Redis: seen in one list whichever worker is asked, and ended by an operator."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from providers.sandbox.testing import fault

from .gateway import manage
from .inflight import FEW, TOKENS, api, eventually, key_of, listed, person, streams
from .inflight import both as both
from .inflight import sessions as sessions
from .inflight import slow as slow


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


def whole(found):
    """The list, unless a worker was too busy to answer in time."""
    return found if found["complete"] else None


def test_people_of_another_tenant_see_and_end_nothing_and_viewers_end_nothing(both, slow, sessions):
    with streams(both, slow, 2) as opened:
        request_id = opened[0][0].headers["x-request-id"]
        for name, seen, status in (("bob", 0, 404), ("vera", 2, 403), ("mia", 2, 200)):
            with person(both, sessions, name) as browser:
                found = eventually(lambda browser=browser: whole(browser.get("/api/admin/live").json()))
                assert (len(found["data"]), found["total"]) == (seen, seen), name
                ended = browser.post(f"/api/admin/live/{request_id}/cancel", json={"reason": "x"})
                assert ended.status_code == status, ended.text
            assert len(listed(both)) == (1 if name == "mia" else 2)
        assert any("cancelled_by_operator" in line for line in opened[0][1])


def test_the_system_page_says_which_revision_each_worker_serves_and_shows_the_newest_backup(both, sessions):
    manage(both.var, "backup", env=both.env)
    (copy,) = (both.var / "backups").iterdir()
    assert copy.read_bytes().startswith(b"PGDMP")  # as pg_restore reads it
    with person(both, sessions, "mia") as mia:

        def served() -> str | None:
            text = mia.get("/admin/system/").text
            assert copy.name in text
            return text if "2 of 2 web workers told" in text and "not by all" not in text else None

        assert "by all" in eventually(served)
