"""Does pydantic-ai work? An agent with a tool, structured output, a stream: run in an environment of its own."""

import json
import subprocess
import sys

from tests.clients.support.installing import pip
from tests.clients.support.shape import Case, Run, place

VERSION = "2.68.0"
CODE = r"""
import asyncio, json, sys
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from urllib.request import Request, ProxyHandler, build_opener

place = json.loads(sys.argv[1])
model = OpenAIChatModel(place["model"], provider=OpenAIProvider(base_url=place["url"] + "/v1", api_key=place["key"]))

def script(*answers):
    body = json.dumps({"answers": answers}).encode()
    build_opener(ProxyHandler({})).open(Request(place["sandbox"] + "/_sandbox/script", body, method="POST")).close()

def called(name, *arguments):
    return {"tool_calls": [{"name": name, "arguments": given} for given in arguments]}

class Place(BaseModel):
    city: str
    people: int

async def text():
    script("Grüße")
    assert (await Agent(model).run("Hello")).output == "Grüße"

async def stream():
    script("One two three")
    async with Agent(model).run_stream("Count") as answer:
        said = "".join([piece async for piece in answer.stream_text(delta=True)])
    assert said == "One two three"

async def parallel_tools():
    asked = []
    agent = Agent(model)

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return "rain"

    script(called("weather", {"city": "Köln"}, {"city": "Pune"}), "It rains.")
    assert (await agent.run("Weather?")).output == "It rains."
    assert sorted(asked) == ["Köln", "Pune"]

async def structured_output():
    script(called("final_result", {"city": "Köln", "people": 1}))
    assert (await Agent(model, output_type=Place).run("A place")).output == Place(city="Köln", people=1)

async def main():
    found = []
    for case in (text, stream, parallel_tools, structured_output):
        try:
            await case()
            found.append({"name": case.__name__, "outcome": "passed", "detail": ""})
        except Exception as exc:
            found.append({"name": case.__name__, "outcome": "failed", "detail": repr(exc)[:200]})
    print(json.dumps(found))

asyncio.run(main())
"""


def main() -> None:
    where = place()
    python = pip("pydantic-ai", f"pydantic-ai-slim[openai]=={VERSION}")
    asked = json.dumps({"url": where.url, "key": where.key, "sandbox": where.sandbox, "model": where.model})
    done = subprocess.run([str(python), "-c", CODE, asked], stdout=subprocess.PIPE, text=True, timeout=120)
    sys.stderr.write(done.stdout)
    run = Run("pydantic-ai", VERSION)
    run.cases = [Case(**case) for case in json.loads(done.stdout.strip().splitlines()[-1])]
    run.end()


if __name__ == "__main__":
    main()
