"""What a model of the sandbox says to a question: simple, sensible and the same every time."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from providers.sandbox.arithmetic import first_sum
from providers.sandbox.prompts import Prompt

CAPITALS: Final[Mapping[str, str]] = {
    "australia": "Canberra",
    "austria": "Vienna",
    "brazil": "Brasília",
    "canada": "Ottawa",
    "china": "Beijing",
    "egypt": "Cairo",
    "france": "Paris",
    "germany": "Berlin",
    "greece": "Athens",
    "india": "New Delhi",
    "italy": "Rome",
    "japan": "Tokyo",
    "kenya": "Nairobi",
    "mexico": "Mexico City",
    "norway": "Oslo",
    "poland": "Warsaw",
    "portugal": "Lisbon",
    "spain": "Madrid",
    "sweden": "Stockholm",
    "switzerland": "Bern",
    "the netherlands": "Amsterdam",
    "the united kingdom": "London",
    "the united states": "Washington, D.C.",
    "turkey": "Ankara",
}
SNIPPETS: Final[Mapping[str, str]] = {
    "python": "def {name}(values: list[int]) -> list[int]:\n    return sorted(values)",
    "javascript": "function {name}(values) {{\n  return [...values].sort((a, b) => a - b);\n}}",
    "typescript": "function {name}(values: number[]): number[] {{\n  return [...values].sort((a, b) => a - b);\n}}",
    "go": "func {name}(values []int) []int {{\n\tsort.Ints(values)\n\treturn values\n}}",
    "rust": "fn {name}(mut values: Vec<i64>) -> Vec<i64> {{\n    values.sort();\n    values\n}}",
    "sql": "SELECT id, name\nFROM {name}\nWHERE active\nORDER BY name;",
    "bash": '{name}() {{\n  sort -n "$1"\n}}',
}
CODING: Final = re.compile(
    r"\b(?:code|function|class|script|program|regex|query|snippet|bug|implement|refactor)\b", re.I
)
CLOSINGS: Final = (
    "A real model would go on from here.",
    "Connect a provider, and a real model answers in my place.",
    "Nothing was looked up for this: it is a script.",
    "The next word is yours.",
)
LONGEST_COUNT: Final = 500


def saying(prompt: Prompt, variant: int) -> str:
    """The text of an answer; `variant` chooses among closings of equal worth."""
    question = prompt.question.strip()
    for answer in ANSWERS:
        said = answer(prompt, question)
        if said:
            break
    else:
        said = _echo(prompt, question)
    gap = "" if said.endswith("\n") else " "
    return f"Sandbox text, played as {prompt.plain_model}: {said}{gap}{CLOSINGS[variant % len(CLOSINGS)]}"


def _of_images(prompt: Prompt, question: str) -> str:
    seen = [
        f"an image ({image.media_type}, {'at an address' if image.size is None else f'{image.size} bytes'})"
        for image in prompt.last_asked.images
    ]
    return f"I was given {' and '.join(seen)}." if seen else ""


def _of_capitals(prompt: Prompt, question: str) -> str:
    found = re.search(r"capital (?:city )?of ((?:the )?[\w ]+?)\s*(?:[?.!,]|$)", question, re.IGNORECASE)
    country = found.group(1) if found else ""
    city = CAPITALS.get(country.lower()) or CAPITALS.get(f"the {country.lower()}")
    return f"The capital of {country} is {city}." if city else ""


def _of_sums(prompt: Prompt, question: str) -> str:
    found = first_sum(question)
    return f"{found[0]} = {found[1]}." if found else ""


def _of_counting(prompt: Prompt, question: str) -> str:
    found = re.search(r"count\b.*?(?:from (-?\d+) )?to (\d+)", question, re.IGNORECASE)
    if not found:
        return ""
    start = int(found.group(1) or 1)
    return ", ".join(str(number) for number in range(start, min(int(found.group(2)), start + LONGEST_COUNT) + 1)) + "."


def _of_names(prompt: Prompt, question: str) -> str:
    if not re.search(r"\b(?:what(?:'s| is)|do you (?:know|remember)) my name\b", question, re.IGNORECASE):
        return ""
    told = [
        re.search(r"\b(?:my name is|call me) (\w+)", turn.text, re.I) for turn in prompt.turns if turn.role == "user"
    ]
    names = [found.group(1) for found in told if found]
    return f"Your name is {names[-1]}." if names else "You have not told me your name."


def _of_code(prompt: Prompt, question: str) -> str:
    lowered = question.lower()
    language = next((name for name in SNIPPETS if re.search(rf"\b{name}\b", lowered)), None)
    if not language and not CODING.search(question):
        return ""
    subject = re.findall(r"[a-z]{4,}", re.sub(CODING, "", lowered).replace(language or "python", ""))
    name = "_".join(word for word in subject if word not in ("write", "that", "please", "with"))[:32].strip("_")
    snippet = SNIPPETS[language or "python"].format(name=name or "answer")
    return f"Here is a sketch in {language or 'python'}.\n\n```{language or 'python'}\n{snippet}\n```\n\n"


def _of_greetings(prompt: Prompt, question: str) -> str:
    hello = re.match(r"(?:hi|hello|hey|good (?:morning|evening|day))\b", question, re.IGNORECASE)
    return "Hello! Ask me for a capital, a sum, some code, or anything else." if hello and len(question) < 40 else ""


def _echo(prompt: Prompt, question: str) -> str:
    if not question:
        return "There was no question."
    words = question.split()
    short = " ".join(words[:30]) + (" …" if len(words) > 30 else "")
    turns = sum(turn.role == "user" for turn in prompt.turns)
    asked = f"You asked: “{short}” That is {len(words)} words, in turn {turns} of our talk."
    topic = max((word.strip(".,:;!?\"'“”()") for word in words), key=len)
    return (
        f"{asked} The longest of them is “{topic}”, so let us say that it matters most. "
        f"One would begin with what is known about {topic}, ask what is missing, and name the source of each claim. "
        f"Then one would answer in two or three sentences, and say how sure the answer is."
    )


ANSWERS: Final[tuple[Callable[[Prompt, str], str], ...]] = (
    _of_images,
    _of_capitals,
    _of_sums,
    _of_counting,
    _of_names,
    _of_code,
    _of_greetings,
)
