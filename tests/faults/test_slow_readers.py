"""Row 32: clients that do not read what they asked for, and row 22: clients that read it in drips.

The first are cut by the kernel, as the socket says that `neuroroute.serve.listening` makes: a bare uvicorn would wait.
The others get as long as any answer may take.
"""

import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from providers.sandbox.testing import Received, Sandbox, Step
from tests.faults.expecting import FALLBACK_TEXT, PRIMARY_TEXT
from tests.faults.matrix import USUAL_LIMITS, WAYS, cells, provider, way_id
from tests.gateway.served import Served

READERS = 10  # of each stream; of whole answers one
PIECE, PIECES = 10_000, 3_000  # 30 MB each: more than all buffers of the kernel on the way hold, however they grow
STREAM = Step(pieces=("x" * PIECE,) * PIECES)
WHOLE = "x" * PIECE * 1_000
SLOW_CLIENT_S = 2
CUT_S = 30  # at the very latest
DRIPPERS = 6  # more than the failures in a row that open a breaker
DRIP, DRIP_EVERY_S = 10_000, 0.02  # a minute and more for all of it
LAST_CHUNK = b"0\r\n\r\n"


class Cut(Struct):
    """What came of the cells of one kind: the clients' stories by way, the upstreams' calls, growth of memory."""

    stories: dict[tuple[bool, bool], list[dict[str, Any]]]
    were_reset: list[bool]
    calls: list[Received]
    fallback_calls: list[Received]
    growth_mb: float


@pytest.fixture(scope="module")
def served(migrated, tmp_path_factory, primary, fallback):
    gateway = Served.made_from(migrated, tmp_path_factory.mktemp("served"))
    gateway.slow_client_s = SLOW_CLIENT_S
    own = provider("primary", primary.base_url, "warm", *(way_id(*way) for way in WAYS))
    hasty = provider("hasty", primary.base_url, "dripping", timeouts=USUAL_LIMITS | {"total": 2})
    spare = provider("fallback", fallback.base_url, "dripping", *(way_id(*way) for way in WAYS if way[1]))
    policy = {"name": "primary-first", "kind": "ordered", "order": ["primary", "hasty", "fallback"]}
    recovering = policy | {"name": "recovering", "recovery": True}
    tenant = {"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first"}
    gateway.apply({"providers": [own, hasty, spare], "policies": [policy, recovering], "tenants": [tenant]})
    fallback.script(FALLBACK_TEXT, lasting=True)
    yield gateway.start()
    gateway.stop()


def asking_without_reading(gateway: Served, model: str, stream: bool, policy: str = "primary-first") -> socket.socket:
    """A client that asks and then takes nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    client.connect(("127.0.0.1", gateway.port))
    messages, own = [{"role": "user", "content": "Tell everything"}], {"policy": policy}
    body = json.dumps({"model": model, "stream": stream, "messages": messages, "neuroroute": own})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
    client.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    return client


def wait_until_cut(gateway: Served, clients: Iterable[socket.socket]) -> None:
    """Return when the gateway has none of these connections any more; who does not read is not told."""
    ports = {client.getsockname()[1] for client in clients}
    until = time.monotonic() + CUT_S
    while ports & connected(gateway.port):
        assert time.monotonic() < until, "the clients were not cut"
        time.sleep(0.1)


def connected(port: int) -> set[int]:
    """The other ends' ports of the connections that this port has."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = [(row[1].split(":"), row[2].split(":")) for row in rows]
    return {int(remote[1], 16) for local, remote in ends if int(local[1], 16) == port}


def rest_of(client: socket.socket) -> tuple[str, bool]:
    """What had been sent, and whether the connection then broke instead of ending."""
    client.settimeout(10)
    read = b""
    try:
        while piece := client.recv(1 << 20):
            read += piece
    except ConnectionError:
        return read.decode(errors="replace"), True
    return read.decode(errors="replace"), False


