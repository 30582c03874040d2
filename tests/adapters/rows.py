"""What is every adapter tried with? One row per thing that a caller may ask for, free of wires."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from providers.sandbox.steps import ScriptedCall
from providers.sandbox.testing import Step, tool_call
from tests.adapters.overhttp import Asker, Said

SAID = "Grüße 👩‍💻, " * 8
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": PARAMETERS}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "Time", "parameters": PARAMETERS}}
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAAAAAA=="
TELL_NO_CACHE = TELL_NO_FILTER = frozenset({"ollama"})  # wires without such a field or word
CITIES = ["Köln", "Pune", 'the "Hague"\n\\']


@dataclass(frozen=True)
class Row:
    """`params`: the request's fields that a wire may be unable to carry; then the answer is a 400 that names one."""

    name: str
    tried: Callable[[Asker], Awaitable[None]]
    params: tuple[str, ...] = ()


async def text(ask: Asker) -> None:
    ask.sandbox.script(SAID)
    said = await ask()
    assert (said.text, said.finish, said.calls, said.models) == (SAID, "stop", [], {"ours"})


async def system(ask: Asker) -> None:
    turns = [("system", "Terse-1"), ("developer", "Polite-2"), ("user", "Hi-3"), ("assistant", "Yes-4"), ("user", "x")]
    said = await ask(messages=[{"role": role, "content": content} for role, content in turns])
    assert said.text
    assert all(content in ask.sent().raw for _, content in turns)


async def tools(ask: Asker) -> None:
    ask.sandbox.script(tool_call("weather", city=CITIES[2]), "It rains.")
    said = await ask(tools=[WEATHER])
    ((id, name, arguments),) = said.calls
    assert (said.finish, name, json.loads(arguments)) == ("tool_calls", "weather", {"city": CITIES[2]})
    assert id
    again = await ask(tools=[WEATHER], messages=[QUESTION, turn(said), result(id)])
    assert (again.text, again.finish) == ("It rains.", "stop")


async def parallel(ask: Asker) -> None:
    calls = tuple(ScriptedCall("weather" if n % 2 else "clock", {"city": city}) for n, city in enumerate(CITIES))
    ask.sandbox.script(Step(tool_calls=calls), "Done.")
    said = await ask(tools=[WEATHER, CLOCK])
    assert [name for _, name, _ in said.calls] == ["clock", "weather", "clock"]
    assert [json.loads(arguments)["city"] for _, _, arguments in said.calls] == CITIES
    assert len({id for id, _, _ in said.calls}) == 3
    results = [result(id) for id, _, _ in said.calls]
    assert (await ask(tools=[WEATHER, CLOCK], messages=[QUESTION, turn(said), *results])).text == "Done."


async def one_at_a_time(ask: Asker) -> None:
    said = await ask(tools=[WEATHER], parallel_tool_calls=False, messages=[QUESTION])
    kept_or_noted("parallel_tool_calls", said, "parallel", ask)


async def any_tool(ask: Asker) -> None:
    said = await ask(tools=[WEATHER, CLOCK], tool_choice="required", messages=[HELLO])
    assert said.calls and said.finish == "tool_calls"


async def this_tool(ask: Asker) -> None:
    choice = {"type": "function", "function": {"name": "clock"}}
    said = await ask(tools=[WEATHER, CLOCK], tool_choice=choice, messages=[HELLO])
    assert [name for _, name, _ in said.calls] == ["clock"]


async def no_tool(ask: Asker) -> None:
    said = await ask(tools=[WEATHER], tool_choice="none", messages=[QUESTION])
    assert said.text and not said.calls


async def vision(ask: Asker) -> None:
    picture = {"type": "image_url", "image_url": {"url": PIXEL}}
    said = await ask(messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}])
    assert "image/png" in said.text and PIXEL.partition(",")[2] in ask.sent().raw


async def json_schema(ask: Asker) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS, "strict": True}}
    said = await ask(response_format=wanted)
    assert isinstance(json.loads(said.text)["city"], str)


async def json_mode(ask: Asker) -> None:
    messages = [{"role": "user", "content": 'Give me JSON with the key "colour"'}]
    said = await ask(response_format={"type": "json_object"}, messages=messages)
    if noted("response_format", said):
        raise Lacks("asked for in words, with a warning")
    assert json.loads(said.text)["colour"]


async def thinks(ask: Asker) -> None:
    ask.sandbox.script(Step(text="So.", reasoning="Hm, well. "))
    said = await ask(reasoning_effort="high", max_tokens=4000)
    assert said.text == "So." and said.reasoning.strip() == "Hm, well."


