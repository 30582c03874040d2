"""How do the tests ask for a response?"""

from typing import Final

import openai

QUESTION: Final = "What is the capital of France?"
WEATHER: Final = "What is the weather in Oslo, in celsius?"
SEALED: Final = ["reasoning.encrypted_content"]


def ask(client: openai.OpenAI, asked=QUESTION, *, model="sandbox-large", **more):
    return client.responses.create(model=model, input=asked, **more)


def told(client: openai.OpenAI, asked=QUESTION, **more) -> list:
    """All events of a stream."""
    return list(ask(client, asked, stream=True, **more))
