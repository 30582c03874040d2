"""Whether what `deploy`, the Dockerfile and docker-compose.yml name is really there."""

import os
import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from neuroroute.serve.start import PARTS
from tests.run.installation import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
DOCUMENTED = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
INSIDE = {"VAR_DIR", "ENV_FILE", "PROXY_SOCKET", "REDIS_PREFIX"}  # the containers' own business
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_every_part_has_a_service_of_its_own() -> None:
    only = {service["command"][-1] for service in OURS.values() if "--only" in service["command"]}
    assert only == set(PARTS)


@pytest.mark.parametrize("name", OURS)
def test_a_command_exists(name: str) -> None:
    python, manage, command, *_ = OURS[name]["command"]
    assert (python, manage) == ("python", "manage.py")
    assert command in get_commands()


@pytest.mark.parametrize("name", OURS)
def test_the_variables_of_a_service_are_settings(name: str) -> None:
    assert set(OURS[name]["environment"]) == DOCUMENTED - INSIDE, "what is set in .env reaches the containers"


def test_a_setting_that_is_passed_on_is_the_one_of_the_same_name() -> None:
    for name, value in OURS["web"]["environment"].items():
        assert set(re.findall(r"^\$\{(\w+)", value)) <= {name}


def test_what_is_passed_on_empty_counts_as_absent() -> None:
    empty = {name: "" for name, value in OURS["web"]["environment"].items() if value == f"${{{name}:-}}"}
    settings = "from neuroroute.settings import EMAIL_URL, MAX_BODY_BYTES; print(MAX_BODY_BYTES, EMAIL_URL)"
    told = subprocess.run(
        [sys.executable, "-c", settings], env={**os.environ, **empty}, cwd=ROOT, capture_output=True, text=True
    )
    assert told.stdout.split() == ["33554432"], told.stderr


@pytest.mark.parametrize("name", OURS)
def test_secrets_come_from_outside_and_have_no_default(name: str) -> None:
    for secret in ("SECRET_KEY", "SECRETS_KEYS", "CLIENT_KEY_PEPPER"):
        assert re.match(rf"\$\{{{secret}:\?", OURS[name]["environment"][secret])


def test_web_and_shipper_share_the_journal() -> None:
    places = {name: {mount.partition(":")[0] for mount in OURS[name]["volumes"]} for name in ("web", "ship")}
    assert places["web"] & places["ship"] & set(COMPOSE["volumes"])


def test_what_a_service_waits_for_is_a_service() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", ())) <= set(COMPOSE["services"]), name


def test_the_image_runs_as_a_user_without_rights() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1] not in {"root", "0"}


def test_what_the_image_copies_is_there() -> None:
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            if not source.startswith("--"):
                assert (ROOT / source).exists(), source


def test_every_app_is_in_the_image() -> None:
    apps = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    for app in [*apps, "templates", "static", "manage.py", "requirements"]:
        assert re.search(rf"^COPY .*\b{re.escape(app)}\b", DOCKERFILE, re.MULTILINE), app
