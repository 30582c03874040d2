"""What was measured and what is in memory, through the operator's API; and how both are asked for anew."""

from datetime import timedelta

import pytest
from django.utils import timezone

from profiling.models import GpuSample, Job, LatencyProfile, TokenCalibration
from profiling.stays import keep
from providers.local_servers.base import LocalModel, ServerState
from providers.models import AuditEntry, Provider
from providers.residency import Seen
from tests.admin import rows
from tests.discovery.upstream import upstream
from tests.local_servers.test_local_servers import Double, llama_cpp_alone, lm_studio, ollama
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
GIB = 2**30


def test_a_profile_is_told_with_how_its_model_counts(call):
    measured, other = rows.latency_profile(), rows.latency_profile()
    LatencyProfile.objects.filter(pk=measured.pk).update(ttft_p50_ms=120.5, hours=24)
    known = {"factor": 1.25, "pairs": 200, "typical_error": 0.04, "measured_at": timezone.now()}
    TokenCalibration.objects.create(model=measured.deployment.model, **known)
    lonely = rows.token_calibration()
    first, second = call("GET", "profiles").json()["data"]
    assert (first["deployment"], first["ttft_p50_ms"], first["ttft_p95_ms"]) == (str(measured.deployment), 120.5, None)
    assert first["tokens"]["factor"] == 1.25 and second["tokens"] is None
    assert call("GET", f"profiles/{other.pk}").json()["id"] == other.pk
    for query, found in (("hours=24", 1), (f"model={measured.deployment.model}", 1), ("provider=nobody", 0)):
        assert call("GET", f"profiles?{query}").json()["total"] == found, query
    refused = call("GET", "profiles?hours=99999999999999999999")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "hours")
    told = call("GET", f"profiles/tokens?model={lonely.model}").json()["data"]
    assert [row["id"] for row in told] == [lonely.pk]
    assert call("GET", f"profiles/tokens/{lonely.pk}").json()["model"] == str(lonely.model)


def test_to_measure_anew_queues_both_jobs_once_and_leaves_its_reason(call):
    answer = call("POST", "reprofile", {"reason": "new hardware"}, idempotency_key="a")
    assert answer.status_code == 202
    told = answer.json()["data"]
    assert [(row["kind"], row["state"]) for row in told] == [
        ("latency_profile", "queued"), ("token_calibration", "queued"),
    ]  # fmt: skip
    assert answer["location"] == told[0]["address"] == f"/api/admin/reprofile/{told[0]['id']}"
    assert call("GET", told[0]["address"].removeprefix("/api/admin/")).json()["progress"] == 0
    entries = AuditEntry.objects.filter(action="asked for", actor="key ops/script")
    assert {entry.reason for entry in entries} == {"new hardware"} and len(entries) == 2
    again = call("POST", "reprofile", {"reason": "new hardware"}, idempotency_key="a")
    assert again.content == answer.content and again["idempotent-replayed"] == "true"
    waits = call("POST", "reprofile", {"kinds": ["latency_profile"]}).json()["data"]
    assert [row["id"] for row in waits] == [told[0]["id"]], "one that waits is not queued twice"
    assert Job.objects.count() == entries.count() == 2


@pytest.mark.parametrize(("body", "param"), [({"kinds": ["vram"]}, "kinds"), ({"kinds": []}, "kinds"), ({"x": 1}, "x")])
def test_what_measures_nothing_is_refused_by_name(call, body, param):
    answer = call("POST", "reprofile", body)
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith(param), answer.content
    assert not Job.objects.exists()


def test_other_jobs_are_not_told_and_rights_are_those_of_admin(call):
    job = rows.job()
    assert call("GET", f"reprofile/{job.pk}").status_code == 404
    vic = Caller("", browser_of(staff("vic", "viewer")))
    assert [vic("GET", path).status_code for path in ("profiles", "reprofile", "vram", "vram/history")] == [200] * 4
    assert vic("POST", "reprofile", {}).status_code == 403
    wish = {"provider": "box", "model": "a"}
    for verb in ("load", "unload", "pin"):
        assert "providers.change_provider" in vic("POST", f"vram/{verb}", wish).json()["error"]["message"]
    nobody = Caller("", browser_of(staff("nob")))
    assert [nobody("GET", path).status_code for path in ("profiles", "reprofile", "vram")] == [403] * 3


def sampled(minutes: int, used: int) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    GpuSample.objects.create(taken_at=at, host="box", gpu="GPU-1", name="RTX", used_bytes=used, total_bytes=24 * GIB)


