"""What the workers of one machine let in together, whatever becomes of Redis: real processes, a Redis of our own."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings

from tenants import hosttable
from tenants.admission import RateLimiter
from tenants.callers import Caller
from tenants.errors import LimitsUnavailable, RateLimitExceeded, TooManyAtOnce
from tenants.hostslots import HostSlots
from tenants.hosttable import HostTable
from tenants.hostwindows import HostWindows
from tenants.leasedslots import LeasedSlots
from tenants.leases import LeasedWindows
from tenants.limits import windows_of
from tenants.redislink import RedisLink
from tests.ownredis import own_redis
from tests.tenants.callers import NOON, admit, admitted, caller

WORKERS = 4
NOBODY = "redis://127.0.0.1:1/0"
WORKER = """
import asyncio, sys
from tests.tenants.test_one_machine import WORK
asyncio.run(WORK[sys.argv[1]](*sys.argv[2:]))
"""


def limiter_of(url: str, directory: str | Path, machines: int = 1) -> RateLimiter:
    """One worker's, as `tenants.limiter` makes it."""
    place, link = Path(directory), RedisLink(url, "this machine counts by itself")
    windows, slots = HostWindows(place / "windows", machines), HostSlots(place / "running")
    return RateLimiter(LeasedWindows(link, windows, prefix="r:"), LeasedSlots(link, slots, machines, prefix="s:"))


async def rush(url: str, directory: str, limit: str) -> None:
    """Ask until refused twenty times in a row, and say how often it was let in."""
    limiter, who, refused, count = limiter_of(url, directory), caller(requests_per_minute=int(limit)), 0, 0
    while refused < 20:
        try:
            await admit(limiter, who)
            count, refused = count + 1, 0
        except RateLimitExceeded:
            refused += 1
    print(count, flush=True)


