"""Whether what an installation for others is made of holds: Compose's second file, the image, the proxies, the page."""

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from tests.run import compose
from tests.run.installation import LEFT_OUT, ROOT, Installation

BASE, PRODUCTION = compose.read("docker-compose.yml")["services"], compose.merged()["services"]
OURS = {name for name, service in BASE.items() if "build" in service}
BOTH = {f"{kind} {name}": s for kind, all_ in (("base", BASE), ("prod", PRODUCTION)) for name, s in all_.items()}
COMPOSE_TEXT = "".join((ROOT / f"docker-compose{kind}.yml").read_text() for kind in ("", ".prod"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = (ROOT / "docs/running-in-production.md").read_text()
NGINX, CADDY = (ROOT / "deploy/nginx/neuroroute.conf").read_text(), (ROOT / "deploy/caddy/Caddyfile").read_text()
SETTINGS = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
EXACT = re.compile(r":v?\d+\.\d+\.\d+|postgres:\d+\.\d+")  # PostgreSQL has two numbers


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert {name for name, service in PRODUCTION.items() if service.get("ports")} == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for name in BASE.keys() - OURS for port in BASE[name].get("ports", ()))


@pytest.mark.parametrize("name", PRODUCTION)
def test_every_service_is_limited_and_comes_back(name: str) -> None:
    service = PRODUCTION[name]
    limits = service["deploy"]["resources"]["limits"]
    assert limits["cpus"] and re.search(r"\d+[MG]", limits["memory"])
    assert service["restart"] == ("no" if name == "prepare" else "always")
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"prepare"}))
def test_every_service_says_whether_it_is_well(name: str) -> None:
    assert PRODUCTION[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_have_a_read_only_root_and_no_rights(name: str) -> None:
    service = PRODUCTION[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert [place for place in service["tmpfs"] if place.startswith("/tmp:")]
    assert "var:/app/var" in service["volumes"] and "VOLUME /app/var" in DOCKERFILE


def test_nothing_is_written_beside_var_and_tmp(running: Installation) -> None:
    """So that the root of its container may be read-only; Python's own bytecode is switched off there."""
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE
    compiled = [line.split("compileall -q ")[1].split() for line in DOCKERFILE.splitlines() if "compileall" in line]
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"tests", "bench"}
    assert compiled[0] == [".venv/lib"] and set(compiled[1]) >= ours
    assert httpx.get(f"{running.url}/dashboard/", follow_redirects=True).status_code == 200
    assert _files(running.root) == _files(ROOT)


def _files(root: Path, below: str = "") -> set[str]:
    found = set()
    names = [path.name for path in (root / below).iterdir()]
    for name in set(names) - set(LEFT_OUT(below, names)) - {"__pycache__"}:
        path = f"{below}/{name}".lstrip("/")
        found |= _files(root, path) if (root / path).is_dir() else {path}
    return found


@pytest.mark.parametrize("service", BOTH.values(), ids=BOTH)
def test_an_image_is_pinned(service: dict[str, Any]) -> None:
    assert "build" in service or EXACT.search(service["image"]), service["image"]


def test_the_images_that_ours_is_made_of_are_pinned_and_one_builds_for_the_other() -> None:
    bases = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2 and bases[0][0] == bases[1][0] and EXACT.search(bases[0][0])
    assert f"COPY --from={bases[0][1]} " in DOCKERFILE


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_command_takes_its_arguments(name: str) -> None:
    _, _, command, *arguments = PRODUCTION[name]["command"]
    _understand(command, arguments)


def _understand(command: str, arguments: list[str]) -> None:
    """Raise where a command does not take these arguments; `serve` reads its own, in another process."""
    if command == "serve":
        line = [sys.executable, "manage.py", command, *arguments, "--help"]
        assert subprocess.run(line, cwd=ROOT, capture_output=True).returncode == 0, line
    else:
        load_command_class(get_commands()[command], command).create_parser("manage.py", command).parse_args(arguments)


def test_every_variable_is_a_setting_or_explained() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))
    made = _made_secrets().keys()
    assert set(re.findall(r"\$\{([A-Z_]+):\?run deploy/secrets.sh", COMPOSE_TEXT)) <= made <= asked
    assert [name for name in asked - SETTINGS - made if f"`{name}`" not in PAGE] == []


