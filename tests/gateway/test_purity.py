"""The data plane runs no query, hops no thread and touches no file but the journal."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.management import call_command
from django.db.backends.utils import CursorWrapper

from neuroroute.asgi import application
from routing.runtime import runtime
from tenants.keys import issue
from tenants.models import Tenant

from .conftest import two_providers

pytestmark = pytest.mark.django_db(transaction=True)


class Watch:
    """Counts queries and thread hops of the thread that it was made in, and hops to any."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop) -> None:
        self.queries: list[str] = []
        self.hops: list[str] = []
        here = threading.get_ident()
        plain_execute, plain_hop, plain_executor = CursorWrapper.execute, SyncToAsync.__call__, loop.run_in_executor

        def execute(cursor: Any, sql: str, params: Any = None) -> Any:
            if threading.get_ident() == here:
                self.queries.append(sql)
            return plain_execute(cursor, sql, params)

        async def hop(self_: Any, *args: Any, **kwargs: Any) -> Any:
            self.hops.append(repr(self_.func))
            return await plain_hop(self_, *args, **kwargs)

        def executor(pool: Any, function: Callable[..., Any], *args: Any) -> Any:
            self.hops.append(repr(function))
            return plain_executor(pool, function, *args)

        monkeypatch.setattr(CursorWrapper, "execute", execute)
        monkeypatch.setattr(SyncToAsync, "__call__", hop)
        monkeypatch.setattr(loop, "run_in_executor", executor)


@pytest.fixture
def key(primary, fallback, tmp_path):
    file = tmp_path / "config.yaml"
    configuration = two_providers(primary, fallback, limits={"requests_per_minute": 1000, "requests_per_day": 10_000})
    file.write_text(json.dumps(configuration))
    call_command("apply", str(file), verbosity=0)
    return issue(Tenant.objects.get(name="team"), "test")[1]


async def test_neither_face_queries_or_hops(key, monkeypatch):
    await runtime().ready()
    try:
        for stream in (False, True):
            assert (await ask(key, stream))[0] == 200  # connections are made, plans are known
        watch = Watch(monkeypatch, asyncio.get_running_loop())
        for stream in (False, True):
            status, body = await ask(key, stream)
            assert status == 200
            assert body.rstrip().endswith(b"data: [DONE]" if stream else b"}")
        for path, method in (("/v1/models", "GET"), ("/v1/route", "POST"), ("/prompt", "POST"), ("/api/route", "POST")):
            assert (await ask(key, False, path, method))[0] == 200
        assert (await ask("nr-bad", False))[0] == 401
        assert watch.queries == []
        assert watch.hops == []
    finally:
        await runtime().stop()
        runtime.cache_clear()


async def test_the_watch_sees_a_query_and_a_hop(key, monkeypatch):
    """The guard itself can fail."""
    watch = Watch(monkeypatch, asyncio.get_running_loop())
    await asyncio.to_thread(int)
    await SyncToAsync(int)()
    assert len(watch.hops) >= 2


async def ask(key: str, stream: bool, path: str = "/v1/chat/completions", method: str = "POST") -> tuple[int, bytes]:
    """One request through the ASGI application, as a server would pass it."""
    chat = {"model": "auto", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
    body = json.dumps(chat | {"prompt": "Hi"}).encode()
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())], "http_version": "1.1",
        "scheme": "http", "root_path": "", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9),
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": body}]
    outgoing: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        outgoing.append(message)

    await application(scope, receive, send)
    return outgoing[0]["status"], b"".join(m.get("body", b"") for m in outgoing[1:])