def test_gpus_are_told_as_sampled_and_what_is_unknown_is_null(call):
    assert call("GET", "vram").json() == {"object": "vram", "gpus": [], "servers": []}
    sampled(90, 2 * GIB)
    assert call("GET", "vram").json()["gpus"] == [], "an hour old is not now"
    sampled(2, 6 * GIB)
    (gpu,) = call("GET", "vram").json()["gpus"]
    assert (gpu["gpu"], gpu["used_bytes"], gpu["busy_percent"]) == ("GPU-1", 6 * GIB, None)
    told = call("GET", "vram/history?hours=2").json()
    (course,) = told["gpus"]
    assert told["step_s"] == 300 and len(course["used_bytes"]) == 24 and course["gpu"] == "GPU-1"
    assert [used for used in course["used_bytes"] if used] == [2 * GIB, 6 * GIB]
    week = call("GET", "vram/history?hours=168").json()
    assert len(week["gpus"][0]["used_bytes"]) <= 120
    for hours in ("0", "169", "x"):
        assert call("GET", f"vram/history?hours={hours}").json()["error"]["param"] == "hours"


def test_what_was_in_memory_is_told_model_by_model(call):
    first = timezone.now() - timedelta(minutes=20)
    for minutes, names in ((0, ()), (6, ("a:8b",)), (12, ("a:8b", "b"))):
        models = tuple(LocalModel(name, "loaded", vram_bytes=4 * GIB if name == "a:8b" else None) for name in names)
        keep([Seen("box", ServerState("ollama", "ready", models))], first + timedelta(minutes=minutes))
    told = call("GET", "vram/history?hours=1").json()
    one, silent = told["models"]
    assert (one["provider"], one["model"], len(one["vram_bytes"])) == ("box", "a:8b", 12)
    assert {0, None, 4 * GIB} == set(one["vram_bytes"]) and set(silent["vram_bytes"]) == {0, None}
    assert True in silent["in_memory"] and False in silent["in_memory"]
    assert [(move["model"], move["loaded"], move["vram_bytes"]) for move in told["moves"]] == [
        ("b", True, None), ("a:8b", True, 4 * GIB),
    ]  # fmt: skip


def box(url: str, wire: str) -> None:
    Provider.objects.create(name="box", wire=wire, base_url=url, local=True, allow_private=True)


def state_of(call, name: str) -> str:
    (server,) = call("GET", "vram").json()["servers"]
    return next(model["state"] for model in server["models"] if model["name"] == name)


def test_a_model_is_loaded_pinned_and_let_go(call):
    double = ollama()
    with upstream(double) as told:
        box(told.url, "ollama")
        for verb, state in (("load", "loaded"), ("unload", "unloaded"), ("pin", "loaded")):
            answer = call("POST", f"vram/{verb}", {"provider": "box", "model": "a:8b", "reason": "noon"})
            assert (answer.status_code, answer.json()["model"]["state"]) == (200, state), answer.content
            assert state_of(call, "a:8b") == state
            entry = AuditEntry.objects.get(action=f"asked to {verb}")
            assert (entry.object_name, entry.changes, entry.reason) == ("box", {"model": [None, "a:8b"]}, "noon")
        unknown = call("POST", "vram/load", {"provider": "box", "model": "gone"})
    told = [body.get("keep_alive") for path, body in double.posted if path == "/api/generate"]
    assert told == [None, 0, -1, None]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    away = call("POST", "vram/load", {"provider": "box", "model": "a:8b"})
    assert (away.status_code, away.json()["error"]["code"]) == (409, "conflict"), away.content
    (server,) = call("GET", "vram").json()["servers"]
    assert server["models"] is None and server["trouble"]


def test_a_model_is_told_by_each_name_that_its_server_takes_for_it(call):
    pages = {"/api/version": {"version": "0.14"}, "/api/tags": {"models": [{"name": "llama3:latest"}]}, "/api/ps": {}}
    with upstream(Double(pages, lambda *_: (200, {"done": True}))) as told:
        box(told.url, "ollama")
        answer = call("POST", "vram/load", {"provider": "box", "model": "llama3"})
    assert answer.status_code == 200 and answer.json()["model"]["name"] == "llama3:latest", answer.content


@pytest.mark.parametrize(
    ("double", "verb", "status", "words"),
    [
        (llama_cpp_alone(0), "load", 501, "started with"),
        (llama_cpp_alone(0), "pin", 501, "llama.cpp cannot be told"),
        (lm_studio(), "pin", 501, "LM Studio cannot be told"),
        (lm_studio(old=True), "load", 501, "0.4"),
        (lm_studio(), "unload", 409, "not loaded"),
    ],
)
def test_what_a_server_cannot_do_is_said_with_the_reason(call, double, verb, status, words):
    with upstream(double) as told:
        box(told.url, "openai")
        answer = call("POST", f"vram/{verb}", {"provider": "box", "model": "a"})
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.content


def test_only_providers_on_our_own_hardware_are_asked(call):
    rows.provider(name="far")
    answer = call("POST", "vram/load", {"provider": "far", "model": "a"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "provider")
    assert call("POST", "vram/load", {"provider": "far"}).json()["error"]["param"] == "model"
    assert not AuditEntry.objects.filter(action="asked to load").exists()


def test_a_second_load_makes_lm_studio_no_second_instance(call):
    double = lm_studio()
    with upstream(double) as told:
        box(told.url, "openai")
        for _ in range(2):
            assert call("POST", "vram/load", {"provider": "box", "model": "a"}).status_code == 200
    assert [path for path, _ in double.posted] == ["/api/v1/models/load"]