async def walk(url: str, directory: str, limit: str) -> None:
    """Say when ready, begin when told to, ask evenly until a closed input ends it, and say what was let in."""
    limiter, who, count = limiter_of(url, directory), caller(requests_per_minute=int(limit)), 0
    print(0, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        try:
            await admit(limiter, who)
            count += 1
        except RateLimitExceeded:
            pass
        await asyncio.sleep(0.01)
    print(count, flush=True)


async def keep(url: str, directory: str, limit: str) -> None:
    """Take as many places as there are, say how many, and never give one back."""
    limiter, who, held = limiter_of(url, directory), caller(concurrent_requests=int(limit)), []
    try:
        while True:
            held.append(await admit(limiter, who))
            await asyncio.sleep(0)
    except TooManyAtOnce:
        print(len(held), flush=True)
    await asyncio.sleep(600)


WORK = {"rush": rush, "walk": walk, "keep": keep}


def start(work: str, url: str, directory: Path, limit: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, work, url, str(directory), str(limit)]
    return subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip


def told(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


@pytest.fixture
def ended():
    """Processes that are ended when the test is."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()


@pytest.mark.parametrize("limit", [3, 60, 1000])
def test_without_redis_from_the_beginning_all_workers_together_let_in_the_limit(tmp_path, ended, limit):
    ended += [start("rush", NOBODY, tmp_path, limit) for _ in range(WORKERS)]
    assert sum(map(told, ended)) == limit


@pytest.mark.parametrize("limit", [60, 1000])
def test_a_redis_that_goes_and_comes_back_empty_changes_no_sum(tmp_path, ended, limit):
    with own_redis() as server:
        server.start()
        ended += [start("walk", server.url, tmp_path, limit) for _ in range(WORKERS)]
        assert not any([told(process) for process in ended])  # all are there: a late one would find nothing left
        for process in ended:
            print("go", file=process.stdin, flush=True)
        for away_s in (0.2, 1.5, 0.5):
            time.sleep(1.2)
            server.stop()
            time.sleep(away_s)
            server.start()
        time.sleep(3)
        for process in ended:
            assert process.stdin
            process.stdin.close()
        counts = [told(process) for process in ended]
    assert limit * 0.99 <= sum(counts) <= limit and min(counts) > 0, counts


def test_without_redis_no_more_run_at_once_than_may_and_a_killed_workers_places_come_free(tmp_path, ended):
    ended += [start("keep", NOBODY, tmp_path, 50) for _ in range(WORKERS)]
    counts = {process: told(process) for process in ended}
    assert sum(counts.values()) == 50
    dead = max(ended, key=lambda process: counts[process])
    dead.kill()
    dead.wait()
    ended.append(start("keep", NOBODY, tmp_path, 50))
    assert told(ended[-1]) == counts[dead]


def test_a_machine_has_its_part_of_what_is_left_when_redis_is_lost(tmp_path):
    """Each of three may take a third of what was left when it last heard of it, and goes on when Redis is back."""

    async def run() -> None:
        with own_redis() as server:
            server.start()
            machines = [limiter_of(server.url, made(tmp_path / str(number)), 3) for number in range(3)]
            who = caller(requests_per_minute=90, concurrent_requests=8)
            assert await let_in(machines[0], who, 30) == 8  # none of them ends
            who = caller(requests_per_minute=90)
            assert await admitted(machines[0], who, 22) == 22
            assert [await admitted(each, who, 1) for each in machines[1:]] == [1, 1]
            server.stop()
            assert [await admitted(each, who, 90) for each in machines] == [
                (90 - 30) // 3,
                (90 - 31) // 3,
                (90 - 32) // 3,
            ]
            few = caller(tenant_id=2, concurrent_requests=8)
            assert [await let_in(each, few, 9) for each in machines] == [2, 2, 2]
            server.start()
            await asyncio.sleep(1.2)
            assert sum([await admitted(each, who, 1) for each in machines]) <= 2, "each tells Redis when it asks"
            assert [await admitted(each, who, 9) for each in machines] == [0, 0, 0], "all that was left is taken"
            for each in machines:
                await each.close()

    asyncio.run(run())


async def test_another_machine_hears_what_was_let_in_without_redis(tmp_path):
    with own_redis() as server:
        server.start()
        one, other = (limiter_of(server.url, made(tmp_path / name), 2) for name in ("one", "other"))
        who = caller(requests_per_minute=40)
        one._store._link.note_away(OSError("lost"))
        assert await admitted(one, who, 30) == 20
        await asyncio.sleep(1.2)
        assert await admitted(one, who, 1) == 1
        assert await admitted(other, who, 40) == 19
        await one.close()
        await other.close()


async def test_a_clock_that_comes_back_finds_its_window_although_redis_has_forgotten_it(tmp_path):
    with own_redis() as server:
        server.start()
        one, other = limiter_of(server.url, made(tmp_path)), limiter_of(server.url, tmp_path)
        who = caller(requests_per_minute=5)
        assert await admitted(one, who, 9) == 5
        assert [await admitted(each, who, 2, NOON + 3600) for each in (one, other)] == [2, 2]
        server.stop()
        server.start()  # its clock was set too: every window of a minute is over
        assert [await admitted(each, who, 5, NOON + 1) for each in (one, other)] == [0, 0]
        assert await admitted(other, who, 5, NOON + 3601) == 1
        await one.close()
        await other.close()


def test_who_was_stopped_while_counting_holds_nobody_up_for_long(tmp_path, ended):
    (tmp_path / "table").touch()
    script = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    table = HostTable(tmp_path / "table")
    command = [sys.executable, "-c", script, str(tmp_path / "table")]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ended.append(holder)
    assert told(holder) == 1
    os.kill(holder.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(LimitsUnavailable), table.held():
        pass
    assert time.monotonic() - began < 5
    holder.kill()
    holder.wait()
    with table.held():
        assert table.place_of("a") != table.place_of("b")
    table.close()


def test_a_full_bucket_forgets_who_was_not_asked_for_longest(tmp_path, monkeypatch):
    monkeypatch.setattr(hosttable, "BUCKETS", 1)
    windows = HostWindows(tmp_path / "windows")
    tenants = [next(iter(windows_of_minute(number))) for number in range(hosttable.WAYS + 1)]
    for window in tenants:
        assert windows.reserve([(window, 1)]) is not None
    assert windows.left(tenants[1:]) == (9,) * hosttable.WAYS
    assert windows.left(tenants[:1]) == (10,)
    windows.close()


def windows_of_minute(tenant_id: int):
    return windows_of(caller(tenant_id, tenant_id, requests_per_minute=10), NOON // 60)


async def let_in(limiter: RateLimiter, who: Caller, tries: int) -> int:
    """How many run at once in the end, of requests that never do."""
    count = 0
    for _ in range(tries):
        with suppress(TooManyAtOnce):
            await admit(limiter, who)
            count += 1
    return count


def made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


def test_a_worker_that_starts_while_another_writes_the_file_waits_for_it(tmp_path):
    """On a slow disk that takes longer than a caller would be kept waiting."""
    with (tmp_path / "table").open("wb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        threading.Timer(4 * hosttable.PATIENCE_S, fcntl.flock, (writing, fcntl.LOCK_UN)).start()
        table = HostTable(tmp_path / "table")
    with table.held():
        assert table.place_of("anything") in table.contents()
    table.close()


def test_who_stands_still_itself_does_not_blame_the_holder(tmp_path, monkeypatch):
    """Beside other work each pause takes much longer than it should: the holder, too, has no processor then."""
    table, pause = HostTable(tmp_path / "table"), time.sleep
    monkeypatch.setattr(hosttable.time, "sleep", lambda seconds: pause(0.6 * hosttable.PATIENCE_S))
    with (tmp_path / "table").open("rb+") as holding:
        fcntl.flock(holding, fcntl.LOCK_EX)
        threading.Timer(4 * hosttable.PATIENCE_S, fcntl.flock, (holding, fcntl.LOCK_UN)).start()
        with table.held():
            assert table.place_of("anything") in table.contents()
    table.close()


def test_nobody_waits_for_ever_for_a_process_that_was_stopped(tmp_path):
    table = HostTable(tmp_path / "table")
    with (tmp_path / "table").open("rb+") as holding:
        fcntl.flock(holding, fcntl.LOCK_EX)
        with pytest.raises(LimitsUnavailable), table.held():
            pytest.fail("somebody else holds it")
    table.close()
