"""langchain's own integration tests for `ChatAnthropic`, through the gateway, before upstreams of two wire formats."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_anthropic._client_utils import _get_default_async_httpx_client
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from providers.sandbox.testing import Sandbox

from .conftest import provider
from .gateway import Gateway


@pytest.fixture(scope="module")
def running(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Sandbox.start("anthropic") as claude, Sandbox.start("openai") as gpt:
        gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("langchain"))
        gateway.apply(
            {
                "providers": [provider("anthropic", claude, model="claude"), provider("openai", gpt, model="gpt")],
                "tenants": [{"name": "team", "keys": [{"name": "ci"}]}],
            }
        )
        yield gateway.start()
        gateway.stop()


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Their default asynchronous client is kept for good, with connections of event loops that are closed."""
    yield
    _get_default_async_httpx_client.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """What those clients left open is collected here, not in somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


# Their cases leave connections open at the end of each event loop: not ours to mend, and no test of ours is excused.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestClaude(ChatModelIntegrationTests):
    """The body passes through. What a subclass declares here decides which cases apply."""

    model_name: ClassVar[str] = "claude"
    gateway: Gateway

    @pytest.fixture(autouse=True)
    def _running(self, running: Gateway) -> None:
        type(self).gateway = running

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.model_name,
            "base_url": self.gateway.url,
            "api_key": self.gateway.key,
            "max_retries": 0,
            "max_tokens": 1000,
        }

    @property
    def model_override_value(self) -> str:
        return "gpt" if self.model_name == "claude" else "claude"

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def enable_vcr_tests(self) -> bool:
        return False

    @pytest.mark.xfail(reason="downloads a picture from the internet; test_messages.py has one of its own", run=False)
    def test_image_inputs(self, model: BaseChatModel) -> None: ...

    @pytest.mark.xfail(reason="downloads a picture from the internet; test_messages.py has one of its own", run=False)
    def test_image_tool_message(self, model: BaseChatModel) -> None: ...

    @pytest.mark.xfail(reason="downloads a document from the internet", run=False)
    def test_pdf_inputs(self, model: BaseChatModel) -> None: ...

    @pytest.mark.xfail(reason="downloads a picture from the internet", run=False)
    def test_anthropic_inputs(self, model: BaseChatModel) -> None: ...


class TestGpt(TestClaude):
    """The same through a chat and back."""

    model_name = "gpt"
