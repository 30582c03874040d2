"""What is asked, as routing sees it: the facts about a request, and the class of requests that share a plan."""

from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

from providers.requests import Request

Weight = Annotated[float, Meta(ge=0, le=1000)]
R_co = TypeVar("R_co", bound=Request, covariant=True)


class Preferences(Struct, frozen=True, rename="camel"):
    """`preferences` in the body: relative weights that replace the policy's."""

    cost_weight: Weight | None = None
    latency_weight: Weight | None = None
    quality_weight: Weight | None = None


class RouterOptions(Struct, frozen=True):
    """`neuroroute` in the body."""

    policy: str | None = None
    session_id: str | None = None
    tags: tuple[str, ...] = ()
    explain: bool = False
    quality: Any = None  # these four are known and not granted yet
    max_cost_usd: Any = None
    deadline_ms: Any = None
    cache: Any = None


class Wishes(Struct, frozen=True):
    """The fields of a body that are meant for the router alone; every one is optional."""

    models: tuple[str, ...] = ()  # ordered fallbacks
    provider: Any = None  # known and not granted yet
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

    operation: str
    category: str
    complexity: float
    needs: frozenset[str]
    prompt_tokens: int
    output_tokens: int
    context_rank: int


class Asked(Struct, Generic[R_co]):
    """One request with what was found out about it."""

    request: R_co
    features: dict[str, Any]
    wishes: Wishes = NO_WISHES
    warnings: tuple[str, ...] = ()  # what was wished for and will not be granted

    @property
    def tokens_needed(self) -> int:
        """Tokens of context that the request needs: the longest input and the longest answer it asks for."""
        found = self.features
        return int(found.get("longest_input", found["prompt_tokens"])) + (self.request.max_output or 0)