def cut_off(served: Served, primary: Sandbox, fallback: Sandbox, stream: bool) -> Cut:
    """Let the readers of one kind ask and wait for their end."""
    ways = [way for way in WAYS if way[0] == stream]
    for way in ways:
        primary.script(STREAM if stream else WHOLE, model=way_id(*way), lasting=True)
    before_mb = most_mb = served.memory_mb
    found: dict[tuple[bool, bool], list[dict[str, Any]]] = {way: [] for way in ways}
    were_reset = []
    with ExitStack() as open_ones:
        clients = [
            (way, open_ones.enter_context(asking_without_reading(served, way_id(*way), stream)))
            for way in ways
            for _ in range(READERS if stream else 1)
        ]
        for _ in range(15):
            time.sleep(0.1)
            most_mb = max(most_mb, served.memory_mb)
        wait_until_cut(served, [client for _, client in clients])
        for way, client in clients:
            said, broke = rest_of(client)
            were_reset.append(broke)
            (request_id,) = re.findall(r"x-request-id: (\S+)", said)
            found[way].append(served.story(request_id))
    calls = [call for way in ways for call in primary.calls(ended=True, model=way_id(*way))]
    others = [call for way in ways for call in fallback.calls(model=way_id(*way))]
    return Cut(found, were_reset, calls, others, most_mb - before_mb)


@pytest.fixture(scope="module")
def streams(served, primary, fallback) -> Cut:
    served.chat("Warm up", "warm")
    return cut_off(served, primary, fallback, stream=True)


@pytest.fixture(scope="module")
def wholes(streams, served, primary, fallback) -> Cut:
    """After the streams, whose memory is measured. Then all records are in the database."""
    cut = cut_off(served, primary, fallback, stream=False)
    served.ship()
    return cut


@cells(32, "slow_reader")
def test_a_client_that_does_not_read_is_cut_and_recorded_once(served, streams, wholes, stream, spare):
    cut = streams if stream else wholes
    stories = cut.stories[stream, spare]
    assert len(stories) == (READERS if stream else 1) and all(cut.were_reset)
    assert cut.fallback_calls == []
    for story in stories:
        assert story["usage"]["completion_tokens"] > 0 and len(story["attempts"]) == 1
        assert story["status"] == ("cancelled" if stream else "answered")  # a whole answer was there before it was sent
    calls = [call for call in cut.calls if call.body["model"] == way_id(stream, spare)]
    assert [call.left_early for call in calls] == [stream] * len(stories)
    assert recorded(served, way_id(stream, spare)) == len(stories)


def test_streams_that_nobody_reads_hold_their_upstreams_back(streams):
    assert max(call.chunks for call in streams.calls) < PIECES
    # 600 MB were offered. What may wait is what one read of a full kernel buffer brings, and its frames: 2 MB each.
    assert streams.growth_mb < 2 * READERS * 2.5


def test_a_client_that_reads_in_drips_has_the_total_limit_and_its_upstream_is_not_blamed(served, primary, fallback):
    primary.script(STREAM, model="dripping", lasting=True)
    with ExitStack() as open_ones:
        clients = [
            open_ones.enter_context(asking_without_reading(served, "dripping", True, "recovering"))
            for _ in range(DRIPPERS)
        ]
        answers = read_in_drips(clients)
    for said in answers:
        assert '"code":"upstream_interrupted"' in said and "[DONE]" not in said
    calls = primary.calls(ended=True, model="dripping")
    assert [call.left_early for call in calls] == [True] * DRIPPERS, [call.chunks for call in calls]
    assert max(call.chunks for call in calls) < PIECES // 2, "the kernel took in more and more of what nobody had read"
    assert fallback.calls(model="dripping") == [], "nothing broke that could be gone on with"
    primary.script(PRIMARY_TEXT, model="dripping", lasting=True)
    assert served.chat("Hello", "dripping").json()["choices"][0]["message"]["content"] == PRIMARY_TEXT


def read_in_drips(clients: Iterable[socket.socket]) -> list[str]:
    """Each client's answer, of which it takes a little now and then until the end."""
    said = dict.fromkeys(clients, b"")
    while reading := [client for client, read in said.items() if not read.endswith(LAST_CHUNK)]:
        for client in reading:
            piece = client.recv(DRIP)
            assert piece, said[client][-500:]
            said[client] += piece
        time.sleep(DRIP_EVERY_S)
    return [read.decode() for read in said.values()]


def recorded(served: Served, model: str) -> int:
    with sqlite3.connect(served.var / "neuroroute.sqlite3") as database:
        sql = "SELECT count(*) FROM usage_requestrecord WHERE asked_model = ?"
        return int(database.execute(sql, [model]).fetchone()[0])
