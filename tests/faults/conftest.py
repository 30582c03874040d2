"""A gateway whose upstreams have every fault, and sandboxes of their own processes behind it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from providers.sandbox import nowhere
from providers.sandbox.certificates import Authority
from providers.sandbox.testing import Sandbox
from tests.gateway.gateway import ROOT, Gateway, Watched, clean_environment
from tests.gateway.served import Served

FLAWS = ("expired", "wrong_host", "self_signed")


class Faulty(Watched):
    application = "tests.faults.application:application"

    @property
    def memory_mb(self) -> float:
        """What the worker keeps in memory."""
        assert self.process
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Crew(Served, Faulty):
    """Two web workers on one socket. A worker that is stopped accepts nobody, so that the other gets whoever comes."""

    workers = 2

    def tell(self, how: signal.Signals, worker: int) -> None:
        self.processes[worker].send_signal(how)


class Supervised(Gateway):
    """The web part of an installation, as `manage.py serve --only web` runs it; `process` is its supervisor."""

    def start(self, *options: str) -> Self:
        command = [sys.executable, "-m", "neuroroute.serve", "--only", "web", *options]
        environment = clean_environment(self.var, self.env | {"PORT": str(self.port)})
        with (self.var / "web.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.wait_until(self.answers)
        return self


@pytest.fixture(scope="session")
def primary() -> Iterator[Sandbox]:
    with Sandbox.start("openai", process=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def fallback() -> Iterator[Sandbox]:
    with Sandbox.start("openai", process=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def places(primary: Sandbox, authority: Authority) -> Iterator[dict[str, str]]:
    """Base URLs by the names that rows have for them; `{cell}` stands for the cell's own name."""
    port = primary.base_url.rpartition(":")[2]
    with ExitStack() as stack:
        flawed = {
            flaw: stack.enter_context(Sandbox.start("openai", certificate=authority.issue(flaw))).base_url
            for flaw in FLAWS
        }
        nobody = {
            "refusing": f"{stack.enter_context(nowhere.refusing())}/v1",
            "swallowing": f"{stack.enter_context(nowhere.swallowing())}/v1",
        }
        names = {"unknown": nowhere.UNKNOWN, "broken": nowhere.BROKEN, "slow": nowhere.SLOW}
        lost = {place: f"http://{name}:{port}" for place, name in names.items()}
        aside = {"aside": f"http://{{cell}}{nowhere.ASIDE}:{port}"}
        yield {"sandbox": primary.base_url} | aside | flawed | nobody | lost
