"""How do a vendor's own tests of its client run against the gateway? From its source distribution, file by file."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.clients.support.installing import pip, source
from tests.clients.support.shape import Case, Place

TOOLS = ("pytest", "pytest-asyncio", "inline-snapshot", "rich", "trio", "respx", "dirty-equals", "time-machine")
MORE_TOOLS = ("nest-asyncio", "http-snapshot[httpx]", "pytest-timeout")


@dataclass(frozen=True)
class Suite:
    """A package's tests: `files` below its tests folder; `key` is the API key that its conftest writes in; `left_out`
    maps parts of tests' names to why they cannot apply; `base_path` is what the client's base URL ends with."""

    package: str
    version: str
    key: str
    files: tuple[str, ...]
    left_out: Mapping[str, str]
    base_path: str = ""


def run(suite: Suite, place: Place) -> list[Case]:
    """One case per file, and one per kind of test that cannot apply."""
    wanted = f"{suite.package}[aiohttp]=={suite.version}"
    python = pip(f"{suite.package}-tests", wanted, *TOOLS, *MORE_TOOLS)
    folder = source(suite.package, suite.version)
    conftest = folder / "tests" / "conftest.py"
    text = conftest.read_text().replace(f'"{suite.key}"', 'os.environ["TEST_API_KEY"]')
    conftest.write_text(text)  # the one change: their key is not one of ours
    cases = [_case(suite, python, folder, file, place) for file in suite.files]
    return cases + [Case(part, "cannot apply", reason) for part, reason in suite.left_out.items()]


def _case(suite: Suite, python: Path, folder: Path, file: str, place: Place) -> Case:
    env = os.environ | {"TEST_API_BASE_URL": place.url + suite.base_path, "TEST_API_KEY": place.key}
    chosen = " and ".join(f"not ({part})" for part in suite.left_out if "/" not in part and "all other" not in part)
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [str(python), "-m", "pytest", f"tests/{file}", "-k", chosen, "-q", "--tb=line", "--timeout=60"]
        command += ["-o", "addopts=", "-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report.name}"]
        subprocess.run(command, cwd=folder, env=env, stdout=sys.stderr, timeout=600)
        return _read(file, Path(report.name))


def _read(file: str, report: Path) -> Case:
    """What the report of one file says."""
    try:
        tests = list(ElementTree.parse(report).iter("testcase"))
    except ElementTree.ParseError:
        return Case(file, "failed", "no report: the tests could not start")
    counts: Counter[str] = Counter()
    failures = []
    for test in tests:
        bad = test.find("failure") if test.find("failure") is not None else test.find("error")
        counts["failed" if bad is not None else "skipped" if test.find("skipped") is not None else "passed"] += 1
        if bad is not None:
            failures.append(f"{test.get('name')}: {(bad.get('message') or '').splitlines()[0][:160]}")
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    if failures or not counts["passed"]:
        return Case(file, "failed", f"{said}: {failures[0] if failures else 'nothing ran'}")
    return Case(file, "passed", said)
