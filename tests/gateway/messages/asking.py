"""How the tests of Messages ask, and what they ask with."""

import httpx

from providers.sandbox.testing import Sandbox

ASK = {"max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
THINKING = {"type": "enabled", "budget_tokens": 2000}
SIGNATURE = "c2FuZGJveC10aGlua2luZy1zaWduYXR1cmU="
MODELS = ("claude", "gpt", "llama")
PAIRS = ["both", *(f"pair{number}" for number in range(20))]
SKILLS = ["tools", "vision", "json_schema", "json_mode", "reasoning"]


def behind(up, model: str) -> Sandbox:
    return getattr(up, model)


def post(up, path: str = "/v1/messages", headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
    headers = {"x-api-key": up.gateway.key} if headers is None else headers
    return httpx.post(up.gateway.url + path, json=ASK | fields, headers=headers, timeout=20)


def asked(client, stream: bool, **fields):
    """One message, whole or put together from its stream by the SDK."""
    if not stream:
        return client.messages.create(**ASK | fields)
    with client.messages.stream(**ASK | fields) as events:
        return events.get_final_message()
