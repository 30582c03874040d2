"""Where does a model of Gemini's stand? In the folder of Google's own, or in one that its name says."""

from typing import Final
from urllib.parse import quote

FOLDER: Final = "models/"


def model_name(upstream_model: str) -> str:
    """The full name; tuned models are in a folder of their own."""
    return upstream_model if "/" in upstream_model else FOLDER + upstream_model


def model_path(upstream_model: str) -> str:
    """Its place below the base URL."""
    return "/" + quote(model_name(upstream_model))
