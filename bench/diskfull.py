#!/usr/bin/env python3
"""The disk under the journal is full: is anything answered that is not recorded, does anything crash, does it recover?

    sudo bench/diskfull.py

A file system of 6 MB is mounted under the spool, filled, and emptied again; needs the right to mount.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.chaos import configuration  # noqa: E402
from bench.production import Production  # noqa: E402
from providers.sandbox.testing import Sandbox  # noqa: E402

COUNT = 100


def asked(installation: Production, count: int = COUNT) -> list[str]:
    """The codes of so many requests; 200 or the error's."""
    codes = []
    messages = [{"role": "user", "content": "Hello " * 200}]
    with httpx.Client(base_url=installation.url, timeout=30) as client:
        for number in range(count):
            body = {"model": "demo", "messages": messages, "stream": bool(number % 2)}
            answer = client.post(
                "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {installation.key}"}
            )
            codes.append(code_of(answer))
    return codes


def code_of(answer: httpx.Response) -> str:
    """A stream that cannot be recorded ends with an error event."""
    if answer.status_code != 200:
        return str(answer.json()["error"]["code"])
    whole = "data: [DONE]" in answer.text or answer.headers["content-type"] == "application/json"
    return "answered" if whole else "stream ended by an error"


def said(codes: list[str]) -> str:
    return ", ".join(f"{codes.count(code)} {code}" for code in sorted(set(codes)))


def ready(installation: Production) -> str:
    answer = httpx.get(f"{installation.url}/health/ready", timeout=10)
    return f"{answer.status_code}, journal: {answer.json()['checks']['journal']}"


def metric(installation: Production, name: str) -> str:
    text = httpx.get(f"{installation.url}/metrics", timeout=10).text
    return next((line for line in text.splitlines() if line.startswith(name)), f"{name} is not there")


def fill_and_empty(installation: Production, spool: Path) -> None:
    print(f"before: {said(asked(installation, 20))}; ready: {ready(installation)}")
    workers = installation.living()
    filler = spool / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    print(f"full: {said(asked(installation))}; ready: {ready(installation)}")
    print(
        metric(installation, "llm_journal_write_failures_total"), "and", metric(installation, "llm_journal_disk_free")
    )
    filler.unlink()
    began = time.monotonic()
    while asked(installation, 1) != ["answered"]:
        time.sleep(0.1)
    print(f"emptied: answered again after {time.monotonic() - began:.1f} s; {said(asked(installation, 20))}; "
          f"ready: {ready(installation)}")  # fmt: skip
    print(f"processes that ended meanwhile: {len(workers.keys() - installation.living().keys())}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Sandbox.start("openai", process=True) as sandbox:
        installation = Production(ROOT, Path(name) / "var")
        spool = installation.var / "spool"
        spool.mkdir(parents=True)
        installation.settings = {"SANDBOX": "off"}
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(spool)], check=True)
        try:
            installation.start(**installation.settings)
            installation.apply(configuration(sandbox))
            fill_and_empty(installation, spool)
        finally:
            installation.kill()
            subprocess.run(["umount", "-l", str(spool)], check=True)


if __name__ == "__main__":
    main()
