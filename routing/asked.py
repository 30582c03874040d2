"""What is asked, as routing sees it: the facts about a request, and the class of requests that share a plan."""

from typing import Any

from msgspec import Struct

from providers.chat import ChatRequest


class Preferences(Struct, frozen=True, rename="camel"):
    """`preferences` in the body: relative weights that replace the policy's."""

    cost_weight: float | None = None
    latency_weight: float | None = None
    quality_weight: float | None = None


class RouterOptions(Struct, frozen=True):
    """`neuroroute` in the body."""

    policy: str | None = None
    session_id: str | None = None
    tags: tuple[str, ...] = ()
    explain: bool = False


class Wishes(Struct, frozen=True):
    """The fields of a body that are meant for the router alone; every one is optional."""

    models: tuple[str, ...] = ()  # ordered fallbacks
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None

    @property
    def options(self) -> RouterOptions:
        return self.neuroroute or NO_OPTIONS


NO_OPTIONS = RouterOptions()
NO_WISHES = Wishes()


class RequestClass(Struct, frozen=True):
    """Requests that are alike for every filter and scorer, and so share one plan.

    `prompt_tokens` and `output_tokens` are rounded up to a power of two, `complexity` to a tenth; `context_rank` says
    exactly how many of the catalogue's distinct context sizes are too small for the request.
    """

    category: str
    complexity: float
    needs: frozenset[str]
    prompt_tokens: int
    output_tokens: int
    context_rank: int


class Asked(Struct):
    """One request with what was found out about it."""

    request: ChatRequest
    features: dict[str, Any]
    wishes: Wishes = NO_WISHES

    @property
    def tokens_needed(self) -> int:
        """Tokens of context that the request needs: the prompt and the longest answer it asks for."""
        return int(self.features["prompt_tokens"]) + (self.request.max_output or 0)
