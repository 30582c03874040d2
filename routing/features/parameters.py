"""Which parameters does the request use that not every wire can carry?"""

from providers.chat import ChatBody
from providers.parameters import used
from routing.features.base import Feature
from routing.features.text import Reading


class Parameters(Feature):
    """Names of `providers.parameters`, sorted."""

    name = "parameters"

    def find(self, body: ChatBody, reading: Reading) -> list[str]:
        names = used(body)
        if reading.audio or reading.files:
            names |= {"audio"} if reading.audio else set()
            names |= {"file"} if reading.files else set()
        return sorted(names) if names else []
