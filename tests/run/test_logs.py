"""What log lines say and what they keep to themselves. The needles are secrets of every kind, at every place."""

import io
import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client, override_settings

from neuroroute import slowqueries
from neuroroute.logs import Sampling, logging_config
from neuroroute.redaction import Redaction, secrets_in
from routing.api import health, ownusage
from tenants import keys
from tenants.models import Tenant
from tests.run.installation import ROOT

NEEDLE = "Zq7wN3edLe0f4tests"
CASES = {
    "our key": f"no such key nr-{NEEDLE}",
    "their key": f"upstream said: Incorrect API key provided: sk-proj-{NEEDLE}.",
    "Groq": f"gsk_{NEEDLE}",
    "Hugging Face": f"hf_{NEEDLE}",
    "Google": f"AIza{NEEDLE}",
    "bearer": f"sent Authorization: Bearer {NEEDLE}",
    "bearer alone": f"bearer {NEEDLE}",
    "basic": f"authorization: Basic {NEEDLE}==",
    "header as bytes": str([(b"x-api-key", NEEDLE.encode())]),
    "bearer as bytes": str([(b"authorization", f"Bearer {NEEDLE}".encode())]),
    "mapping": str({"api_key": NEEDLE}),
    "JSON in JSON": json.dumps(json.dumps({"password": NEEDLE})),
    "setting": f"CLIENT_KEY_PEPPER={NEEDLE}",
    "database": f"cannot connect to postgres://neuroroute:{NEEDLE}@db:5432/x",
    "Redis": f"Error 111 connecting to redis://:{NEEDLE}@10.0.0.1:6379/0",
    "password with marks": f"amqp://me:p@ss/{NEEDLE}@mq:5672//",
    "query": f"GET https://host/v1beta/models?alt=sse&key={NEEDLE}",
}
INNOCENT = [
    "spent 12 tokens on key number 4 of tenant team-a",
    "http://127.0.0.1:8000/v1/chat/completions answered 200",
    "basic authentication is not offered",
    "the password was changed; ask-me sk- nr-",
    "req_0191d3b0c0de7000a000000000000000 failed over to sandbox-mini",
    "sandbox-openai/sandbox-mini risk-based-choice",
]


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Configures logging as a process does; gives what was written, and puts the test run's own back."""
    before = structlog.get_config()
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    out = io.StringIO()

    def configure(form: str = "json", **options: Any) -> Callable[[], list[str]]:
        config = logging_config("info", form, **options)
        config["handlers"]["stderr"]["stream"] = out
        logging.config.dictConfig(config)
        return lambda: out.getvalue().splitlines()

    yield configure
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("secret", CASES.values(), ids=CASES)
def test_no_line_holds_a_secret(lines: Callable[..., Any], form: str, secret: str) -> None:
    written = lines(form)
    logging.getLogger("library").info("it says %s", secret)
    structlog.get_logger("ours").info("said", text=secret, deep={"er": [secret]}, error=ValueError(secret))
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        logging.getLogger("library").exception("failed")
    said = "\n".join(written())
    assert NEEDLE not in said
    assert said.count("…") >= 4


@pytest.mark.parametrize("name", ["password", "api_key", "x-api-key", "Authorization", "credential", "SECRET_KEY"])
def test_a_field_that_is_called_a_secret_is_hidden_whatever_it_looks_like(lines: Callable[..., Any], name: str) -> None:
    written = lines()
    structlog.get_logger("ours").info("said", **{name: "hunter2 is odd"}, deep={name: ["hunter2"]})
    assert "hunter2" not in written()[0]


def test_a_known_secret_is_hidden_whatever_stands_around_it(lines: Callable[..., Any]) -> None:
    written = lines(secrets=secrets_in({"BENCH_UPSTREAM_KEY": f"other-one,{NEEDLE}", "HOME": "/home/somebody"}))
    logging.getLogger("library").info("/home/somebody asked with %s, and other-one", NEEDLE)
    assert json.loads(written()[0])["event"] == "/home/somebody asked with …, and …"


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert Redaction().text(text) == text


def test_json_stays_json(lines: Callable[..., Any]) -> None:
    written = lines()
    for secret in CASES.values():
        logging.getLogger("library").info("%s", secret)
    assert [json.loads(line)["level"] for line in written()] == ["info"] * len(CASES)


class _View:
    def __init__(self) -> None:
        self.request_id = "0191d3b0c0de7000a0000000000000ff"

    async def answer(self) -> None:
        await self.deeper()

    async def deeper(self) -> None:
        structlog.get_logger("ours").warning("journal unavailable")
        logging.getLogger("library").warning("no answer")


async def test_a_line_of_the_data_plane_knows_its_request(lines: Callable[..., Any]) -> None:
    written = lines()
    await _View().answer()
    logging.getLogger("library").warning("nobody asked")
    first, second, third = map(json.loads, written())
    assert first["request_id"] == second["request_id"] == "req_0191d3b0c0de7000a0000000000000ff"
    assert "request_id" not in third


