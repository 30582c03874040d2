"""langchain's own integration tests for a `ChatOpenAI` that speaks Responses, over a chat and native."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

from ..gateway import Watched

ONE_USE = httpx.Limits(max_keepalive_connections=0)  # no connection outlives its event loop


# Their cases leave connections open at the end of each event loop: not ours to mend, and no test of ours is excused.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class OverResponses(ChatModelIntegrationTests):
    """What a subclass declares here decides which of their cases apply."""

    name: str
    gateway: Watched

    @pytest.fixture(autouse=True)
    def _running(self, running: Watched) -> Iterator[None]:
        type(self).gateway = running
        yield
        assert not running.complaints()

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "base_url": f"{self.gateway.url}/v1",
            "api_key": self.gateway.key,
            "use_responses_api": True,
            "max_retries": 0,
            "http_async_client": httpx.AsyncClient(limits=ONE_USE),  # the default one is shared between event loops
        }

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
    def model_override_value(self) -> str:
        return "second"

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        """Theirs download the document."""
        return False

    @property
    def supports_pdf_tool_message(self) -> bool:
        """No chat takes a document as a tool's result."""
        return False

    @property
    def supports_audio_inputs(self) -> bool:
        """OpenAI's Responses takes none, and theirs download it."""
        return False

    @property
    def supports_anthropic_inputs(self) -> bool:
        """Blocks of Anthropic's form are for ChatAnthropic."""
        return False

    @property
    def enable_vcr_tests(self) -> bool:
        """They time a recorded answer; nothing is recorded here."""
        return False

    @pytest.mark.xfail(reason="downloads a picture; test_every_wire.py has one of its own", run=False)
    def test_image_inputs(self, model: BaseChatModel) -> None: ...

    @pytest.mark.xfail(reason="downloads a picture; test_every_wire.py has one in a tool's result", run=False)
    def test_image_tool_message(self, model: BaseChatModel) -> None: ...

    @pytest.mark.xfail(reason="Responses has no parameter for stop sequences", run=False)
    def test_stop_sequence(self, model: BaseChatModel) -> None: ...


class TestThroughAChat(OverResponses):
    name = "demo"


class TestNative(OverResponses):
    name = "native"
