"""How do the clients' results stand in docs/clients.md? One table, and one section per client."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs" / "clients.md"
HEAD = """# Clients

Real clients against a real gateway with a sandbox behind it, offline but for their installation. `make clients`
runs them and writes this page; `make clients ARGS=name` runs one, the others keep their place. Each is one script in
`tests/clients/` ([the shape](../tests/clients/README.md)).

"""
SECTION = re.compile(r"^## (\S+)\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def rewritten(page: str, runs: dict[str, dict[str, Any]]) -> str:
    """The page with these clients' sections made anew."""
    sections = {match[1]: match[0].strip() for match in SECTION.finditer(page)}
    today = datetime.now(UTC).date().isoformat()
    sections |= {name: _section(name, run, today) for name, run in runs.items()}
    return HEAD + "\n\n".join(section for _, section in sorted(sections.items())) + "\n"


def _section(name: str, run: dict[str, Any], today: str) -> str:
    counts = Counter(case["outcome"] for case in run["cases"])
    said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "cannot apply"))
    head = f"## {name}\n\n{run['client']} {run['version']}, {today}: {said}.\n\n| case | outcome | |\n|---|---|---|\n"
    rows = [f"| {_cell(case['name'])} | {case['outcome']} | {_cell(case['detail'])} |" for case in run["cases"]]
    return head + "\n".join(rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
