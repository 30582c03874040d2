"""How does an application ask this installation? Each client's lines, with this host; the key comes from the shell, or
stands in them on the one page that shows a new key."""

import json
from typing import Final

from msgspec import Struct

KEY: Final = "NEUROROUTE_API_KEY"  # the variable that holds it in each example


class Example(Struct, frozen=True):
    """What to paste, and where; `note` is what must be there first."""

    name: str
    title: str
    note: str
    code: str


_CURL: Final = """curl {url}/v1/chat/completions \\
  -H "Authorization: Bearer $NEUROROUTE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "model": "auto",
    "messages": [{{"role": "user", "content": "Hello!"}}]
  }}'"""
_PYTHON: Final = """import os
from openai import OpenAI

client = OpenAI(
    base_url="{url}/v1",
    api_key=os.environ["NEUROROUTE_API_KEY"],
)
answer = client.chat.completions.create(
    model="auto",
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.model, answer.choices[0].message.content)"""
_JAVASCRIPT: Final = """import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{url}/v1",
  apiKey: process.env.NEUROROUTE_API_KEY,
}});
const answer = await client.chat.completions.create({{
  model: "auto",
  messages: [{{ role: "user", content: "Hello!" }}],
}});
console.log(answer.model, answer.choices[0].message.content);"""
_ANTHROPIC: Final = """import os
from anthropic import Anthropic

client = Anthropic(
    base_url="{url}",
    auth_token=os.environ["NEUROROUTE_API_KEY"],
)
answer = client.messages.create(
    model="auto",
    max_tokens=200,
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.model, answer.content[0].text)"""
_LANGCHAIN: Final = """import os
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="auto",
    base_url="{url}/v1",
    api_key=os.environ["NEUROROUTE_API_KEY"],
)
print(model.invoke("Hello!").content)"""
_CLAUDE_CODE: Final = """export ANTHROPIC_BASE_URL={url}
export ANTHROPIC_AUTH_TOKEN=$NEUROROUTE_API_KEY
claude --model auto"""
_CODEX: Final = """model = "auto"
model_provider = "neuroroute"

[model_providers.neuroroute]
name = "NeuroRoute"
base_url = "{url}/v1"
env_key = "NEUROROUTE_API_KEY"
wire_api = "responses\""""
_OPEN_WEBUI: Final = """OPENAI_API_BASE_URL={url}/v1
OPENAI_API_KEY=$NEUROROUTE_API_KEY"""

_ALL: Final = (
    ("curl", "curl", "", _CURL),
    ("python", "Python", "pip install openai", _PYTHON),
    ("javascript", "JavaScript", "npm install openai", _JAVASCRIPT),
    ("anthropic", "Anthropic's SDK", "pip install anthropic", _ANTHROPIC),
    ("langchain", "LangChain", "pip install langchain-openai", _LANGCHAIN),
    ("claude-code", "Claude Code", "in a shell", _CLAUDE_CODE),
    ("codex", "Codex", "in ~/.codex/config.toml", _CODEX),
    ("open-webui", "Open WebUI", "in its environment, or under Settings, Connections", _OPEN_WEBUI),
)


def examples(url: str, key: str = "") -> list[Example]:
    """All of them for the installation at `url`, the shortest first; with `key` they run as they stand."""
    texts = [(name, title, note, code.format(url=url)) for name, title, note, code in _ALL]
    return [Example(name, title, note, _with(key, code) if key else code) for name, title, note, code in texts]


def _with(key: str, code: str) -> str:
    """The lines with the key in the place of its variable; where a file can only name that, with what sets it."""
    quoted = json.dumps(key)
    for read in (f'os.environ["{KEY}"]', f"process.env.{KEY}"):
        code = code.replace(read, quoted)
    code = code.replace(f"${KEY}", key).removeprefix("import os\n")
    return f"# first, in the shell: export {KEY}={key}\n{code}" if KEY in code else code
