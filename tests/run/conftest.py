"""Installations for the tests of this folder; whatever they leave running is ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.run.installation import Installation, copy_tree


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("copy") / "neuroroute")


@pytest.fixture(scope="module")
def installations(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Installation]]:
    """Makes installations that have not been started."""
    made: list[Installation] = []

    def make() -> Installation:
        made.append(Installation(tree, tmp_path_factory.mktemp("installation") / "var"))
        return made[-1]

    yield make
    for installation in made:
        installation.kill()


@pytest.fixture
def installation(installations: Callable[[], Installation]) -> Installation:
    return installations()


@pytest.fixture(scope="module")
def running(installations: Callable[[], Installation]) -> Installation:
    """One that has been started for the first time, shared by the tests of a module."""
    made = installations()
    made.start()
    return made
