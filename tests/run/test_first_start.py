"""What a person has after `make run` on a bare machine."""

import os
import re
import signal
import socket
import stat
from contextlib import closing

import httpx
import pytest

from tests.run.asking import asking_all_the_time
from tests.run.installation import Installation, wait_until, web_workers

CHAT = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


def ask(installation: Installation) -> httpx.Response:
    return httpx.post(f"{installation.url}/v1/chat/completions", json=CHAT, headers=installation.headers, timeout=60)


def test_says_where_it_is_and_how_to_get_in(running: Installation) -> None:
    values = running.first_run
    assert values["NEUROROUTE_URL"] == running.url
    for said in (*values.values(), "curl ", "from openai import OpenAI", "SANDBOX"):
        assert said in running.said


def test_secrets_are_for_the_owner_alone(running: Installation) -> None:
    for name in ("first-run.env", "secrets.env"):
        assert stat.S_IMODE((running.var / name).stat().st_mode) == 0o600
    made = dict(line.split("=", 1) for line in (running.var / "secrets.env").read_text().splitlines() if "=" in line)
    assert made.keys() == {"SECRET_KEY", "SECRETS_KEYS", "CLIENT_KEY_PEPPER"}
    assert len(set(made.values())) == 3 and all(len(value) >= 48 for value in made.values())


def test_the_first_question_is_answered(running: Installation) -> None:
    answer = ask(running)
    assert answer.status_code == 200, answer.text
    assert "Paris" in answer.json()["choices"][0]["message"]["content"]


def test_the_client_key_is_needed(running: Installation) -> None:
    assert httpx.post(f"{running.url}/v1/chat/completions", json=CHAT).status_code == 401


def test_the_administrator_can_sign_in(running: Installation) -> None:
    values = running.first_run
    with httpx.Client(base_url=running.url, follow_redirects=True) as browser:
        page = browser.get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token
        form = {
            "csrfmiddlewaretoken": token[1],
            "username": values["NEUROROUTE_ADMIN_USER"],
            "password": values["NEUROROUTE_ADMIN_PASSWORD"],
            "next": "/admin/",
        }
        page = browser.post("/admin/login/", data=form, headers={"Referer": f"{running.url}/admin/login/"})
    assert page.url.path == "/admin/" and page.status_code == 200


def test_a_second_start_on_the_same_files_is_refused(running: Installation) -> None:
    refused = running.run("-m", "neuroroute.serve")
    assert refused.returncode == 2
    assert refused.stderr.startswith("VAR_DIR: ") and refused.stderr.count("\n") == 1
    assert str(running.process.pid) in refused.stderr


def test_a_stopped_sandbox_provider_is_left_alone_and_can_be_started_again(running: Installation) -> None:
    stopped = running.run("manage.py", "sandbox", "stop", "openai")
    assert "sandbox-openai: stopped" in stopped.stdout, stopped.stderr
    assert wait_until(lambda: "manage.py sandbox start sandbox-openai" in running.said)
    assert "stopped" in running.run("manage.py", "sandbox", "status", "openai").stdout
    assert ask(running).status_code == 200
    assert "runs" in running.run("manage.py", "sandbox", "start", "openai").stdout
    assert "runs (pid" in running.run("manage.py", "sandbox", "status", "openai").stdout


def test_a_stopped_sandbox_provider_keeps_its_address_and_refuses_callers(running: Installation) -> None:
    address = _address(running, "sandbox-openai")
    with socket.create_connection(address) as caller:  # whose connection the provider closes, and remembers
        caller.sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert caller.recv(1)
        running.run("manage.py", "sandbox", "stop", "openai")
        while caller.recv(65536):
            pass
    for allow_others in (0, 1):
        with closing(socket.socket()) as foreign, pytest.raises(OSError, match="in use"):
            foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, allow_others)
            foreign.bind(address)
            foreign.listen()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    started = running.run("manage.py", "sandbox", "start", "openai")
    assert "sandbox-openai: runs" in started.stdout, started.stderr
    socket.create_connection(address).close()


def test_a_sandbox_provider_that_cannot_serve_says_why(running: Installation) -> None:
    running.run("manage.py", "sandbox", "stop", "anthropic")
    part = running.root / "providers" / "sandbox" / "server.py"
    away = part.rename(part.with_suffix(".away"))
    try:
        started = running.run("manage.py", "sandbox", "start", "anthropic")
    finally:
        away.rename(part)
    assert "runs" not in started.stdout
    assert "sandbox-anthropic ended before it served: ModuleNotFoundError" in started.stderr
    assert started.returncode == 1
    assert "sandbox-anthropic: runs" in running.run("manage.py", "sandbox", "start", "anthropic").stdout


def test_a_killed_web_server_is_started_again(running: Installation) -> None:
    killed = running.pid_of("web")
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: (running.var / "run" / "web.pid").exists() and running.pid_of("web") != killed)
    assert wait_until(lambda: _answers(running))
    assert ask(running).status_code == 200


def test_the_web_worker_is_replaced_and_no_request_fails(running: Installation) -> None:
    before = web_workers(running)
    with asking_all_the_time(running) as codes:
        assert "are being replaced" in running.run("manage.py", "restart_web").stdout
        assert wait_until(lambda: "every web worker is new" in running.said), running.said
    assert len(web_workers(running)) == 1 and web_workers(running) != before
    assert codes and set(codes) == {200}, codes


def test_sigterm_ends_every_process(running: Installation) -> None:
    assert len(running.living()) >= 8
    assert running.stop(signal.SIGTERM) == 0
    assert running.living() == {}
    assert list((running.var / "run").glob("*.pid")) == []


def _address(installation: Installation, child: str) -> tuple[str, int]:
    """Where that provider of the sandbox listens, as it says itself."""
    said = re.findall(r"listening on http://([\d.]+):(\d+)", (installation.var / "log" / f"{child}.log").read_text())
    return said[-1][0], int(said[-1][1])


def _answers(installation: Installation) -> bool:
    try:
        return httpx.get(f"{installation.url}/health").status_code == 200
    except httpx.TransportError:
        return False
