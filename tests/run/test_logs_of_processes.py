"""What the processes of an installation write is for collectors, where JSON is asked for: each line, from the first to
the signal that ends them, which Celery answers with a line of its own."""

import json
from collections.abc import Callable

import httpx

from tests.run.installation import Installation, wait_until

PARTS = ("web", "ship", "worker", "beat")


def test_every_line_of_every_part_is_json(installations: Callable[[], Installation]) -> None:
    one = installations()
    one.start(LOG_FORMAT="json", LOG_LEVEL="info")
    chat = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
    assert httpx.post(f"{one.url}/v1/chat/completions", json=chat, headers=one.headers).status_code == 200
    assert httpx.get(f"{one.url}/dashboard/nowhere/").status_code in (302, 404)
    logs = {part: one.var / "log" / f"{part}.log" for part in PARTS}
    wait_until(lambda: all(log.exists() for log in logs.values()) and "accesslog" in logs["ship"].read_text())
    for part, log in logs.items():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert all(line["event"] and line["level"] and "color_message" not in line for line in lines), part
    assert "Application startup complete" in logs["web"].read_text()
