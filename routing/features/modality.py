"""What comes in besides text?"""

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading


class Modality(Feature):
    """One of text, vision, audio, file."""

    name = "modality"

    def find(self, body: ChatBody, reading: Reading) -> str:
        if reading.images:
            return "vision"
        if reading.audio:
            return "audio"
        return "file" if reading.files else "text"
