"""Does Claude Code work? A task with a tool round trip, before an upstream of OpenAI's form and one of Anthropic's."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.support.installing import npm
from tests.clients.support.shape import Place, Run, place

VERSION = "2.1.329"
SECRET = "heron-4711"  # only the file knows it: who says it has read the file
TIMEOUT_S = 90
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "API_TIMEOUT_MS": "60000",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000",  # the most that the sandbox's models write
}


def main() -> None:
    where = place()
    claude = npm("claude-code", f"@anthropic-ai/claude-code@{VERSION}") / "node_modules" / ".bin" / "claude"
    run = Run("claude-code", VERSION)
    for form, there in (("an OpenAI upstream", where), ("an Anthropic upstream", where.of_claude())):
        with run.case(f"{form}: answers"):
            there.script("Hello from behind")
            said = told(claude, there, "Say hello")
            assert (said["is_error"], said["result"]) == (False, "Hello from behind"), said["result"]
        with run.case(f"{form}: thinks, reads a file with its tool, answers"):
            read_a_file(claude, there)
    run.end()


def read_a_file(claude: Path, where: Place) -> None:
    """The model calls a tool, Claude Code runs it, and its result goes back to the model."""
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "note.txt"
        note.write_text(f"The word is {SECRET}.\n")
        call = {"name": "Read", "arguments": {"file_path": str(note)}}
        where.script({"text": "I look.", "reasoning": "A file", "tool_calls": [call]}, "The tool has answered.")
        said = told(claude, where, f"What does {note} say?", folder)
    assert (said["is_error"], said["result"]) == (False, "The tool has answered."), said["result"]
    assert any(SECRET in body for body in bodies(where)), "the file's text never came back as the tool's result"


def told(claude: Path, where: Place, prompt: str, folder: str | None = None) -> dict[str, Any]:
    """What one task without a person ended with, as Claude Code reports it."""
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | QUIET | {"HOME": home, "CLAUDE_CONFIG_DIR": home}
        env |= {"ANTHROPIC_BASE_URL": where.url, "ANTHROPIC_AUTH_TOKEN": where.key}
        env |= {"ANTHROPIC_SMALL_FAST_MODEL": where.model}
        command = [str(claude), "-p", prompt, "--output-format", "json", "--model", where.model]
        done = subprocess.run(
            [*command, "--allowedTools", "Read"], cwd=folder or home, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def bodies(where: Place) -> list[str]:
    """The chats that the sandbox received, as JSON."""
    return [json.dumps(call["body"]) for call in where.calls()]


if __name__ == "__main__":
    main()