async def usage(ask: Asker) -> None:
    ask.sandbox.script(Step(text="Hi", usage={"prompt": 90, "completion": 30}))
    said = await ask()
    assert said.usage and (said.usage.prompt, said.usage.completion) == (90, 30)


async def cached(ask: Asker) -> None:
    """Cached tokens are a part of the prompt's, whatever the wire counts: never counted twice."""
    ask.sandbox.script(Step(text="Hi", usage={"prompt": 90, "completion": 30, "cached": 40}))
    said = await ask()
    if ask.sandbox.wire in TELL_NO_CACHE:
        raise Lacks("the wire tells none")
    assert said.usage and (said.usage.prompt, said.usage.cached) == (90, 40)


async def no_usage(ask: Asker) -> None:
    ask.sandbox.script(Step(text="Hi", fault="no_usage"))
    assert (await ask()).usage is None


async def stop(ask: Asker) -> None:
    said = await ask(stop=["#", "|"], messages=[HELLO])
    assert said.finish == "stop" and '"#"' in ask.sent().raw and '"|"' in ask.sent().raw


async def length(ask: Asker) -> None:
    said = await ask(max_tokens=3, messages=[QUESTION])
    assert said.text and said.finish == "length"


async def filtered(ask: Asker) -> None:
    ask.sandbox.script(Step(text=SAID, fault="content_filter_finish"))
    said = await ask()
    if ask.sandbox.wire in TELL_NO_FILTER:
        raise Lacks("the wire tells none")
    assert said.finish == "content_filter"


async def sampling(ask: Asker) -> None:
    await ask(temperature=0.375)
    assert "0.375" in ask.sent().raw
    await ask(top_p=0.625)
    assert "0.625" in ask.sent().raw


async def seed(ask: Asker) -> None:
    kept_or_noted("seed", await ask(seed=4711), "4711", ask)


async def penalties(ask: Asker) -> None:
    kept_or_noted("frequency_penalty", await ask(frequency_penalty=0.4711), "0.4711", ask)


async def several(ask: Asker) -> None:
    assert (await ask(n=2)).choices == 2


async def logprobs(ask: Asker) -> None:
    await ask(logprobs=True, top_logprobs=2)
    assert "logprobs" in ask.sent().raw.lower()


async def unknown(ask: Asker) -> None:
    kept_or_noted("zork", await ask(zork="vorpal"), "vorpal", ask)


class Lacks(Exception):
    """The wire has no such thing, and the caller can know it: what stands in the table instead of a yes."""


def kept_or_noted(name: str, said: Said, mark: str, ask: Asker) -> None:
    """The value arrived upstream; else raise `Lacks`, once it is certain that a warning names the field."""
    if mark not in ask.sent().raw:
        assert noted(name, said), f"{name} vanished without a word"
        raise Lacks("dropped, with a warning")


def noted(name: str, said: Said) -> bool:
    return any(warning.startswith(name) for warning in said.warnings)


def turn(said: Said) -> dict[str, Any]:
    """The assistant's turn with its calls, as a client sends it back."""
    calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in said.calls]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "rain"}


HELLO = {"role": "user", "content": "Say hello"}
QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
ROWS = (
    Row("text", text),
    Row("system, developer, several turns", system),
    Row("tools, result sent back", tools, ("tools",)),
    Row("parallel tools", parallel, ("tools",)),
    Row("parallel_tool_calls: false", one_at_a_time, ("parallel_tool_calls",)),
    Row("tool_choice: required", any_tool, ("tool_choice",)),
    Row("tool_choice: one function", this_tool, ("tool_choice",)),
    Row("tool_choice: none", no_tool, ("tool_choice",)),
    Row("vision (data URL)", vision, ("messages",)),
    Row("response_format: json_schema", json_schema, ("response_format",)),
    Row("response_format: json_object", json_mode, ("response_format",)),
    Row("reasoning_effort, reasoning_content", thinks, ("reasoning_effort",)),
    Row("usage", usage),
    Row("cached tokens", cached),
    Row("no usage stays unknown", no_usage),
    Row("stop", stop, ("stop",)),
    Row("finish: length", length),
    Row("finish: content_filter", filtered),
    Row("temperature, top_p", sampling, ("temperature", "top_p")),
    Row("seed", seed, ("seed",)),
    Row("frequency_penalty", penalties, ("frequency_penalty",)),
    Row("n", several, ("n",)),
    Row("logprobs", logprobs, ("logprobs", "top_logprobs")),
    Row("unknown fields", unknown),
)
