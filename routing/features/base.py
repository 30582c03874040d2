"""What a feature is: a pure function from a chat to one fact about it."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from providers.chat import ChatBody
from routing.features.text import Reading


class Feature(ABC):
    """One fact about a request."""

    name: ClassVar[str]

    @abstractmethod
    def find(self, body: ChatBody, reading: Reading) -> Any:
        """The fact as a JSON-able value. No clock, no log, no network."""
