"""Does the caller offer tools?"""

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading


class HasTools(Feature):
    """Whether tools are offered."""

    name = "has_tools"

    def find(self, body: ChatBody, reading: Reading) -> bool:
        return bool(body.tools)
