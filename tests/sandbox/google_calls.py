"""What the tests of the Gemini wire ask Google's own SDK for."""

from google import genai
from google.genai import types

PRO, FLASH = "sandbox-gemini-pro", "sandbox-gemini-flash"
QUESTION = "What is the capital of Japan?"


def connect(url: str) -> genai.Client:
    return genai.Client(api_key="sandbox-key", http_options=types.HttpOptions(base_url=url))


def ask(gemini, contents=QUESTION, *, model=FLASH, **config):
    return gemini.models.generate_content(model=model, contents=contents, config=config)


def stream(gemini, contents=QUESTION, *, model=FLASH, **config):
    return list(gemini.models.generate_content_stream(model=model, contents=contents, config=config))


def parts_of(chunks) -> list[types.Part]:
    return [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
