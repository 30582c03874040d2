"""Statement 38: every snippet of the page that begins, run as it is printed, is answered.

An application that cannot be had here is named in the summary with the reason.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.clients import claude_code, codex_cli, openai_node
from tests.clients.support.installing import npm
from tests.run.installation import Installation

PATIENCE_S = 120
ANSWERED = "Sandbox text"  # how the sandbox begins whatever it writes
AGENTS = ("claude-code", "codex")  # they offer tools, which a sandbox calls without end unless it is scripted
SNIPPET = re.compile(r'<pre id="([\w-]+)"[^>]*>(.*?)</pre>', re.DOTALL)
Runner = Callable[[str, Path, Mapping[str, str]], "subprocess.CompletedProcess[str]"]


def ran(command: list[str], home: Path, env: Mapping[str, str], said: str = "") -> "subprocess.CompletedProcess[str]":
    """A command in an empty home, with the person's words on its standard input."""
    whole = os.environ | {"HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"} | env
    return subprocess.run(
        command, cwd=home, env=whole, input=said, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def installed(name: str, package: str) -> Path:
    """The folder of a package of npm's, by name and pinned version; skips where it cannot be had."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip(f"{name}: Node and npm are not installed here")
    try:
        return npm(name, package)
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"{name}: npm could not install {package} (exit code {exc.returncode})")


def shell(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return ran(["bash", "-ec", code], home, env)


def python(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return ran([sys.executable, "-c", code], home, env)


def javascript(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    packages = installed("openai-node", f"openai@{openai_node.VERSION}") / "node_modules"
    (home / "node_modules").symlink_to(packages)
    (home / "ask.mjs").write_text(code)
    return ran(["node", "ask.mjs"], home, env)


def claude(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """In a shell, as printed; its standard input is no terminal, so it answers once and ends."""
    programs = installed("claude-code", f"@anthropic-ai/claude-code@{claude_code.VERSION}") / "node_modules" / ".bin"
    paths = {"PATH": f"{programs}:{os.environ['PATH']}", "CLAUDE_CONFIG_DIR": str(home)}
    return ran(["bash", "-ec", code], home, claude_code.QUIET | paths | env, said="Say hello")


def codex(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Its configuration file is the snippet and nothing else."""
    program = installed("codex", f"@openai/codex@{codex_cli.VERSION}") / "node_modules" / ".bin" / "codex"
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(code)
    command = [str(program), "exec", "--skip-git-repo-check", "--ephemeral", "Say hello"]
    return ran(command, home, env)


def open_webui(code: str, home: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """What it does with these two variables: it lists the models and sends a chat to one. The application itself is
    several gigabytes of packages, which no test installs."""
    asks = """
      curl -sSf "$OPENAI_API_BASE_URL/models" -H "Authorization: Bearer $OPENAI_API_KEY" | grep -q '"auto"'
      curl -sSf "$OPENAI_API_BASE_URL/chat/completions" -H "Authorization: Bearer $OPENAI_API_KEY" \\
        -H "Content-Type: application/json" -d '{"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}'"""
    return ran(["bash", "-ec", code + asks], home, env)


RUNNERS: dict[str, Runner] = {
    "curl": shell,
    "python": python,
    "javascript": javascript,
    "anthropic": python,
    "langchain": python,
    "claude-code": claude,
    "codex": codex,
    "open-webui": open_webui,
}


@pytest.fixture(scope="module")
def snippets(running: Installation) -> Iterator[dict[str, str]]:
    """The snippets of the page as somebody reads them who is signed in, by name."""
    with httpx.Client(base_url=running.url, follow_redirects=True, trust_env=False) as browser:
        form = browser.get("/admin/login/", params={"next": "/dashboard/start/"})
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)[1]
        person = {"username": running.first_run["NEUROROUTE_ADMIN_USER"]}
        person |= {"password": running.first_run["NEUROROUTE_ADMIN_PASSWORD"], "csrfmiddlewaretoken": token}
        page = browser.post(str(form.url), data=person, headers={"referer": str(form.url)})
        yield {name: unescape(code) for name, code in SNIPPET.findall(page.text)}


@pytest.fixture
def plain_words(running: Installation, name: str) -> Iterator[None]:
    """For an agent, the sandboxes say something and call no tool."""
    with sqlite3.connect(running.var / "neuroroute.sqlite3") as database:
        found = database.execute("SELECT base_url FROM providers_provider WHERE source = 'sandbox'").fetchall()
    hosts = {urlsplit(url).netloc for (url,) in found} if name in AGENTS else set()
    for host in hosts:
        said = {"answers": [ANSWERED] * 20}
        assert httpx.post(f"http://{host}/_sandbox/script", json=said, trust_env=False).status_code == 200
    yield
    for host in hosts:
        httpx.post(f"http://{host}/_sandbox/reset", trust_env=False)


def test_statement_38_each_snippet_of_the_page_is_run(snippets: dict[str, str]) -> None:
    assert set(snippets) == set(RUNNERS)


@pytest.mark.timeout(2 * PATIENCE_S)
@pytest.mark.usefixtures("plain_words")
@pytest.mark.parametrize("name", RUNNERS)
def test_statement_38_a_snippet_is_answered_as_it_is_printed(
    running: Installation, snippets: dict[str, str], name: str, tmp_path: Path
) -> None:
    assert running.url in snippets[name] and "nr-" not in snippets[name]
    key = {"NEUROROUTE_API_KEY": running.first_run["NEUROROUTE_API_KEY"]}
    done = RUNNERS[name](snippets[name], tmp_path, key)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    assert ANSWERED in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
