"""Fault 32: clients that do not read what they asked for."""

import json
import socket
import time
from contextlib import ExitStack, closing

import pytest

from providers.sandbox.testing import Step

from .conftest import two_providers
from .served import Served

READERS = 20
PIECE, PIECES = 10_000, 1_000  # 10 MB each


@pytest.fixture(scope="module")
def served(migrated, tmp_path_factory, primary_process, fallback_process):
    gateway = Served.made_from(migrated, tmp_path_factory.mktemp("served"))
    gateway.slow_client_s = 2
    gateway.apply(two_providers(primary_process, fallback_process))
    yield gateway.start()
    gateway.stop()


def asking_without_reading(gateway: Served, stream: bool) -> socket.socket:
    """A client that asks and then takes nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    client.connect(("127.0.0.1", gateway.port))
    messages = [{"role": "user", "content": "Tell me everything"}]
    body = json.dumps({"model": "primary/demo", "stream": stream, "messages": messages})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
    client.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    return client


def was_reset(client: socket.socket) -> bool:
    """Read what had been sent, and whether the connection then broke instead of ending."""
    client.settimeout(10)
    try:
        while client.recv(1 << 20):
            pass
    except ConnectionError:
        return True
    return False


def test_streams_that_nobody_reads_hold_their_upstreams_back_and_are_cut(served, primary):
    served.chat("Warm up")
    primary.reset()
    primary.script(*[Step(pieces=("x" * PIECE,) * PIECES)] * READERS)
    before_mb = served.memory_mb
    most_mb = 0.0
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(asking_without_reading(served, stream=True)) for _ in range(READERS)]
        for _ in range(15):
            time.sleep(0.1)
            most_mb = max(most_mb, served.memory_mb)
        calls = primary.calls(ended=True, chats=True)
        assert was_reset(clients[0])
    assert [call.left_early for call in calls] == [True] * READERS
    assert max(call.chunks for call in calls) < PIECES
    # 200 MB were offered. What may wait: in the connection, in the gateway and before it, some 100 kB each.
    assert most_mb - before_mb < READERS * 1.5


def test_a_whole_answer_that_nobody_reads_is_cut_too(served, primary):
    primary.script("x" * PIECE * PIECES)
    with closing(asking_without_reading(served, stream=False)) as client:
        time.sleep(4.5)
        assert was_reset(client)
