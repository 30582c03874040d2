"""Which capabilities must the answering deployment have?"""

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

FORMATS = {"json_schema": "json_schema", "json_object": "json_mode"}


class Needs(Feature):
    """Capability names, sorted: tools, vision, audio, json_mode, json_schema."""

    name = "needs"

    def find(self, body: ChatBody, reading: Reading) -> list[str]:
        needs = set()
        if body.tools:
            needs.add("tools")
        if reading.images:
            needs.add("vision")
        if reading.audio:
            needs.add("audio")
        if body.response_format and (need := FORMATS.get(str(body.response_format.get("type")))):
            needs.add(need)
        return sorted(needs)
