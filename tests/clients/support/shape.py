"""What does a client's run look like? The arguments that it gets, and the one line of JSON that it prints last."""

import argparse
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, NoReturn
from urllib.request import ProxyHandler, Request, build_opener

Outcome = Literal["passed", "failed", "cannot apply"]
DIRECT = build_opener(ProxyHandler({}))


@dataclass
class Case:
    name: str
    outcome: Outcome
    detail: str = ""


@dataclass
class Run:
    """One client's cases. `with run.case("chat"):` passes or fails; `run.cannot(...)` says what has no sense here."""

    client: str
    version: str
    cases: list[Case] = field(default_factory=list)

    @contextmanager
    def case(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            traceback.print_exc()
            self.cases.append(Case(name, "failed", f"{type(exc).__name__}: {exc}".splitlines()[0][:200]))
        else:
            self.cases.append(Case(name, "passed"))

    def cannot(self, name: str, reason: str) -> None:
        self.cases.append(Case(name, "cannot apply", reason))

    def end(self) -> NoReturn:
        """Print the line of results and leave: 0 when nothing failed and something passed."""
        print(json.dumps(asdict(self)), flush=True)
        outcomes = {case.outcome for case in self.cases}
        sys.exit(0 if "passed" in outcomes and "failed" not in outcomes else 1)


@dataclass(frozen=True)
class Place:
    """Where a client calls (`url` has no /v1), with which key, and the sandboxes that answer `model` and `claude`."""

    url: str
    key: str
    sandbox: str
    model: str
    claude_sandbox: str = ""

    def of_claude(self) -> "Place":
        """The same gateway with the model that Anthropic's form answers."""
        return replace(self, sandbox=self.claude_sandbox, model="claude")

    def of_native(self) -> "Place":
        """The same upstream, asked in Responses as the client asked."""
        return replace(self, model="native")

    def script(self, *answers: object) -> None:
        """What the sandbox answers to the next chats, in order (docs/sandbox.md)."""
        body = json.dumps({"answers": answers}).encode()
        DIRECT.open(Request(f"{self.sandbox}/_sandbox/script", body, method="POST"), timeout=10).close()

    def calls(self) -> list[dict[str, object]]:
        """What the sandbox received since its last reset."""
        with DIRECT.open(f"{self.sandbox}/_sandbox/calls", timeout=10) as answer:
            return list(json.loads(answer.read())["calls"])


def place() -> Place:
    """The place that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="the gateway's root, without /v1")
    parser.add_argument("--key", required=True, help="a client key")
    parser.add_argument("--sandbox", default="", help="the root of the sandbox that answers MODEL")
    parser.add_argument("--claude-sandbox", default="", help="the root of the sandbox that answers `claude`")
    parser.add_argument("--model", default="demo")
    given = parser.parse_args()
    sandbox, claude = given.sandbox.rstrip("/"), given.claude_sandbox.rstrip("/")
    return Place(given.url.rstrip("/"), given.key, sandbox, given.model, claude)
