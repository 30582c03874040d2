"""What a local server is: it lists its models with their state, and takes some of them into memory or out of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from msgspec import Struct

from providers.adapters.base import ListedModel
from providers.errors import InvalidRequest, Overloaded, ProviderError
from providers.local_servers.asking import Asking, Reply

State = Literal["loaded", "loading", "unloaded", "sleeping", "downloading", "failed"]
Health = Literal["ready", "loading", "busy"]
Verb = Literal["load", "unload", "pin"]
LOAD_S: Final = 600.0  # tens of gigabytes from a disk
LONGEST_WORDS: Final = 300


class NotOffered(InvalidRequest):
    """This server's API has no way to do that."""

    status = 501


class LocalModel(Struct, frozen=True):
    """One model of a local server. Sizes in bytes; None is unknown, never 0."""

    name: str
    state: State
    size_bytes: int | None = None  # in memory of any kind
    vram_bytes: int | None = None  # the part of it on the GPU; the rest is with the CPU, and slow
    context: int | None = None  # tokens, as loaded
    expires_at: str | None = None  # when it leaves memory by itself, as the server writes it
    slots: int | None = None  # requests at a time
    busy: int | None = None  # of these
    detail: str = ""
    stays: bool | None = None  # whether it is in memory until somebody unloads it
    weights_bytes: int | None = None  # its file
    cache_bytes: int | None = None  # that each token of its context takes
    estimated_bytes: int | None = None  # VRAM that the file and the whole context need, where both are known


class ServerState(Struct, frozen=True):
    """A server at one moment. `cannot`: why its API has no way to do a verb, for those that it has none for."""

    kind: str
    health: Health
    models: tuple[LocalModel, ...]
    cannot: Mapping[Verb, str] = {}


class LocalServer(ABC):
    """One kind of server. Instances hold no state; every method may raise `ProviderError`, but for `is_there`."""

    name: ClassVar[str]
    label: ClassVar[str]
    wire: ClassVar[str]  # the adapter that its chats go through

    @abstractmethod
    def is_there(self, asking: Asking) -> bool:
        """Whether it is this kind of server that answers. Raises nothing."""

    @abstractmethod
    def state(self, asking: Asking) -> ServerState:
        """What it has and what is in memory."""

    @abstractmethod
    def load(self, asking: Asking, model: str) -> None:
        """Take a model into memory; returns when it can answer. Raises `InvalidRequest` where it cannot be,
        `NotOffered` where the API has no way."""

    @abstractmethod
    def unload(self, asking: Asking, model: str) -> None:
        """Let a model go; raises `InvalidRequest` where that is impossible."""

    def pin(self, asking: Asking, model: str) -> None:
        """Take a model into memory and keep it there, idle or not; raises `NotOffered` where the API has no way."""
        raise NotOffered(self.unpinned)

    @property
    def unpinned(self) -> str:
        """Why nothing can be pinned, where nothing can."""
        return f"{self.label} cannot be told by its API to keep a model in memory"

    def plain(self, model: str) -> str:
        """A model's name as it is compared, of the several that the server may take for it."""
        return model

    def detailed(self, asking: Asking, listed: list[ListedModel]) -> list[ListedModel]:
        """The listing with what only this kind of server tells: skills, context."""
        return listed


def estimated(model: LocalModel, context: int | None) -> int | None:
    """VRAM in bytes that a model needs with a context of so many tokens: its file and its cache; None: not known.

    The scratch memory of the computation, some hundred MiB, is not in it.
    """
    if model.weights_bytes is None or model.cache_bytes is None or context is None:
        return None
    return model.weights_bytes + model.cache_bytes * context


def accepted(reply: Reply, model: str) -> None:
    """Raise what a refusal to load or unload means."""
    if 200 <= reply.status < 300:
        return
    words = f"{model}: {said(reply.body) or f'HTTP {reply.status}'}"
    raise refusal_of(reply.status)(words, upstream_status=reply.status)


def refusal_of(status: int) -> type[ProviderError]:
    return InvalidRequest if 400 <= status < 500 else Overloaded


def said(body: Any) -> str:
    """An error's own words, in whichever of the usual shapes they come."""
    error = body.get("error") if isinstance(body, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    return words[:LONGEST_WORDS] if isinstance(words, str) else ""


def number(row: dict[str, Any], name: str) -> int | None:
    """A count in a row; None where it is missing or no count."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