@pytest.mark.django_db
def test_a_line_of_a_page_knows_its_request(lines: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    written = lines()
    monkeypatch.setitem(health.CHECKS, "database", lambda: logging.getLogger("x").warning("asked") or "ok")
    answer = Client().get("/health/ready")
    told = [json.loads(line) for line in written()]
    assert answer.headers["x-request-id"].startswith("req_")
    assert [line["request_id"] for line in told if line["event"] == "asked"] == [answer.headers["x-request-id"]]


@pytest.mark.django_db
def test_a_refused_page_leaves_one_line_and_no_traceback(lines: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("guest"))
    written = lines()
    assert client.get("/dashboard/").status_code == 403
    (line,) = [json.loads(line) for line in written()]
    assert line["level"] == "warning" and line["request_id"].startswith("req_") and "exception" not in line


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/admin/sync-benchmarks", "/admin/sync-benchmarks"])
def test_what_is_not_offered_is_no_error(lines: Callable[..., Any], path: str) -> None:
    key = keys.issue(Tenant.objects.create(name="ops"), "operator", operator=True)[1]
    written = lines()
    assert Client().post(path, headers={"authorization": f"Bearer {key}"}).status_code == 501
    (line,) = [json.loads(line) for line in written()]
    assert line["level"] == "warning" and path in line["event"] and "exception" not in line


async def test_a_static_file_is_answered_whole_and_without_a_word(lines: Callable[..., Any]) -> None:
    written = lines()
    answer = await AsyncClient().get("/static/dashboard/site.css")
    assert (answer.status_code, answer.streaming) == (200, False) and answer["content-type"].startswith("text/css")
    part = await AsyncClient().get("/static/dashboard/site.css", headers={"range": "bytes=0-3"})
    assert part.content == answer.content[:4] and part.status_code == 206
    assert (await AsyncClient().head("/static/dashboard/site.css")).content == b""
    assert not written()


@pytest.mark.django_db
def test_an_error_of_the_api_names_the_id_that_its_lines_have(
    lines: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("the database has gone mad")

    monkeypatch.setattr(ownusage.UsageView, "caller", fail)
    written = lines()
    answer = Client(raise_request_exception=False).get("/v1/usage")
    told = [json.loads(line) for line in written()]
    assert answer.status_code == 500 and answer.headers["x-neuroroute-request-id"] == answer.headers["x-request-id"]
    assert {line.get("request_id") for line in told} == {answer.headers["x-request-id"]}
    assert {line["logger"] for line in told} == {"routing.api.database", "django.request"}


def test_sampling_keeps_warnings_and_a_share_of_what_is_below(lines: Callable[..., Any]) -> None:
    written = lines(percent=0)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("library").log(level, "said")
    assert [json.loads(line)["level"] for line in written()] == ["warning", "error"]


def test_sampling_keeps_all_lines_of_a_request_or_none() -> None:
    sampling = Sampling(30)
    kept = 0
    for number in range(1000):
        request_id = f"req_{number * 7919 % 65536:032x}"
        records = [logging.makeLogRecord({"levelno": logging.INFO, "msg": {"request_id": request_id}})] * 3
        passed = {bool(sampling.filter(record)) for record in records}
        assert len(passed) == 1
        kept += passed == {True}
    assert 250 < kept < 350


def test_without_sampling_nothing_is_asked_per_line() -> None:
    assert logging_config("info", "json")["handlers"]["stderr"]["filters"] == []


@pytest.mark.django_db
def test_a_slow_query_is_logged_without_its_values(lines: Callable[..., Any]) -> None:
    written = lines()
    with (
        override_settings(SLOW_QUERY_MS=0),
        connection.execute_wrapper(slowqueries.watch),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT %s", [NEEDLE])
        assert cursor.fetchone() == (NEEDLE,)
    line = json.loads(written()[0])
    assert line["event"] == "slow query" and line["sql"] == "SELECT %s" and line["ms"] >= 0
    assert NEEDLE not in written()[0]


@pytest.mark.django_db
def test_a_quick_query_is_not_logged(lines: Callable[..., Any]) -> None:
    written = lines()
    quick = override_settings(SLOW_QUERY_MS=3_600_000)
    with quick, connection.execute_wrapper(slowqueries.watch), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert written() == []


@pytest.mark.parametrize(("setting", "watched"), [("0", False), ("1000", True)])
def test_a_process_watches_its_queries_where_the_setting_says_so(tmp_path: Path, setting: str, watched: bool) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.db import connection; connection.ensure_connection(); connection.close()\n"
        "connection.ensure_connection(); print(len(connection.execute_wrappers))"
    )
    environment = os.environ | {
        "VAR_DIR": str(tmp_path), "SLOW_QUERY_MS": setting, "DJANGO_SETTINGS_MODULE": "neuroroute.settings",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(int(watched)), done.stderr
