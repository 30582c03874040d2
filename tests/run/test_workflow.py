"""Whether the workflow of the repository's host runs the gate, with the services where the tests look for them."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.halves import HALVES
from tests.run import compose
from tests.run.installation import ROOT

BASE = compose.read("docker-compose.yml")["services"]
USUAL = (ROOT / "tests/halves.py").read_text()  # where the tests look for services
EXACT = re.compile(r":v?\d+\.\d+\.\d+|postgres:\d+\.\d+")  # PostgreSQL has two numbers


def test_the_workflow_runs_the_check_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert all(re.search(r"@v\d+", step["uses"]) for step in steps if "uses" in step)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert workflow["permissions"] == {"contents": "read"}


def test_the_workflow_has_the_services_of_compose_where_the_tests_look_for_them() -> None:
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["check"]
    ports = {"postgres": 5432, "redis": 6379, "rabbitmq": 5672}
    assert job["services"].keys() == ports.keys()
    for name, service in job["services"].items():
        assert service["image"] == BASE[name]["image"] and EXACT.search(service["image"])
        assert service["ports"] == [f"127.0.0.1:{ports[name]}:{ports[name]}"]
        assert f"@127.0.0.1:{ports[name]}/" in USUAL or f"//127.0.0.1:{ports[name]}/" in USUAL
        command = " ".join(BASE[name]["healthcheck"]["test"][1:]).replace("-U neuroroute", "-U postgres")
        assert f'--health-cmd "{command}"' in service["options"] and "--health-retries" in service["options"]
    assert set(job["env"]["REQUIRED_HALVES"].split()) == {"services", "browser"} <= HALVES.keys()


@pytest.mark.parametrize(("half", "gone"), [("services", "TEST_REDIS_URL"), ("services", "TEST_POSTGRES_URL")])
def test_a_run_that_must_have_a_half_ends_where_it_cannot(half: str, gone: str) -> None:
    nowhere = {
        "TEST_REDIS_URL": "redis://127.0.0.1:1/0",
        "TEST_POSTGRES_URL": "postgres://postgres@127.0.0.1:1/postgres",
    }
    argv = [sys.executable, "-m", "pytest", "--co", "-p", "no:cacheprovider", "tests/run/test_documents.py"]
    env = os.environ | {"REQUIRED_HALVES": half, gone: nowhere[gone]}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"the {half} half cannot run here" in done.stderr and "127.0.0.1:1" in done.stderr
