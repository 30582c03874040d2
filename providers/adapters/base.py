"""What an adapter is: pure translation between our chat and one wire format. It opens nothing and waits for nothing.

`providers/attempts.py` does the input and output; it hands bytes in and takes bytes out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct

from providers.chat import Answer, ChatRequest, Chunk, TokenUsage
from providers.errors import ProviderError, UnsupportedByWire
from providers.requests import Request
from providers.targets import Secret, Target

R = TypeVar("R", bound=Request)
Auth = Callable[[Secret | None], tuple[tuple[str, str], ...]]  # the headers that present our credential


class WireRequest(Struct, frozen=True):
    """One HTTP request: `path` is joined to the target's base URL."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    warnings: tuple[str, ...] = ()  # what the wire could not carry and we dropped
    native: bool = False  # the caller's own body goes out: nothing was lost on a way through the chat's form


class ListedModel(Struct, frozen=True):
    """A model as the upstream lists it; None and empty mean that the listing does not say."""

    name: str
    context: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] = frozenset()
    input_usd_per_million: str | None = None
    output_usd_per_million: str | None = None


class StreamDecoder(ABC):
    """Turns the bytes of one streamed answer into chunks; keeps what has arrived incomplete."""

    pending: ProviderError | None = None  # stood right behind the chunks returned last: raise it before reading on

    @property
    def counted(self) -> TokenUsage | None:
        """What the upstream counted until now, where it says so before the end."""
        return None

    @abstractmethod
    def feed(self, data: bytes) -> list[Chunk]:
        """Return the events that `data` completes, in order; raises `ProviderError` for an error inside the stream."""

    @abstractmethod
    def finish(self) -> list[Chunk]:
        """The upstream closed: return what is left; raises `BadUpstreamResponse` when the answer was cut short."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether the wire's own end mark has been seen: nothing that follows matters."""


class Operation(ABC, Generic[R]):
    """Something that can be asked of an upstream and is answered in one piece, of `longest_answer` bytes at most."""

    longest_answer: ClassVar[int] = 32 * 1024 * 1024
    unsupported: ClassVar[frozenset[str]] = frozenset()  # names of `providers.parameters` that the wire cannot carry

    @abstractmethod
    def request(self, request: R, target: Target, secret: Secret | None) -> WireRequest:
        """Translate the question; raises `UnsupportedByWire` naming the parameter that the wire cannot carry."""

    @abstractmethod
    def answer(self, body: bytes, request: R, target: Target) -> Answer:
        """Translate the answer (HTTP 200); raises `ProviderError`, `BadUpstreamResponse` where it is malformed."""


class Adapter(Operation[ChatRequest]):
    """One wire format; it is itself its operation "chat". Instances hold no state."""

    name: ClassVar[str]
    label: ClassVar[str]
    default_base_url: ClassVar[str]

    def operations(self) -> Mapping[str, Operation[Any]]:
        """What the wire offers besides chat, by the names that `Request.operation` has."""
        return {}

    def operation(self, name: str) -> Operation[Any]:
        """Raises `UnsupportedByWire` for what the wire does not offer."""
        if name == ChatRequest.operation:
            return self
        found = self.operations().get(name)
        if found is None:
            raise UnsupportedByWire(f"this wire has no operation {name}")
        return found

    @abstractmethod
    def auth_headers(self, secret: Secret | None) -> tuple[tuple[str, str], ...]:
        """The headers that present our credential."""

    @abstractmethod
    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        """A decoder for one streamed answer."""

    @abstractmethod
    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Translate a refusal (HTTP status other than 200); `headers` have lower-case names."""

    @abstractmethod
    def models_path(self) -> str:
        """Where the upstream lists its models, joined to the base URL."""

    @abstractmethod
    def models(self, body: bytes) -> list[ListedModel]:
        """Translate the listing; raises `BadUpstreamResponse`."""