def _made_secrets() -> dict[str, str]:
    said = subprocess.run(["sh", "deploy/secrets.sh"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def test_the_secrets_that_are_made_are_random() -> None:
    first, second = _made_secrets(), _made_secrets()
    values = [*first.values(), *second.values()]
    assert len(set(values)) == len(values) and all(len(value) >= 32 for value in values)


@pytest.mark.parametrize("service", BOTH.values(), ids=BOTH)
def test_what_is_mounted_is_there(service: dict[str, Any]) -> None:
    volumes = compose.merged()["volumes"]
    for mount in service.get("volumes", ()):
        source, _, rest = mount.partition(":")
        assert (ROOT / source).exists() and rest.endswith(":ro") if source.startswith(".") else source in volumes


def test_grafana_looks_where_its_boards_are_mounted() -> None:
    mounts = dict(mount.split(":")[:2] for mount in BASE["grafana"]["volumes"])
    (provider,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/neuroroute.yml").read_text())[
        "providers"
    ]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    home = Path(BASE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (ROOT / "deploy/grafana/dashboards" / home.name).exists()


@pytest.mark.parametrize("name", ["web", "ship"])
def test_what_ends_in_peace_has_the_time_for_it_and_one_variable_sets_it(name: str) -> None:
    told = re.fullmatch(r"\$\{STOP_GRACE_S:-(\d+)\}s", PRODUCTION[name]["stop_grace_period"])
    needed = [BASE["web"]["environment"][word].split(":-")[1].rstrip("}") for word in ("DRAIN_S", "GRACE_S")]
    assert told and int(told[1]) >= sum(map(int, needed)) + 15
    assert f"{told[1]} unless" in PAGE and "`DRAIN_S` + `GRACE_S` + 15 seconds" in PAGE


def test_who_asks_the_web_server_asks_its_port() -> None:
    port = BASE["web"]["environment"]["PORT"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    targets = [
        target for job in prometheus["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    ]
    assert f"web:{port}" in targets and f"EXPOSE {port}" in DOCKERFILE
    assert f"{{$UPSTREAM:web:{port}}}" in CADDY and f"server 127.0.0.1:{port};" in NGINX
    assert BASE["web"]["environment"]["GATEWAY_URL"] == f"http://web:{port}"  # a name that the pages answer to
    assert f"127.0.0.1:{port}/health'" in BASE["web"]["healthcheck"]["test"][-1]
    assert resolve("/health") and resolve("/metrics")


def test_the_images_check_of_itself_works(running: Installation) -> None:
    found = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    check = yaml.safe_load(found[1])
    assert _run(check, PORT=str(running.port)) == 0
    assert _run(check, PORT="1") != 0


@pytest.mark.parametrize("part", ["ship", "worker", "beat"])
def test_the_check_of_a_part_that_listens_nowhere_works(running: Installation, part: str) -> None:
    check = [word.replace("/app/var", str(running.var)) for word in BASE[part]["healthcheck"]["test"][1:]]
    assert _run(check) == 0
    pid_file = running.var / "run" / f"{part}.pid"
    before = pid_file.read_text()
    pid_file.write_text("4194304\n")  # above any process id
    assert _run(check) != 0
    pid_file.write_text(before)


def _run(command: list[str], **environment: str) -> int:
    assert command[0] == "python"
    return subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True).returncode


def _commands() -> Iterator[str]:
    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    yield from (line for block in blocks for line in block.splitlines())
    yield from re.findall(r"`((?:\.venv/bin/python )?manage\.py [^`]+)`", PAGE)


def test_the_image_has_the_database_client_of_the_server_that_compose_runs() -> None:
    majors = {re.findall(r"postgres:(\d+)\.", str(BASE["postgres"]["image"]))[0]}
    assert set(re.findall(r"^ARG POSTGRES_MAJOR=(\d+)$", DOCKERFILE, re.MULTILINE)) == majors
    client = DOCKERFILE.index('"postgresql-client-$POSTGRES_MAJOR"')
    assert DOCKERFILE.rindex("\nFROM ") < client < DOCKERFILE.index("\nUSER "), "in what runs, while it may install"
    assert f"that of PostgreSQL {majors.pop()}," in PAGE and "--build-arg POSTGRES_MAJOR=" in PAGE


PLACES = {"PROVIDER/MODEL": "sandbox-openai/sandbox-mini", "NAME": "nobody-of-this-name"}
SERVES = {"manage.py serve", "manage.py serve --only web"}  # run by the test of restoring, and by those of the parts
ENDS: dict[str, tuple[int, str]] = {  # exit code, and what it says; 0 and anything otherwise
    "manage.py export": (0, "deployments:"),
    "manage.py prepare": (0, ""),
    "manage.py check --deploy --fail-level WARNING": (0, "no issues"),
    "manage.py restart_web": (0, "are being replaced"),
    "manage.py reset_health PROVIDER/MODEL": (0, "forgotten: sandbox-openai/sandbox-mini"),
    "manage.py second_factor_off NAME": (1, "nobody-of-this-name"),
}


def _lines() -> set[str]:
    """Each command of the page as `manage.py ...`, once."""
    return {
        re.sub(r"^.*(?=manage\.py )", "", line.partition(" > ")[0]).strip()
        for line in _commands()
        if "manage.py" in line
    }


def test_every_command_whose_end_is_expected_stands_on_the_page() -> None:
    assert ENDS.keys() | SERVES <= _lines()


@pytest.mark.parametrize("line", sorted(line for line in _lines() - SERVES if " backup " not in line))
def test_a_command_of_the_page_does_what_it_says(running: Installation, line: str) -> None:
    words = [PLACES.get(word, word) for word in shlex.split(line)]
    code, says = ENDS.get(line, (0, ""))
    settings = _made_secrets() | {"PUBLIC_URL": "https://llm.example.com"} if "--deploy" in words else {}
    done = running.run(*words, **settings)
    assert done.returncode == code and says in done.stdout + done.stderr, (done.stdout, done.stderr)


def test_what_the_page_calls_a_setting_is_one() -> None:
    explained = {"WEB_CPUS", "WEB_MEMORY", "STOP_GRACE_S", *_made_secrets()}
    named = set(re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)`", PAGE))
    assert named and named <= SETTINGS | explained


def test_the_figures_of_the_page_are_those_of_the_benchmarks() -> None:
    results = (ROOT / "bench/RESULTS.md").read_text().replace(",", "")
    for figure in ("5944.1", "1214.3", "0.248", "148 MB per worker", "1.44 times", "8564", "7120"):
        assert figure in results
    for figure in ("5,944", "1,214", "0.25 ms", "148 MB", "1.44 times", "8,564; 7,120 rows"):
        assert figure in PAGE


def test_a_proxy_neither_collects_nor_repeats_nor_shows_the_metrics() -> None:
    for line in (
        "proxy_buffering off;",
        "proxy_next_upstream off;",
        "X-Forwarded-Proto $scheme",
        "client_max_body_size",
    ):
        assert line in NGINX
    assert re.search(r"location ~ \^/\(api/\)\?metrics", NGINX)
    assert "flush_interval -1" in CADDY and "/metrics /api/metrics" in CADDY


def test_a_backup_that_was_taken_while_all_ran_is_one_to_go_on_from(
    running: Installation, tmp_path: Path, tree: Path
) -> None:
    (line,) = (line for line in _commands() if "manage.py backup" in line)
    made = running.run(*shlex.split(line.replace("/srv/copies", str(tmp_path / "copies")))[1:])
    assert made.returncode == 0, made.stderr
    (copy,) = (tmp_path / "copies").iterdir()
    restored = Installation(tree, tmp_path / "var")
    restored.var.mkdir()
    shutil.copy(copy, restored.var / "neuroroute.sqlite3")
    (restored.var / "secrets.env").write_text((running.var / "secrets.env").read_text())
    with sqlite3.connect(restored.var / "neuroroute.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    try:
        restored.start((sys.executable, "manage.py", "serve"), SANDBOX="off")
        assert httpx.get(f"{restored.url}/v1/models", headers=running.headers).status_code == 200
    finally:
        restored.kill()
