"""What is behind an image's URL? Either the bytes themselves, as a data URL, or an address for somebody to fetch."""

from typing import Final

from msgspec import Struct

from providers.errors import InvalidRequest

# How pictures begin in base64: what they are, whatever their sender calls them. Anthropic and Google refuse others.
BEGINNINGS: Final = {"/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "R0lGOD": "image/gif", "UklGR": "image/webp"}
PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".heic", ".heif")  # how addresses of pictures end


class Inline(Struct, frozen=True):
    """Content that came inside the request; `data` is base64."""

    media_type: str
    data: str


def inline(url: str) -> Inline | None:
    """The content of a base64 data URL, None for an address; raises `InvalidRequest` for any other data URL."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or not data or encoding.rpartition(";")[2].strip().lower() != "base64":
        raise InvalidRequest("an image's data URL must be base64: data:image/png;base64,…", param="messages")
    return Inline(_kind(media_type.lower() or "image/png", data), data)


def is_picture(url: str) -> bool:
    """Whether it can be nothing but a picture: one that came inside, or an address that says so of what it leads to."""
    if url[:5].lower() == "data:":
        return url[5:11].lower() == "image/"
    return url.partition("?")[0].lower().endswith(PICTURES)


def _kind(said: str, data: str) -> str:
    if not said.startswith("image/"):
        return said
    known = next((kind for beginning, kind in BEGINNINGS.items() if data.startswith(beginning)), said)
    return "image/jpeg" if known == "image/jpg" else known
