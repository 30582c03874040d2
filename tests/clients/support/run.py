"""Which clients work with the gateway? Runs every file of tests/clients and writes docs/clients.md."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from providers.sandbox.testing import Sandbox
from tests.clients.support.page import PAGE, rewritten
from tests.gateway.gateway import Gateway, manage

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "clients"
TIMEOUT_S = 900
CAPABLE = ["tools", "vision", "json_schema", "json_mode", "reasoning"]


def main(wanted: list[str]) -> int:
    """Run the clients that are named, or all; the others keep their place on the page."""
    names = wanted or sorted(path.stem for path in FOLDER.glob("*.py"))
    with running() as (gateway, *sandboxes):
        runs = {name: run(name, gateway, *sandboxes) for name in names}
    PAGE.write_text(rewritten(PAGE.read_text() if PAGE.exists() else "", runs))
    bad = [name for name, found in runs.items() if any(case["outcome"] == "failed" for case in found["cases"])]
    print(f"{len(runs) - len(bad)} of {len(runs)} clients without a failure; {PAGE.relative_to(ROOT)} is written")
    return len(bad)


def run(name: str, gateway: Gateway, sandbox: Sandbox, claude: Sandbox) -> dict[str, Any]:
    """One client's results; a script that prints none has failed."""
    print(f"== {name}", flush=True)
    sandbox.reset()
    claude.reset()
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--url", gateway.url, "--key", gateway.key]
    command += ["--sandbox", sandbox.url, "--claude-sandbox", claude.url]
    env = os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1,localhost"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S)
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError) as exc:
        return {
            "client": name,
            "version": "?",
            "cases": [{"name": "run", "outcome": "failed", "detail": type(exc).__name__}],
        }
    for case in found["cases"]:
        print(f"   {case['outcome']:12} {case['name']} {case['detail']}", flush=True)
    return found


@contextmanager
def running() -> Iterator[tuple[Gateway, Sandbox, Sandbox]]:
    """A gateway over sandboxes of several wires; those that are handed out answer `demo` and `claude`."""
    with ExitStack() as stack:
        var = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clients-")))
        openai = stack.enter_context(Sandbox.start("openai"))
        anthropic = stack.enter_context(Sandbox.start("anthropic"))
        manage(var, "migrate", "-v0")
        gateway = Gateway(var)
        gateway.apply(configuration(openai, anthropic))
        stack.callback(gateway.stop)
        yield gateway.start(), openai, anthropic


def configuration(openai: Sandbox, anthropic: Sandbox) -> dict[str, Any]:
    """`demo` on OpenAI's wire, `native` there too by Responses, `claude` on Anthropic's, `embedder` for embeddings."""
    demo = {"model": "demo", "upstream_model": "sandbox-large", "context": 128000, "capabilities": CAPABLE}
    demo |= {"max_output": 16384}
    native = demo | {"model": "native", "capabilities": [*CAPABLE, "responses"]}
    embedder = {"model": "embedder", "upstream_model": "sandbox-embed", "context": 8192, "capabilities": ["embeddings"]}
    return {
        "providers": [provider("openai", openai, demo, native, embedder), provider("claude", anthropic, demo | CLAUDE)],
        "models": [{"name": name, "aliases": aliases} for name, aliases in NAMES.items()],
        "tenants": [{"name": "clients", "keys": [{"name": "ci"}]}],
    }


CLAUDE = {"model": "claude"}
# The names that the vendors' own tests and their command line clients ask for.
NAMES = {
    "demo": ["gpt-6-astra", "model"],
    "claude": ["claude-opus-5-5", "model_id"],
    "embedder": ["text-embedding-3-small"],
}


def provider(name: str, sandbox: Sandbox, *deployments: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "wire": sandbox.wire,
        "base_url": sandbox.base_url,
        "credential": "sk-upstream-clients",
        "allow_private": True,
        "deployments": list(deployments),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
