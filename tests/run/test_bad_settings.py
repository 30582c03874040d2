"""What cannot work is said in one line that names the setting and a good value, with exit code 2 and no traceback."""

import socket
from contextlib import closing

import pytest

from tests.run.installation import Installation

BAD = [
    ("PORT", "http", {}),
    ("PORT", "70000", {}),
    ("HOST", "192.0.2.1", {}),
    ("WEB_WORKERS", "2", {}),
    ("PROXY_SOCKET", "web.sock", {}),
    ("PROXY_SOCKET", f"/run/{'x' * 108}", {}),
    ("PROXY_SOCKET", "/nowhere/web.sock", {}),
    ("SANDBOX", "perhaps", {}),
    ("LOG_LEVEL", "loud", {}),
    ("PUBLIC_URL", "llm.example.com", {}),
    ("DATABASE_URL", "mysql://127.0.0.1/x", {}),
    ("DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:1/x", {}),
    ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0", {}),
    ("CELERY_BROKER_URL", "guest@127.0.0.1", {}),
    ("EMAIL_URL", "smtp.example.com:587", {}),
    ("EMAIL_FROM", "nobody", {}),
    ("OLLAMA_URL", "127.0.0.1:11434", {}),
    ("VAR_DIR", "/proc/neuroroute", {}),
    ("SECRET_KEY", "change-me", {"HOST": "0.0.0.0"}),
    ("CLIENT_KEY_PEPPER", "short", {"PUBLIC_URL": "https://llm.example.com"}),
]


@pytest.mark.parametrize(("name", "value", "others"), BAD, ids=[f"{name}={value[:40]}" for name, value, _ in BAD])
def test_a_bad_value_is_one_line(installation: Installation, name: str, value: str, others: dict[str, str]) -> None:
    refused = installation.run("-m", "neuroroute.serve", **{name: value}, **others)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert refused.stderr.startswith(f"{name}: ") and refused.stderr.count("\n") == 1, refused.stderr
    assert f"A good value: {name}=" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout
    assert installation.living() == {}


def test_a_taken_port_is_one_line(installation: Installation) -> None:
    with closing(socket.create_server(("127.0.0.1", installation.port))):
        refused = installation.run("-m", "neuroroute.serve")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"PORT: {installation.port} on 127.0.0.1 is taken")
    assert refused.stderr.count("\n") == 1


def test_every_command_says_it_in_one_line(installation: Installation) -> None:
    refused = installation.run("manage.py", "check", PORT="http")
    assert refused.returncode == 2
    assert refused.stderr.startswith("PORT: ") and refused.stderr.count("\n") == 1


def test_a_database_that_is_not_prepared_or_away_is_one_line(installation: Installation) -> None:
    unprepared = installation.run("manage.py", "export")
    assert unprepared.returncode == 2 and unprepared.stdout == ""
    assert "run `python manage.py prepare` first" in unprepared.stderr and unprepared.stderr.count("\n") == 1
    traced = installation.run("manage.py", "export", "--traceback")
    assert traced.returncode == 1 and "Traceback" in traced.stderr
    away = installation.run("manage.py", "export", DATABASE_URL="postgres://nobody:hunter2@127.0.0.1:1/x")
    assert away.returncode == 2 and "Traceback" not in away.stderr and "hunter2" not in away.stderr
    assert away.stderr.splitlines()[-1].startswith("the database does not answer; DATABASE_URL says where")


def test_an_example_secret_is_good_enough_for_the_demo(installation: Installation) -> None:
    prepared = installation.run("manage.py", "prepare", SECRET_KEY="change-me")
    assert prepared.returncode == 0, prepared.stderr
    assert "SECRET_KEY is an example's text" in prepared.stdout
