"""What does a request of each form look like? The bodies that Swagger begins with; the tests send every one."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

ADD: Final = {
    "type": "object",
    "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    "required": ["a", "b"],
}
QUESTION: Final = [{"role": "user", "content": "What is the capital of France?"}]


def _example(name: str, **body: Any) -> OpenApiExample:
    return OpenApiExample(name, body, request_only=True)


CHAT: Final = [
    _example("A question", model="auto", messages=QUESTION),
    _example("As cheap as can be, streamed", model="auto:cheap", messages=QUESTION, stream=True),
    _example(
        "With a tool",
        model="auto",
        messages=[{"role": "user", "content": "Add 19 and 23."}],
        tools=[{"type": "function", "function": {"name": "add", "description": "Add two numbers", "parameters": ADD}}],
    ),
    _example(
        "With wishes",
        model="auto",
        messages=QUESTION,
        max_tokens=200,
        neuroroute={"session_id": "chat-17", "tags": ["support"], "max_cost_usd": 0.01},
    ),
]
RESPONSE: Final = [_example("A question", model="auto", input="What is the capital of France?")]
MESSAGE: Final = [_example("A question", model="auto", max_tokens=200, messages=QUESTION)]
EMBEDDING: Final = [_example("Two texts", model="auto", input=["a cat", "a dog"])]
PROMPT: Final = [_example("A prompt", prompt="What is the capital of France?", model="auto")]
ROUTED: Final = [
    _example(
        "A prompt that may be slow",
        prompt="What is the capital of France?",
        preferences={"costWeight": 0.7, "latencyWeight": 0.1, "qualityWeight": 0.2},
    )
]
RATING: Final = [
    _example("Helpful", response_id="req_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", score=1, comment="to the point")
]
FOUND: Final = {
    "modelId": "gpt-5-mini",
    "prompt": "What is the capital of France?",
    "response": "Paris is the capital of France.",
}
OPINION: Final = [_example("An opinion", **FOUND, feedback={"rating": 5, "category": "facts", "comment": "right"})]
RESULT: Final = [_example("A test's result", **FOUND, expected="Paris", score=1, category="facts")]
