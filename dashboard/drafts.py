"""What is to be asked in the playground? A draft: prompt, columns, parameters; and the code that asks the same."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.http import QueryDict
from msgspec import Struct

from providers.reserved import AUTO

MOST_COLUMNS: Final = 4
LONGEST_TEXT: Final = 100_000  # characters of a prompt, or of a system text
LONGEST_NAME: Final = 256  # of a model
PARAMETERS: Final[Mapping[str, tuple[type, float, float]]] = {  # name -> kind, least, most
    "temperature": (float, 0, 2),
    "max_tokens": (int, 1, 1_000_000),
    "top_p": (float, 0, 1),
    "seed": (int, -(2**63), 2**63 - 1),
}
SAMPLES: Final = (
    ("A riddle", "A bat and a ball cost $1.10 together. The bat costs $1.00 more than the ball. What costs the ball?"),
    ("A bug", "Find the bug and correct it:\n\ndef mean(values):\n    return sum(values) / len(values)"),
    ("A letter", "Write to a customer, in five sentences, that the delivery is a week late, without empty phrases."),
    ("A table", "List the four largest moons of Jupiter, with radius in km and year of discovery, as CSV."),
)


class BadDraft(ValueError):
    """What is wrong with a draft: the field, and its limit."""


class Draft(Struct, frozen=True):
    """Numbers are kept as they were typed; empty leaves them to the model."""

    tenant: str = ""
    models: tuple[str, ...] = (AUTO,)
    system: str = ""
    prompt: str = ""
    temperature: str = ""
    max_tokens: str = ""
    top_p: str = ""
    seed: str = ""

    def typed(self, name: str) -> str:
        """A parameter as it was typed."""
        return getattr(self, name)


class Snippet(Struct, frozen=True):
    """The code that asks what one column asks."""

    model: str
    curl: str
    python: str


def draft_from(kept: Any) -> Draft:
    """A draft from its JSON."""
    return msgspec.convert(kept, Draft)


def draft_of(words: QueryDict, base: Draft) -> Draft:
    """`base` with whatever `words` say otherwise; not yet checked."""
    told = {name: str(words[name]) for name in Draft.__struct_fields__ if name != "models" and name in words}
    texts: dict[str, Any] = {name: text.replace("\r\n", "\n") for name, text in told.items()}
    models = tuple(name for name in words.getlist("model") if 0 < len(name) <= LONGEST_NAME and name.isprintable())
    return msgspec.structs.replace(base, models=models[:MOST_COLUMNS] or base.models, **texts)


def check(draft: Draft) -> None:
    """Raise `BadDraft` for the first thing that cannot be asked or kept."""
    for name in ("prompt", "system"):
        if len(getattr(draft, name)) > LONGEST_TEXT:
            raise BadDraft(f"{name}: {len(getattr(draft, name)):,} characters, at most {LONGEST_TEXT:,}")
    for name in PARAMETERS:
        _number(draft, name)


def snippets(draft: Draft, url: str) -> list[Snippet]:
    """One per model, for the chat completions at `url`; what is no number is left out. The key is left out."""
    bodies = [(model, _body(draft, model)) for model in draft.models]
    return [Snippet(model, _curl(body, url), _python(body, url)) for model, body in bodies]


def _body(draft: Draft, model: str) -> dict[str, Any]:
    system = [{"role": "system", "content": draft.system}] if draft.system else []
    asked = [*system, {"role": "user", "content": draft.prompt or "Hello!"}]
    return {"model": model, "messages": asked} | _numbers(draft)


def _numbers(draft: Draft) -> dict[str, Any]:
    try:
        found = {name: _number(draft, name) for name in PARAMETERS}
    except BadDraft:
        return {}
    return {name: value for name, value in found.items() if value is not None}


def _number(draft: Draft, name: str) -> float | int | None:
    kind, least, most = PARAMETERS[name]
    text = draft.typed(name).strip()
    if not text:
        return None
    try:
        value = kind(text)
    except ValueError:
        raise BadDraft(f"{name}: {text[:40]!r} is no {'whole ' if kind is int else ''}number") from None
    if not least <= value <= most:
        raise BadDraft(f"{name}: {text[:40]} is not between {least:,} and {most:,}")
    return value


def _curl(body: dict[str, Any], url: str) -> str:
    text = json.dumps(body, ensure_ascii=False, indent=2).replace("'", "'\\''")
    key = '"Authorization: Bearer $NEUROROUTE_API_KEY"'
    return f"curl {url}/chat/completions \\\n  -H {key} \\\n  -H 'Content-Type: application/json' \\\n  -d '{text}'"


def _python(body: dict[str, Any], url: str) -> str:
    """Literals of JSON that are literals of Python too: texts and numbers."""
    words = ",\n".join(f"    {name}={json.dumps(value, ensure_ascii=False)}" for name, value in body.items())
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{url}", api_key=os.environ["NEUROROUTE_API_KEY"])\n'
        f"answer = client.chat.completions.create(\n{words},\n)\nprint(answer.choices[0].message.content)"
    )
