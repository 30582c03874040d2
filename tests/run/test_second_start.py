"""What is kept from one start to the next, and what happens when the supervisor or `make` is killed."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.run.installation import Installation, free_port, wait_until


def test_access_is_kept_and_the_url_follows_the_port(installation: Installation) -> None:
    installation.start()
    before = installation.first_run
    assert "migrations to apply" in installation.said
    assert installation.stop(signal.SIGINT) == 0

    installation.port = free_port()
    installation.start()
    assert "migrations to apply" not in installation.said
    assert installation.first_run == before | {"NEUROROUTE_URL": installation.url}
    assert httpx.get(f"{installation.url}/v1/models", headers=installation.headers).status_code == 200

    installation.stop(signal.SIGKILL)
    assert wait_until(lambda: not installation.living()), installation.living()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_make_run_leaves_nothing_behind(installation: Installation, number: int) -> None:
    ready = f"{sys.prefix}/base.stamp"  # what the tests run in is installed
    installation.start(("make", "run", f"VENV={sys.prefix}", "-o", ready))
    assert httpx.get(f"{installation.url}/health").status_code == 200
    installation.stop(number)
    assert wait_until(lambda: not installation.living()), installation.living()


def test_what_was_just_started_ends_too_where_who_started_it_is_killed() -> None:
    """Before it could say so: the child says it itself."""
    script = (
        "import os, signal, subprocess;"
        "from neuroroute.serve.undertaker import Undertaker;"
        "sleep = ['sleep', '600'];"
        "born = Undertaker().born;"
        "print(subprocess.Popen(sleep, start_new_session=True, preexec_fn=born, stdout=-3).pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    said = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60).stdout
    assert wait_until(lambda: not _sleeps(said.strip()))


def _sleeps(pid: str) -> bool:
    with suppress(OSError):
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()  # which a zombie has not
    return False
