"""What does every request to an upstream have, whatever it asks for?"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Raw


@dataclass(slots=True, kw_only=True)
class Request(ABC):
    """One request as the engine and the adapters see it; a class per operation adds what is asked.

    `raw` is the JSON object that an upstream of the same wire format receives but for what routing must alter, so that
    fields which we do not know arrive byte for byte; `router_fields` are the top-level names that only the router may
    see. `surface` is what the caller speaks; `headers` are the caller's own that such an upstream receives as well.
    `bound_to` is the deployment (its id) that the conversation is bound to, because it carries that deployment's
    signatures, ids or open tool calls. `lost` says what `raw` does not carry of the body that came; it is of no matter
    where that body itself goes out. `continues` is the caller's field that refers to what only the deployment has that
    it is bound to. `passed_on` are fields that an upstream which is a router itself receives too. `expected_prompt` is
    our estimate of the prompt's tokens, as whoever is being asked counts them; 0 before anybody is. `elsewhere`: an
    upstream of the caller's own form fetches a part of the prompt, whose length nobody knows before. `held_output` is
    the longest answer that was set aside for whoever is being asked, where its caller sets no limit; None: no matter.
    """

    operation: ClassVar[str]

    id: str
    raw: bytes
    surface: str = "chat"
    stream: bool = False
    router_fields: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = ()
    bound_to: int | None = None
    lost: tuple[str, ...] = ()
    continues: str | None = None
    passed_on: Mapping[str, Raw] | None = None
    expected_prompt: int = 0
    elsewhere: bool = False
    held_output: int | None = None

    @property
    @abstractmethod
    def model(self) -> str:
        """The name that the caller asked for."""

    @property
    def max_output(self) -> int | None:
        """The longest answer that the caller allows, in tokens; None: no limit, or an answer without tokens."""
        return None

    def may_carry_to(self, deployment_id: int) -> bool:
        """Whether what binds the conversation may be sent there: signatures never reach anybody but their maker."""
        return self.bound_to is None or self.bound_to == deployment_id
