"""Commands and web workers of an installation without a start of Python for each: one process is set up, and forks.

Run as a module it is that process: a JSON object per line comes in, another goes out. `{"command": [...]}` runs
`manage.py` with these arguments and answers `{code, out, err}`; `{"module": [...], "log": path}` starts `python -m` and
answers `{pid}`; `{"ended": pid}` answers `{code}`, null while it runs.
"""

import atexit
import json
import os
import runpy
import signal
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
_open: "OrderedDict[tuple[tuple[str, str], ...], Console]" = OrderedDict()


class Console:
    """One installation's process; it ends when its standard input does, so at the latest with the tests."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._one_at_a_time = Lock()
        self.has_started = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.console"], cwd=ROOT, env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **wish: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        with self._one_at_a_time:
            print(json.dumps(wish), file=self.process.stdin, flush=True)
            return dict(json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        self.process.communicate()


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


@atexit.register
def close_all() -> None:
    """End every console."""
    while _open:
        _open.popitem()[1].close()


def main() -> None:
    """Set Django up, then fork for what each line wants."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints here is no answer
    django.setup()
    for line in sys.stdin:
        print(json.dumps(_obey(json.loads(line))), file=answers, flush=True)


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
    from django.core.management import execute_from_command_line

    sys.argv = ["manage.py", *arguments]
    with TemporaryFile() as out, TemporaryFile() as err:
        child = _forked(lambda: execute_from_command_line(sys.argv), out, err)
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
