"""What discovery and the sandbox offer: providers with their models, before they become rows (`providers.adoption`)."""

from typing import Literal

from msgspec import Struct

from providers.ownprices import KnownPrice


class FoundModel(Struct, frozen=True):
    """One model of a found provider; None is unknown. Prices are as it lists them: decimals, USD per million tokens."""

    upstream_model: str
    name: str = ""  # our name; empty: the provider's
    aliases: tuple[str, ...] = ()
    context: int | None = None
    max_output: int | None = None
    capabilities: tuple[str, ...] = ()
    input_price: str | None = None
    output_price: str | None = None
    cached_input_price: str | None = None
    known_price: KnownPrice | None = None  # the project's own list's, where it lists none
    quality: float | None = None
    category_quality: tuple[tuple[str, float], ...] = ()
    ttft_ms: float | None = None
    tokens_per_s: float | None = None
    enabled: bool = True  # False: adopted, and left for an operator to switch on


class FoundProvider(Struct, frozen=True):
    """One upstream that answers or whose key is there."""

    name: str
    wire: str
    base_url: str
    source: Literal["discovered", "sandbox"]
    secret: str | None = None
    local: bool = False
    allow_private: bool = False
    models: tuple[FoundModel, ...] = ()
    note: str = ""  # what a person should know, e.g. that the key was refused

    def __repr__(self) -> str:
        return f"FoundProvider({self.name!r}, {self.wire!r}, {self.base_url!r}, {len(self.models)} models)"
