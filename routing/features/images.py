"""How many images come in? Some providers bill them by number."""

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading


class Images(Feature):
    """The number of images in the prompt."""

    name = "images"

    def find(self, body: ChatBody, reading: Reading) -> int:
        return reading.images
