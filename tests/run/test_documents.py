"""Whether the documents name what is there: links, make targets, dependencies."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.installation import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def _links() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            yield document, target


@pytest.mark.parametrize(("document", "target"), list(_links()), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_a_link_leads_somewhere(document: Path, target: str) -> None:
    assert (document.parent / target).exists()


def test_every_make_target_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = {
        name for document in DOCUMENTS for name in re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.M)
    }
    assert {"run", "test", "check"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("kind", ["base", "dev"])
def test_every_dependency_has_its_reason(kind: str) -> None:
    lines = (ROOT / "requirements" / f"{kind}.in").read_text().splitlines()
    names = [re.split(r"[\[<>=]", line)[0] for line in lines if line and line[0] not in "#-"]
    reasons = "".join(re.findall(r"^\|.*\|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)).lower()
    assert [name for name in names if not re.search(rf"\b{re.escape(name.lower())}\b", reasons)] == []


def test_no_file_of_requirements_names_where_packages_come_from() -> None:
    for file in (ROOT / "requirements").iterdir():
        assert not re.search(r"://|--(extra-)?index|--find-links", file.read_text()), file


def test_what_runs_is_what_was_tested() -> None:
    base, dev = (_pins(ROOT / "requirements" / f"{kind}.txt") for kind in ("base", "dev"))
    assert base
    assert {name: pin for name, pin in base.items() if dev.get(name) != pin} == {}


def _pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", file.read_text(), re.MULTILINE))
