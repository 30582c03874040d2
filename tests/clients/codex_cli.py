"""Does Codex CLI work? It speaks Responses alone: tasks with a tool round trip before upstreams of three forms."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.support.installing import npm
from tests.clients.support.shape import Place, Run, place

VERSION = "0.169.0"
SECRET = "heron-4711"  # only the file knows it: whose request holds it has read the file
TIMEOUT_S = 90
CONFIG = """
model = "{model}"
model_provider = "gateway"
check_for_update_on_startup = false

[model_providers.gateway]
name = "gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = {retries}

[analytics]
enabled = false
"""


def main() -> None:
    where = place()
    codex = npm("codex", f"@openai/codex@{VERSION}") / "node_modules" / ".bin" / "codex"
    run = Run("codex-cli", VERSION)
    forms = {
        "an OpenAI upstream": where,
        "an Anthropic upstream": where.of_claude(),
        "an upstream of Responses": where.of_native(),
    }
    for form, there in forms.items():
        with run.case(f"{form}: answers"):
            there.script("Hello from behind")
            assert told(codex, there, "Say hello") == "Hello from behind"
        with run.case(f"{form}: thinks, runs a command, answers"):
            read_a_file(codex, there)
    with run.case("a cut stream is retried, not taken for an answer"):
        where.script({"fault": "cut_mid", "text": "One two three four"}, "Whole")
        assert told(codex, where, "Count", retries=1) == "Whole"
    run.end()


def read_a_file(codex: Path, where: Place) -> None:
    """The model calls a tool, Codex runs the command, and its output goes back to the model."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "note.txt").write_text(f"The word is {SECRET}.\n")
        call = {"name": "exec_command", "arguments": {"cmd": "cat note.txt"}}
        where.script({"text": "I look.", "reasoning": "A file", "tool_calls": [call]}, "The tool has answered.")
        assert told(codex, where, "What does note.txt say?", folder) == "The tool has answered."
    sent = [json.dumps(call["body"]) for call in where.calls()]
    assert any(SECRET in body for body in sent), "the command's output never came back as the tool's result"


def told(codex: Path, where: Place, prompt: str, folder: str | None = None, retries: int = 0) -> str:
    """The last message of one task without a person; raises where Codex says that it failed."""
    with tempfile.TemporaryDirectory() as home:
        said = Path(home) / "said.txt"
        config = CONFIG.format(model=where.model, url=where.url, retries=retries)
        (Path(home) / "config.toml").write_text(config)
        env = os.environ | {"HOME": home, "CODEX_HOME": home, "GATEWAY_KEY": where.key}
        # No sandbox of its own: the commands are ours, and not every machine lets one be made.
        command = [str(codex), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        done = subprocess.run(
            [*command, "--output-last-message", str(said), prompt], cwd=folder or home, env=env,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        sys.stderr.write(done.stdout[-1000:] + done.stderr[-2000:])
        assert done.returncode == 0, done.stderr.strip().splitlines()[-1][:200]
        return said.read_text().strip()


if __name__ == "__main__":
    main()
