"""How long will the answer be? The limit that is asked for, or what is usual for the size of the question."""

from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

USUAL: Final = 400
LONGEST: Final = 2000


class OutputTokens(Feature):
    """Estimated completion tokens."""

    name = "output_tokens"

    def find(self, body: ChatBody, reading: Reading) -> int:
        expected = min(USUAL + len(reading.question) // 8, LONGEST)
        asked = body.max_output
        return max(min(expected, asked), 1) if asked else expected
