"""Clients that never pause: one that keeps its connection, one that makes a new one each time, one that streams."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.run.installation import Installation

CHAT = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


@contextmanager
def asking_all_the_time(installation: Installation) -> Iterator[list[int | str]]:
    """Yields what they get: a status, or what went wrong."""
    got: list[int | str] = []
    over = threading.Event()
    threads = [threading.Thread(target=_ask, args=(installation, asks, got, over)) for asks in (_kept, _new, _streamed)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        over.set()
        for thread in threads:
            thread.join()


Asks = Callable[[httpx.Client, Installation], int | str]


def _ask(installation: Installation, asks: Asks, got: list[int | str], over: threading.Event) -> None:
    with httpx.Client(base_url=installation.url, headers=installation.headers, timeout=60) as client:
        while not over.is_set():
            try:
                got.append(asks(client, installation))
            except httpx.TransportError as exc:
                got.append(f"{asks.__name__}: {exc!r}")


def _kept(client: httpx.Client, installation: Installation) -> int:
    return client.post("/v1/chat/completions", json=CHAT).status_code


def _new(client: httpx.Client, installation: Installation) -> int:
    url = f"{installation.url}/v1/chat/completions"
    return httpx.post(url, json=CHAT, headers=installation.headers, timeout=60).status_code


def _streamed(client: httpx.Client, installation: Installation) -> int | str:
    answer = client.post("/v1/chat/completions", json=CHAT | {"stream": True})
    return answer.status_code if answer.text.endswith("data: [DONE]\n\n") else f"cut: {answer.text[-200:]}"
