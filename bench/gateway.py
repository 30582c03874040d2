#!/usr/bin/env python3
"""How fast is the gateway, beside others, with much configuration, and with two workers?

    bench/gateway.py versus --compare PATH   beside LiteLLM and Portkey: compare.py runs them (`compare.py up` first)
    bench/gateway.py scale                   1,000 deployments and 10,000 client keys against 10 and 10
    bench/gateway.py workers                 two web workers against one, on PostgreSQL and Redis
    bench/gateway.py all --compare PATH      all of it, and bench/RESULTS.md written anew

Authentication, limits, routing, journal, shipper and metrics are on. The upstream is the canned one of `compare.py up`
(:9001 JSON, :9002 SSE of 100 chunks). Needs wrk. What is compared runs in turn, round after round.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.gateway.gateway import Gateway, clean_environment, manage  # noqa: E402
from tests.gateway.served import Served  # noqa: E402
from tests.halves import Services, open_services  # noqa: E402

LIMITS = {"requests_per_minute": 10**8, "requests_per_day": 10**9}
PRICE = {"input": 0.15, "output": 0.6}
BODY = '{"model":"bench","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user",\
"content":"Hello! Tell me something about routing large language models."}],"temperature":0.7,"max_tokens":100}'


def provider(name: str, port: int, models: list[str]) -> dict[str, Any]:
    deployment = {"upstream_model": "bench", "context": 128000, "price": PRICE, "quality": 0.7}
    return {
        "name": name, "wire": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "credential": "sk-upstream-bench",
        "allow_private": True, "deployments": [{"model": model, **deployment} for model in models],
    }  # fmt: skip


def configuration(deployments: int = 2, keys: int = 1) -> dict[str, Any]:
    """`bench` and `bench-stream`, and as many others as asked for."""
    others = [provider(f"other{n}", 9, [f"m{n}-{i}" for i in range(50)]) for n in range(max(deployments - 2, 0) // 50)]
    return {
        "providers": [provider("json", 9001, ["bench"]), provider("sse", 9002, ["bench-stream"]), *others],
        "tenants": [{"name": "bench", "keys": [{"name": f"k{n}"} for n in range(keys)], "limits": LIMITS}],
    }


@contextmanager
def running(config: dict[str, Any], env: dict[str, str] | None = None, workers: int = 1) -> Iterator[Served]:
    """A gateway with its shipper, its web workers those of production."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        var = Path(name)
        manage(var, "migrate", "-v0", env=env)
        gateway = Served(var, env)
        gateway.workers = workers
        gateway.apply(config)
        gateway.start()
        command = [sys.executable, "manage.py", "ship"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        shipper = subprocess.Popen(command, cwd=ROOT, env=clean_environment(var, env), **quiet)
        try:
            yield gateway
        finally:
            gateway.stop()
            shipper.terminate()
            shipper.wait(60)


def load(gateway: Gateway, concurrency: int = 32, seconds: int = 5) -> float:
    """Requests per second; anything but 2xx ends the benchmark."""
    script = gateway.var / "post.lua"
    script.write_text(
        f"wrk.method='POST'\nwrk.body=[[{BODY}]]\nwrk.headers['Content-Type']='application/json'\n"
        f"wrk.headers['Authorization']='Bearer {gateway.key}'\n"
    )
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "-s", str(script)]
    out = subprocess.run([*command, f"{gateway.url}/v1/chat/completions"], capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        sys.exit(out)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0])


def in_turn(one: Gateway, other: Gateway, rounds: int, concurrency: int) -> tuple[float, float, float]:
    """Medians of both and the median of the ratios of neighbours."""
    load(one, concurrency, 2), load(other, concurrency, 2)
    pairs = [(load(one, concurrency), load(other, concurrency)) for _ in range(rounds)]
    first, second = (statistics.median(pair[n] for pair in pairs) for n in (0, 1))
    return first, second, statistics.median(b / a for a, b in pairs)


def memory_mb(gateway: Gateway) -> float:
    assert gateway.process
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def versus(compare: Path, rounds: int) -> list[str]:
    lines = []
    with running(configuration()) as gateway:
        chat = f"{gateway.url}/v1/chat/completions"
        common = [sys.executable, str(compare), "run", "--url", chat, "--key", gateway.key, "--rounds", str(rounds)]
        for title, options in (
            ("JSON, c=1 and c=32", ["--model", "bench", "--concurrency", "32"]),
            ("SSE of 100 chunks, c=1 and c=16", ["--model", "bench-stream", "--stream", "--concurrency", "16"]),
        ):
            out = subprocess.run([*common, *options], capture_output=True, text=True, check=True).stdout
            lines += [f"### {title}", "", "```", *[x for x in out.splitlines() if not x.startswith("{")], "```", ""]
        lines += [f"Memory of the web worker afterwards: {memory_mb(gateway):.0f} MB.", ""]
    return lines


def scale(rounds: int) -> list[str]:
    with running(configuration(10, 10)) as small, running(configuration(1002, 10_000)) as large:
        few, many, ratio = in_turn(small, large, rounds, 32)
        memory = f"{memory_mb(small):.0f} and {memory_mb(large):.0f} MB"
    return [
        "### 1,000 deployments and 10,000 client keys against 10 and 10 (JSON, c=32)",
        "",
        f"{few:,.0f} against {many:,.0f} requests/s: {ratio:.3f} of the throughput; memory {memory}.",
        "",
    ]


def workers(rounds: int) -> list[str]:
    title = ["### Two web workers against one (PostgreSQL, Redis, JSON, c=64)", ""]
    with open_services() as first, open_services() as second:
        if not (isinstance(first, Services) and isinstance(second, Services)):
            return [*title, f"Not measured: {first}", ""]
        config = configuration()
        with running(config, first.environment()) as one:
            env = second.environment() | {"WEB_WORKERS": "2"}
            with running(config, env, workers=2) as two:
                alone, both, ratio = in_turn(one, two, rounds, 64)
    cores = os.cpu_count()
    note = f"{alone:,.0f} and {both:,.0f} requests/s: {ratio:.2f} times, on {cores} cores that wrk, nginx, shipper, \
PostgreSQL and Redis share."
    return [*title, note, ""]


def printed(script: str) -> list[str]:
    """What a benchmark beside this one prints."""
    command = [sys.executable, str(ROOT / "bench" / script)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [f"### `bench/{script}`", "", "```", *out.rstrip().splitlines(), "```", ""]


def machine() -> str:
    model = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    cpu = model[0] if model else platform.machine()
    return f"{os.cpu_count()} cores ({cpu}), Python {platform.python_version()}, commit {commit.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["versus", "scale", "workers", "hotpath", "journal", "all"])
    parser.add_argument("--compare", type=Path, help="the comparison script that runs LiteLLM and Portkey")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    parts = {
        "versus": lambda: versus(chosen.compare, chosen.rounds),
        "scale": lambda: scale(chosen.rounds),
        "workers": lambda: workers(chosen.rounds),
        "hotpath": lambda: printed("hotpath.py"),
        "journal": lambda: printed("journal.py"),
    }
    if chosen.what in ("versus", "all") and chosen.compare is None:
        parser.error("--compare: the path of the comparison script is needed")
    lines = [line for name, part in parts.items() if chosen.what in (name, "all") for line in part()]
    print("\n".join(lines))
    if chosen.what == "all":
        head = ["# Results", "", f"`bench/gateway.py all`, {machine()}. Quote ratios, not absolute figures.", ""]
        (ROOT / "bench" / "RESULTS.md").write_text("\n".join([*head, *lines]))


if __name__ == "__main__":
    main()
