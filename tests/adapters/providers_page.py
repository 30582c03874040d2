"""How does what the adapters showed stand in docs/providers.md?"""

from pathlib import Path

from providers.adapters import adapters
from tests.adapters.overhttp import FORMS, Form

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
HEAD = """# What each wire can do

Every adapter was asked for all of this over real HTTP, in front of the sandbox of its wire, for a whole answer and for
a stream. `make docs` writes this page anew from such a run; a test fails when it is out of date. How to add a provider:
[adding-a-provider.md](adding-a-provider.md).

- yes: it works as OpenAI's clients expect it, and every payload validates against OpenAI's schema.
- 400 `x`: the wire cannot carry the parameter; nothing is sent, another deployment is tried, and where none is left the
  answer names the parameter.
- dropped, with a warning: the answer came without it, and `x-neuroroute-warnings` says so.
- Errors and odd answers are the sandbox's faults ([sandbox.md](sandbox.md) says what each does). The name of an error
  is its class in `providers/errors.py`.
- A dash: the wire knows no such thing, or it cannot happen there.

"""
Cells = dict[tuple[str, str, str, Form], str]  # (section, row, wire, form) -> what stands there


def page(cells: Cells) -> str:
    """The page of these cells; sections and rows stand in the order in which they came."""
    sections = list(dict.fromkeys(section for section, _, _, _ in cells))
    return HEAD + "\n\n".join(_section(section, cells) for section in sections) + "\n"


def _section(section: str, cells: Cells) -> str:
    wires = [wire for wire in adapters() if any(wire == of for _, _, of, _ in cells)]
    rows = list(dict.fromkeys(row for of, row, _, _ in cells if of == section))
    head = f"## {section}\n\n| | {' | '.join(adapters()[wire].label for wire in wires)} |\n|---|{'---|' * len(wires)}\n"
    lines = [[row, *(_cell(section, row, wire, cells) for wire in wires)] for row in rows]
    return head + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(section: str, row: str, wire: str, cells: Cells) -> str:
    found = {form: cells[section, row, wire, form] for form in FORMS if (section, row, wire, form) in cells}
    said = set(found.values())
    if len(said) <= 1:
        return said.pop() if said else "-"
    return ", ".join(f"{form}: {what}" for form, what in found.items())
