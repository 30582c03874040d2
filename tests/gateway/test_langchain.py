"""langchain's own integration tests for chat models, through the gateway."""

from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

from .gateway import Gateway

ONE_USE = httpx.Limits(max_keepalive_connections=0)  # no connection outlives its event loop


# Their cases leave connections open at the end of each event loop: not ours to mend, and no test of ours is excused.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestChatOpenAI(ChatModelIntegrationTests):
    """`ChatOpenAI` as an application would set it up; what a subclass declares here decides which cases apply."""

    gateway: Gateway

    @pytest.fixture(autouse=True)
    def _running(self, shared_gateway: Gateway) -> None:
        type(self).gateway = shared_gateway

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "demo",
            "base_url": f"{self.gateway.url}/v1",
            "api_key": self.gateway.key,
            "stream_usage": True,
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
    def supports_json_mode(self) -> bool:
        return True

    @property
    def enable_vcr_tests(self) -> bool:
        return False

    @pytest.mark.xfail(reason="downloads a picture from the internet; test_clients.py has one of its own", run=False)
    def test_image_inputs(self, model: BaseChatModel) -> None: ...
