"""Whatever our own schema and OpenAI's allow to be asked, and much that they forbid: no 5xx, no answer that the schema
does not know, nothing for a caller without a key.

`SCHEMA_EXAMPLES=500 make test ARGS=tests/gateway/test_schemas_asked.py` asks for longer.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from providers.sandbox.testing import Sandbox
from tests.adapters.contract import SPEC

from .conftest import two_providers
from .gateway import Gateway, Watched

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "8"))
ASKED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ELSEWHERE = {"/completions"}  # of OpenAI's document, not served here
ABLE = ["tools", "vision", "json_schema", "json_mode", "reasoning", "audio", "responses"]
EMBEDDER = "sandbox-embed"
KEYLESS = {"/health", "/health/ready", "/metrics"}
OUR_FAULTS = ("server_error", "upstream_error")
STRANGERS: tuple[dict[str, str], ...] = ({}, {"authorization": "Bearer nr-wrong"})


@pytest.fixture(scope="module")
def able(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, primary_process: Sandbox, fallback_process: Sandbox
) -> Iterator[Watched]:
    """A gateway with something for every request: one that passes Responses through, and one that embeds."""
    configuration = two_providers(primary_process, fallback_process)
    primary, fallback = configuration["providers"]
    # No floor of quality and no bound of cost that a schema allows is out of its reach.
    primary["deployments"][0] |= {"capabilities": ABLE, "quality": 1, "price": {"input": 0, "output": 0}}
    fallback["deployments"] = [{"model": "embedder", "upstream_model": EMBEDDER, "capabilities": ["embeddings"]}]
    configuration["policies"] = []
    del configuration["tenants"][0]["default_policy"]
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("able"))
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()


def document(name: str, gateway: Gateway) -> tuple[dict[str, Any], str]:
    """A schema, and the address that its paths stand under."""
    if name == "openai":
        return json.loads(SPEC.read_text()), f"{gateway.url}/v1"
    found = httpx.get(f"{gateway.url}/api/schema", params={"format": "json"}, timeout=30)
    return found.json(), gateway.url


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("name", ["own", "openai"])
def test_whatever_a_schema_allows_is_answered_as_it_says(able, name, mode):
    raw, base_url = document(name, able)
    operations = [result.ok() for result in schemathesis.openapi.from_dict(raw).get_all_operations()]
    cases = [case for operation in operations if operation.path not in ELSEWHERE for case in made(operation, mode)]
    strict = name == "own"  # OpenAI's document does not list the errors
    statuses: Counter[int] = Counter()
    complaints = [said for case in cases for said in judged(with_a_model(case), base_url, able, strict, statuses)]
    assert len(cases) >= 3 * EXAMPLES and not complaints, "\n".join(complaints)
    assert not able.complaints()
    assert mode is not GenerationMode.POSITIVE or statuses[200] >= EXAMPLES, f"little was answered: {statuses}"


def made(operation: schemathesis.APIOperation, mode: GenerationMode) -> list[schemathesis.Case]:
    """Some cases of one operation."""
    cases: list[schemathesis.Case] = []
    with suppress(Unsatisfiable):  # where a schema forbids nothing
        ASKED(given(operation.as_strategy(generation_mode=mode))(lambda case: cases.append(case)))()
    return cases


def with_a_model(case: schemathesis.Case) -> schemathesis.Case:
    """The case with a model that is there, so that most requests go all the way."""
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = "embedder" if case.path.endswith("embeddings") else "demo"
    return case


def judged(case: schemathesis.Case, base_url: str, gateway: Gateway, strict: bool, statuses: Counter[int]) -> list[str]:
    """What is wrong with the answers to one case: with our key, and to strangers."""
    found = []
    response = case.call(base_url=base_url, headers=gateway.headers, timeout=30)
    statuses[response.status_code] += 1
    checks = [not_a_server_error]
    if not response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        checks.append(response_schema_conformance)  # events, which may be errors, are judged by `conformance.py`
    elif any(f'"type":"{kind}"' in response.text for kind in OUR_FAULTS):
        found.append(f"{case.method} {case.path}: {response.text[:400]} for {str(case.body)[:400]}")
    if strict:
        checks += [status_code_conformance, content_type_conformance]
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup as group:
        what = " / ".join(str(failure).replace("\n", " ")[:400] for failure in group.exceptions)
        found.append(f"{case.method} {case.path}: {what} {response.text[:300]} for {str(case.body)[:400]}")
    if case.operation.path not in KEYLESS:
        for headers in STRANGERS:
            status = case.call(base_url=base_url, headers=headers, timeout=30).status_code
            found += [f"{case.method} {case.path}: {status} for a stranger"] if status < 300 else []
    return found


def test_each_example_of_the_schema_is_answered(able):
    raw, base_url = document("own", able)
    bodies = [
        (path, example["value"])
        for path, methods in raw["paths"].items()
        if not path.startswith(("/api/admin", "/admin"))
        for example in examples_of(methods.get("post", {}))
    ]
    rated = able.chat("Hello").headers["x-request-id"]
    able.ship()
    for path, body in bodies:
        if path.endswith(("/feedback", "/eval")):
            body = body | ({"response_id": rated} if "response_id" in body else {})
            answer = httpx.post(base_url + path, json=body, headers=able.headers, timeout=30)
            assert answer.status_code == 200, (path, body, answer.text)
            continue
        model = {"model": "embedder" if path.endswith("embeddings") else body.get("model", "auto")}
        answer = httpx.post(base_url + path, json=body | model, headers=able.headers, timeout=30)
        assert answer.status_code == 200, (path, body, answer.text)
    assert len({path for path, _ in bodies}) == 11


def examples_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = operation.get("requestBody", {}).get("content", {}).values()
    return [example for kind in kinds for example in kind.get("examples", {}).values()]
