"""Runs the children: starts them as they are named, restarts those that die, stops all in order."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from neuroroute.places import DRAINING_FILE, LOG_DIR, RUN_DIR
from neuroroute.serve.child import Child, listens
from neuroroute.serve.console import complain, open_log, rotate, say, tail
from neuroroute.serve.sockets import Sockets
from neuroroute.serve.undertaker import Undertaker, send

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 5.0  # a child that lived that long starts again without a long pause
CHORES_S: Final = 60.0
PARENT_CHECK_S: Final = 1.0
READY_S: Final = 60.0  # until a successor has to serve
READY_POLL_S: Final = 0.05


class Supervisor:
    """One per installation. `to_files`: the children's output goes to var/log, else to our own output (containers)."""

    def __init__(self, undertaker: Undertaker, sockets: Sockets, *, to_files: bool, drain_s: float) -> None:
        self._undertaker = undertaker
        # A session of its own: Ctrl-C reaches only us, and we end the children in order.
        self._own_session: dict[str, Any] = {"stdin": DEVNULL, "start_new_session": True, "preexec_fn": undertaker.born}
        self._to_files = to_files
        self._drain_s = drain_s
        self._children: dict[str, Child] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._groups: dict[str, int] = {}
        self._wishes: dict[str, asyncio.Event] = {}
        self._sockets = sockets
        self._retired: set[str] = set()
        self._rolls = 0
        self._rolling: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self, prepare: Sequence[str]) -> int:
        """Prepare, keep the children alive until a signal asks for the end, stop them; return the exit code."""
        self._listen()
        chores = [asyncio.create_task(self._rotate_logs()), asyncio.create_task(self._watch_make())]
        try:
            code = await self._prepare(prepare)
            self._sockets.keep(self._children.values())
            if code == 0 and self._tasks:
                await self._stop.wait()
        finally:
            await self._stop_all()
            for chore in chores:
                chore.cancel()
        return code

    def start(self, child: Child) -> None:
        """Run a child from now on."""
        if child.listen:
            DRAINING_FILE.unlink(missing_ok=True)
        self._children[child.name] = child
        self._wishes[child.name] = asyncio.Event()
        self._tasks[child.name] = asyncio.create_task(self._keep(child))

    # ------------------------------------------------------------------ start

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_end)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it, and so do we then
            loop.add_signal_handler(signal.SIGHUP, self._asked_to_end)
        loop.add_signal_handler(signal.SIGUSR1, self._read_wishes)
        loop.add_signal_handler(signal.SIGUSR2, self._asked_to_roll)

    def _asked_to_end(self) -> None:
        """The first time end in order, the second time at once."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def _prepare(self, argv: Sequence[str]) -> int:
        """Run the preparation, starting each child that it names; return its exit code."""
        reader, writer = os.pipe()
        process = await asyncio.create_subprocess_exec(
            *argv, "--plan-to", str(writer), pass_fds=(writer,), **self._own_session
        )
        os.close(writer)
        follow = asyncio.create_task(self._follow(reader))
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ended, asyncio.create_task(self._stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            send(process.pid, signal.SIGTERM)
            await ended
            await follow
            return 0
        await follow
        self._undertaker.dead(process.pid)
        return process.returncode or 0

    async def _follow(self, reader: int) -> None:
        lines = asyncio.StreamReader()
        with os.fdopen(reader, "rb") as pipe:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(lines), pipe
            )
            async for line in lines:
                self.start(Child.from_line(line))
            transport.close()

    # ------------------------------------------------------------------- keep

    async def _keep(self, child: Child) -> None:
        """Start a child again and again until the end."""
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        while self._wanted(child):
            began = loop.time()
            code = await self._live(child)
            if not self._wanted(child):
                say(child.name, "ended")
                return
            if not child.restart:
                say(child.name, f"ended ({_reason(code)}). Start it again: {child.hint}")
                await self._wished(child)
                continue
            pause_s = FIRST_PAUSE_S if loop.time() - began > STEADY_S else min(pause_s * 2, LONGEST_PAUSE_S)
            say(child.name, f"ended ({_reason(code)}); it starts again in {pause_s:g} s")
            self._quote(child)
            await _first(self._stop.wait(), asyncio.sleep(pause_s))

    def _wanted(self, child: Child) -> bool:
        return not self._stop.is_set() and child.name not in self._retired

    async def _live(self, child: Child) -> int:
        """One life of a child, from its start to its end; return its exit code."""
        try:
            process = await self._spawn(child)
        except OSError as exc:
            say(child.name, f"cannot be started: {exc}")
            return 127
        self._groups[child.name] = process.pid
        pid_file = RUN_DIR / f"{child.name}.pid"
        pid_file.write_text(f"{process.pid}\n")
        say(child.name, f"started (pid {process.pid})")
        if self._stop.is_set():  # the end was asked for while it was being started
            process.terminate()
        code = await process.wait()
        send(process.pid, signal.SIGKILL)  # what the child itself started and left behind
        del self._groups[child.name]
        self._undertaker.dead(process.pid)
        self._sockets.ended(child)
        pid_file.unlink(missing_ok=True)
        _ready_file(child).unlink(missing_ok=True)
        return code

    async def _spawn(self, child: Child) -> Process:
        argv, passed = self._command(child)
        options = self._own_session | {"pass_fds": passed}
        if not self._to_files:
            return await asyncio.create_subprocess_exec(*argv, **options)
        log = open_log(_log_of(child))
        try:
            return await asyncio.create_subprocess_exec(*argv, **options, stdout=log, stderr=STDOUT)
        finally:
            os.close(log)

    def _command(self, child: Child) -> tuple[list[str], tuple[int, ...]]:
        """The command line, and the descriptors that go with it."""
        passed = tuple(sock.fileno() for sock in self._sockets.of(child))
        if not passed:
            return child.argv, ()
        ready = _ready_file(child)
        ready.unlink(missing_ok=True)
        return [*child.argv, *listens(passed), "--ready", str(ready)], passed

    def _quote(self, child: Child) -> None:
        for line in tail(_log_of(child)) if self._to_files else ():
            say(child.name, f"| {line}")

    async def _wished(self, child: Child) -> None:
        wish = self._wishes[child.name]
        await _first(self._stop.wait(), wish.wait())
        wish.clear()  # not before: a person may be quicker than we notice the end

    def _read_wishes(self) -> None:
        """`manage.py sandbox start` left a file and sent SIGUSR1."""
        for name, wish in self._wishes.items():
            file = RUN_DIR / f"{name}.start"
            if file.exists():
                file.unlink()
                wish.set()

    # ------------------------------------------------------------------- roll

    def _asked_to_roll(self) -> None:
        """`manage.py restart_web` sent SIGUSR2."""
        if self._rolling is None or self._rolling.done():
            self._rolling = asyncio.create_task(self._replace_all())

    async def _replace_all(self) -> None:
        """Replace what listens, one after another: the successor serves on the same socket before the old one ends."""
        for child in [child for child in self._children.values() if child.listen]:
            self._rolls += 1
            successor = replace(child, name=f"{child.log}-r{self._rolls}")
            self.start(successor)
            if not await self._serves(successor):
                say(successor.name, f"does not serve in time, and so {child.name} goes on")
                await self._retire(successor)
                return
            await self._retire(child)
        say("web", "every web worker is new")

    async def _serves(self, child: Child) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_S
        while loop.time() < deadline and not self._stop.is_set():
            if _ready_file(child).exists():
                return True
            await asyncio.sleep(READY_POLL_S)
        return False

    async def _retire(self, child: Child) -> None:
        self._retired.add(child.name)
        await self._stop_rank([child])
        if not self._stop.is_set():
            del self._children[child.name]

    # ------------------------------------------------------------------- stop

    async def _stop_all(self) -> None:
        self._stop.set()
        if any(child.listen and name in self._groups for name, child in self._children.items()):
            DRAINING_FILE.touch()
            await _first(self._hurry.wait(), asyncio.sleep(self._drain_s))
        self._sockets.close()
        for rank in sorted({child.rank for child in self._children.values()}):
            await self._stop_rank([child for child in self._children.values() if child.rank == rank])

    async def _stop_rank(self, children: list[Child]) -> None:
        """SIGTERM to all of one rank, SIGKILL to those that outlive their grace."""
        for child in children:
            self._send(child, signal.SIGTERM)
        tasks = asyncio.gather(*(self._tasks[child.name] for child in children), return_exceptions=True)
        await _first(asyncio.shield(tasks), self._hurry.wait(), asyncio.sleep(max(c.grace_s for c in children)))
        for child in children:
            if child.name in self._groups:
                complain(f"{child.name} did not end in time and is killed")
                self._send(child, signal.SIGKILL)
        await tasks

    def _send(self, child: Child, number: int) -> None:
        if group := self._groups.get(child.name):
            with suppress(ProcessLookupError):
                # SIGTERM to the child alone, which ends its own workers; SIGKILL to all of them.
                os.kill(group, number) if number == signal.SIGTERM else os.killpg(group, number)

    # ----------------------------------------------------------------- chores

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(CHORES_S)
            for log in {_log_of(child) for child in self._children.values()}:
                rotate(log)

    async def _watch_make(self) -> None:
        """End with the `make` that started us, even where that is killed and can tell nobody."""
        parent = os.getppid()
        while "MAKELEVEL" in os.environ and os.getppid() == parent:
            await asyncio.sleep(PARENT_CHECK_S)
        if os.getppid() != parent:
            self._stop.set()


def _log_of(child: Child) -> Path:
    return LOG_DIR / f"{child.log or child.name}.log"


def _ready_file(child: Child) -> Path:
    return RUN_DIR / f"{child.name}.ready"


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


async def _first(*awaitables: Awaitable[object]) -> None:
    """Wait until the first of several is done, and drop the others."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
