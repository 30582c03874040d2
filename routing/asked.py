"""What is asked, as routing sees it: the facts about a request, and the class of requests that share a plan."""

from typing import Annotated, Any, Final, Generic, TypeVar

from msgspec import Meta, Struct

from providers.requests import Request
from routing.calibration import UNKNOWN, calibrated
from routing.wishes.providerwish import ProviderWish

LONGEST_SHARE: Final = 2  # an answer without a limit may be twice as long as expected
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
    quality: Annotated[float, Meta(ge=0, le=1)] | None = None  # at least
    max_cost_usd: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    deadline_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | None = None  # for the whole request
    cache: Any = None  # known and not granted yet

    @property
    def deadline_s(self) -> float | None:
        return None if self.deadline_ms is None else self.deadline_ms / 1000


class Wishes(Struct, frozen=True):
    """The fields of a body that are meant for the router alone; every one is optional."""

    models: tuple[str, ...] = ()  # ordered fallbacks
    provider: ProviderWish | None = None
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None

    @property
    def options(self) -> RouterOptions:
        return self.neuroroute or NO_OPTIONS


NO_OPTIONS = RouterOptions()
NO_WISHES = Wishes()


class RequestClass(Struct, frozen=True):
    """Requests that are alike for every filter and scorer, and so share one plan.

    `prompt_tokens` and `output_tokens` are rounded up to a power of two, `complexity` to a tenth; `prompt_tokens` are
    those that no model's factor has been applied to. `context_rank` says how many of the catalogue's distinct context
    sizes are too small for the request, if it is counted by the model that counts most.
    """

    operation: str
    category: str
    complexity: float
    needs: frozenset[str]
    prompt_tokens: int
    output_tokens: int
    context_rank: int
    parameters: frozenset[str] = frozenset()
    client_task: str | None = None


class Asked(Struct, Generic[R_co]):
    """One request with what was found out about it."""

    request: R_co
    features: dict[str, Any]
    wishes: Wishes = NO_WISHES
    warnings: tuple[str, ...] = ()  # what was wished for and will not be granted
    thrifty_policy: str | None = None  # in the place of whatever was asked for: little of a budget is left
    bound_name: str = ""  # of the deployment that the conversation is bound to (`request.bound_to`)
    calibration: float = UNKNOWN  # the factor to reckon with as long as nobody is chosen

    def tokens_needed(self, factor: float = UNKNOWN) -> int:
        """Tokens of context that the request needs: the longest input, as a model with this factor counts it, and the
        longest answer it asks for."""
        found = self.features
        longest = found.get("longest_input", found["prompt_tokens"])
        return calibrated(longest, found.get("images", 0), factor) + (self.request.max_output or 0)

    def prompt_tokens(self, factor: float) -> int:
        """Tokens of the prompt, as a model with this factor counts them."""
        found = self.features
        return calibrated(found["prompt_tokens"], found.get("images", 0), factor)

    @property
    def reckoned(self) -> tuple[int, int]:
        """Tokens of the prompt, and of the longest answer: the worst case that limits reckon with."""
        return self.prompt_tokens(self.calibration), self.longest_output

    @property
    def sizes(self) -> tuple[int, ...]:
        """All that `tokens_needed` and the price of the request depend on, whoever counts."""
        found = self.features
        longest = found.get("longest_input", 0)
        return (
            found["prompt_tokens"],
            longest,
            found.get("images", 0),
            self.request.max_output or 0,
            self.longest_output,
        )

    @property
    def longest_output(self) -> int:
        """Tokens of the longest answer to be reckoned with."""
        return self.request.max_output or int(self.features["output_tokens"]) * LONGEST_SHARE
