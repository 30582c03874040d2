"""A sandbox per wire format, one for all tests of this folder, forgotten between them."""

from collections.abc import Iterator

import pytest

from providers.sandbox.testing import Sandbox


@pytest.fixture(scope="session")
def openai_process() -> Iterator[Sandbox]:
    with Sandbox.start("openai", any_model=False) as sandbox:
        yield sandbox


@pytest.fixture
def openai_sandbox(openai_process: Sandbox) -> Sandbox:
    openai_process.reset()
    return openai_process
