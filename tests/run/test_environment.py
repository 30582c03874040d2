"""How single settings are read, and whether every one of them is documented."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from neuroroute.environment import Environment, SettingError, is_loopback, is_placeholder
from neuroroute.places import env
from neuroroute.serve import start  # reads DRAIN_S
from tests.run.installation import ROOT
from tests.settings import UPSTREAMS

# Read by the machine's own tools, or written by us for a library: not settings of NeuroRoute.
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR", "MAKELEVEL", "SUDO_USER"}


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch):
    def put(text: str) -> Environment:
        monkeypatch.setenv("NUMBER", text)
        return Environment()

    return put


@pytest.mark.parametrize("text", ["8000 ", "8000"])
def test_a_number_is_read(value, text: str) -> None:
    assert value(text).number("NUMBER", 1, 1, 65535) == 8000


@pytest.mark.parametrize("text", ["0", "65536", "-1", "1.5", "eight", "٣", "1_000", "--1", "-"])
def test_what_is_no_number_within_bounds_is_refused(value, text: str) -> None:
    with pytest.raises(SettingError, match=r"^NUMBER: .* from 1 to 65535\. A good value: NUMBER=8000$"):
        value(text).number("NUMBER", 8000, 1, 65535)


def test_an_empty_value_counts_as_absent(value) -> None:
    assert value("  ").number("NUMBER", 7, 1, 9) == 7
    assert value("").texts("NUMBER", ["a"]) == ["a"]


def test_a_list_is_separated_by_commas(value) -> None:
    assert value("a, b,,c ").texts("NUMBER") == ["a", "b", "c"]


@pytest.mark.parametrize(("text", "meant"), [("on", True), ("TRUE", True), ("1", True), ("Off", False), ("no", False)])
def test_a_flag_is_read(value, text: str, meant: bool) -> None:
    assert value(text).flag("NUMBER", not meant) is meant


@pytest.mark.parametrize(
    "text", ["http://", "redis://h", "http://h:port", "http://h:99999", "http://[::1", "http://a b"]
)
def test_a_bad_url_is_refused(value, text: str) -> None:
    with pytest.raises(SettingError, match=r"A good value: NUMBER=http://x"):
        value(text).url("NUMBER", "", ("http",), "http://x")


def test_a_refused_url_keeps_its_password(value) -> None:
    with pytest.raises(SettingError) as refused:
        value("redis://me:hunter2@host").url("NUMBER", "", ("http",), "http://x")
    assert "hunter2" not in str(refused.value) and "host" in str(refused.value)


@pytest.mark.parametrize(
    "secret",
    ["", "short", "a" * 64, "change-me-change-me-change-me-0123456789", "<put 64 random characters in here 0123>"],
)
def test_an_example_is_no_secret(secret: str) -> None:
    assert is_placeholder(secret)


def test_a_random_text_is_a_secret() -> None:
    assert not is_placeholder("q7Jx0n5cGJ3v9hPz1sYkR8mWd2LbTfUe")


def test_a_random_secret_with_three_letters_alike_is_none() -> None:
    """As the first start makes them: one in 500 is like this, and the installation could not be opened to others."""
    assert not is_placeholder("2fBKTGExxxZq7Jx0n5cGJ3v9hPz1sYkR8mWd2LbTfUe4aQoXxXpN6vCiHgDs-_0L")


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)],
)
def test_loopback(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_env_example_names_every_setting_and_no_other() -> None:
    assert start.DRAIN_S >= 0
    documented = set(re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert documented == env.names | UPSTREAMS


def test_env_example_says_something_of_every_setting() -> None:
    """A comment stands above each line, or above the block of lines that it is part of."""
    above = ""
    for line in (ROOT / ".env.example").read_text().splitlines():
        assert line.startswith("#") or not line or above, f"no comment above {line}"
        above = line


def test_the_defaults_in_env_example_are_the_ones_in_force() -> None:
    lines = dict(re.findall(r"^([A-Z_]+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    shown = {name: value for name, value in lines.items() if name not in {"VAR_DIR", "ENV_FILE"}}
    in_force = {name: getattr(settings, name, start.DRAIN_S) for name in shown}
    assert shown == {
        name: {"True": "on", "False": "off"}.get(str(value), str(value)) for name, value in in_force.items()
    }


def test_nothing_reads_the_environment_past_the_settings() -> None:
    """`os.environ["X"]`, `os.environ.get("X")` and the like elsewhere would be settings that nobody documents."""
    found = {name for path in _sources() for name in _names_read(ast.parse(path.read_text()))}
    assert found <= NOT_OURS | env.names, found


def _sources() -> Iterator[Path]:
    for app in ("neuroroute", "providers", "tenants", "usage", "profiling", "feedback", "routing", "dashboard"):
        yield from (ROOT / app).rglob("*.py")


def _names_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            yield from _constant(node.slice)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "os.environ.get",
            "os.getenv",
            "os.environ.setdefault",
        }:
            yield from _constant(node.args[0])


def _constant(name: ast.expr) -> Iterator[str]:
    """A name that the code itself spells out; others come from an operator's file (`credential_env: NAME`)."""
    if isinstance(name, ast.Constant):
        yield str(name.value)
