"""One sandbox per file for tests in whose event loop the engine runs."""

import pytest

from providers import http
from providers.sandbox.testing import Sandbox


@pytest.fixture(scope="module")
def process():
    with Sandbox.start("openai") as sandbox:
        yield sandbox


@pytest.fixture
async def sandbox(process):
    process.reset()
    yield process
    await http.close()
