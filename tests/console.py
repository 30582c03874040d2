"""Commands and web workers of an installation without a start of Python for each: one process is set up, and forks.

Run as a module it is the stem of them all, which has loaded what no setting has a say in: it forks a console for each
socket that comes over its standard input. To a console comes its environment, then a JSON object per line, and another
goes back. `{"command": [...]}` runs `manage.py` with these arguments and answers `{code, out, err}`; `{"module": [...],
"log": path}` starts `python -m` and answers `{pid}`; `{"ended": pid}` answers `{code}`, null while it runs.
"""

import atexit
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
MOST: Final = 8  # consoles of a test process; beyond, one that was not used for longest and has started nothing ends
Done = subprocess.CompletedProcess[str]
# Read when a process starts, by Python, the loader and what it loads, so that a fork of another would not heed them.
OF_THE_START: Final = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "WALL_CLOCK")
HOME: Final = ("PATH", "HOME", "TMPDIR")
# Most of what a console loads. Nothing here may read settings, or variables other than those above.
LOADED_BEFORE: Final = (
    "celery.app.base", "click", "csp", "cryptography.fernet", "django.contrib.admin.options",
    "django.core.handlers.asgi", "django.core.management", "django.db.backends.sqlite3.base", "django.forms",
    "django.template.defaulttags", "django.views.generic", "environ", "httptools", "httpx", "kombu.entity",
    "msgspec", "psycopg", "redis.asyncio", "requests", "rest_framework", "rich.traceback", "structlog", "uvicorn",
    "uvloop", "yaml",
)  # fmt: skip
_stems: "dict[tuple[tuple[str, str], ...], Stem]" = {}
_open: "OrderedDict[tuple[tuple[str, str], ...], Console]" = OrderedDict()


class Stem:
    """A process that consoles are forked from; it ends when the tests do, however that is."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.console"], cwd=ROOT, env=dict(environment), stdin=theirs
            )

    def fork(self) -> socket.socket:
        """Talk to a new console."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"+"], [theirs.fileno()])
        return ours

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class Console:
    """One installation's process; it ends when nobody talks to it any more, so at the latest with the tests."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._one_at_a_time = Lock()
        self.has_started = False
        with _stem(environment).fork() as talk:
            self._talk = talk.makefile("rw")
        print(json.dumps(dict(environment)), file=self._talk, flush=True)

    def ask(self, **wish: Any) -> dict[str, Any]:
        with self._one_at_a_time:
            print(json.dumps(wish), file=self._talk, flush=True)
            return dict(json.loads(self._talk.readline()))

    def close(self) -> None:
        self._talk.close()


class Forked:
    """A process that a console has started, as `subprocess.Popen` would be."""

    def __init__(self, console: Console, arguments: tuple[str, ...], log: Path) -> None:
        console.has_started = True
        self._console, self.args, self.returncode = console, arguments, None
        self.pid: int = console.ask(module=arguments, log=str(log))["pid"]

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._console.ask(ended=self.pid)["code"]
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def command(environment: Mapping[str, str], *arguments: str) -> Done:
    """`manage.py` with these arguments, in the console of this environment."""
    told = _console(environment).ask(command=arguments)
    return Done(["manage.py", *arguments], told["code"], told["out"], told["err"])


def start(environment: Mapping[str, str], log: Path, *arguments: str) -> Forked:
    """`python -m` with these arguments; what it says is added to `log`."""
    return Forked(_console(environment), arguments, log)


def _console(environment: Mapping[str, str]) -> Console:
    own = {name: value for name, value in environment.items() if name != "PYTEST_CURRENT_TEST"}  # another for each test
    place = tuple(sorted(own.items()))
    _open[place] = console = _open.pop(place, None) or Console(own)
    for old in [key for key, each in _open.items() if not each.has_started][: max(len(_open) - MOST, 0)]:
        if old != place:
            _open.pop(old).close()
    return console


def _stem(environment: Mapping[str, str]) -> Stem:
    heeded = {name: value for name, value in environment.items() if name.startswith(OF_THE_START) or name in HOME}
    place = tuple(sorted(heeded.items()))
    if place not in _stems:
        _stems[place] = Stem(heeded)
    return _stems[place]


@atexit.register
def close_all() -> None:
    """End every console."""
    while _open:
        _open.popitem()[1].close()
    while _stems:
        _stems.popitem()[1].close()


def main() -> None:
    """Load what all have in common, then fork a console for each socket that comes."""
    for name in LOADED_BEFORE:
        import_module(name)
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a console that has ended is nobody's to wait for
    while sockets := socket.recv_fds(control, 1, 1)[1]:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
            _answer(socket.socket(fileno=sockets[0]))
            os._exit(0)
        os.close(sockets[0])


def _answer(talk: socket.socket) -> None:
    """Set Django up in the environment that comes first, then fork for what each line wants."""
    import django

    lines = talk.makefile("rw")
    os.environ.clear()
    os.environ.update(json.loads(lines.readline()))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")
    os.dup2(2, 1)  # as a service's would, what prints here goes to where errors go
    django.setup()
    for line in lines:
        print(json.dumps(_obey(json.loads(line))), file=lines, flush=True)


def _obey(wish: dict[str, Any]) -> dict[str, Any]:
    if "command" in wish:
        return _commanded(wish["command"])
    if "module" in wish:
        import_module("neuroroute.asgi")  # what a web worker loads, once for all that are started from here
        with open(wish["log"], "ab") as log:
            return {"pid": _forked(lambda: _run_module(wish["module"]), log, log)}
    ended, status = os.waitpid(wish["ended"], os.WNOHANG)
    return {"code": os.waitstatus_to_exitcode(status) if ended else None}


def _commanded(arguments: list[str]) -> dict[str, Any]:
    from neuroroute.commandline import run

    sys.argv = ["manage.py", *arguments]
    with TemporaryFile() as out, TemporaryFile() as err:
        child = _forked(lambda: run(sys.argv), out, err)
        _, status = os.waitpid(child, 0)
        return {"code": os.waitstatus_to_exitcode(status), "out": _said(out), "err": _said(err)}


def _run_module(arguments: list[str]) -> None:
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _forked(deed: Callable[[], object], out: IO[bytes], err: IO[bytes]) -> int:
    """Do it in a child that ends as a process of its own would; the child's id."""
    if child := os.fork():
        return child
    code: Any = 1
    try:
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        deed()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _said(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    main()
