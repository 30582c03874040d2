"""What does the page about local models say, with servers and GPUs and without?"""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.test import Client

from dashboard.formatting import gibibytes
from dashboard.panels.gpu_memory import GpuMemoryPanel
from dashboard.panels.model_memory import ModelMemory, ModelMemoryPanel
from dashboard.scope import scope_of
from profiling.hints import ask_for
from profiling.models import GpuSample, Job
from profiling.runner import run_due
from profiling.stays import keep
from providers.local_servers.base import LocalModel, ServerState
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from providers.residency import Seen
from providers.sandbox.testing import Sandbox, fault
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
GIB = 2**30
ALONE = "/dashboard/panels/local/local_models/"


def sampled(ago: timedelta, used: int, gpu: str = "GPU-1", **told: float) -> None:
    taken = {"taken_at": datetime.now(UTC) - ago, "host": "box", "gpu": gpu, "name": "RTX"}
    GpuSample.objects.create(**taken, used_bytes=used, total_bytes=24 * GIB, **told)


def local_at(address: str) -> None:
    Provider.objects.create(name="box", wire="ollama", base_url=address, local=True, allow_private=True)


def test_the_page_asks_no_server_and_its_panel_does(staff_client):
    with Sandbox.start("ollama") as upstream:
        local_at(upstream.base_url)
        page = staff_client.get("/dashboard/local/").content.decode()
        assert f'hx-get="{ALONE}"' in page and not upstream.calls()
        asked = {"model": "sandbox-local-8b", "stream": False, "messages": [{"role": "user", "content": "Hello"}]}
        httpx.post(f"{upstream.base_url}/api/chat", json=asked).raise_for_status()  # which takes it into memory
        shown = staff_client.get(ALONE).content.decode()
        file = staff_client.get(f"{ALONE.rstrip('/')}.csv")
    assert "Ollama, ready" in shown and "✓</span>in memory" in shown and "GiB" in shown
    assert file.status_code == 200
    assert ">0.00 GiB" not in shown, "what is unknown is a dash"


def test_a_server_that_is_away_says_why(staff_client):
    local_at("http://127.0.0.1:9")
    shown = staff_client.get(ALONE).content.decode()
    assert "failing" in shown and "box" in shown and "This panel could not be drawn" not in shown


def test_without_local_providers_it_says_what_was_looked_for(staff_client):
    assert "No provider runs on your own hardware" in staff_client.get(ALONE).content.decode()
    assert "No GPU was seen" in staff_client.get("/dashboard/local/").content.decode()


def test_each_gpu_has_its_line_under_what_it_has(staff_client):
    for minutes, used in ((5, 6 * GIB), (7, 9 * GIB), (200, 3 * GIB)):
        sampled(timedelta(minutes=minutes), used)
    sampled(timedelta(minutes=5), 23 * GIB, "GPU-2")
    data = GpuMemoryPanel().data(scope_of("local", {"range": "6h"}, datetime.now(UTC)))
    assert [line.label for line in data.chart.series] == [
        f"box {number}: RTX{part}" for number in (0, 1) for part in ("", ", all of it", ", less a tenth")
    ]
    first, capacity, headroom = data.chart.series[:3]
    assert set(headroom.values) == {0.9 * 24 * GIB}
    assert 9 * GIB in first.values and 3 * GIB in first.values and None in first.values
    assert set(capacity.values) == {24 * GIB} and data.full == ("box 1: RTX",)
    assert "Less than a tenth" in staff_client.get("/dashboard/local/?range=6h").content.decode()


def test_power_and_temperature_are_those_of_the_last_sample_or_a_dash(staff_client):
    sampled(timedelta(minutes=9), 6 * GIB, power_w=300.0, temperature_c=80.0)
    sampled(timedelta(minutes=4), 5 * GIB, power_w=118.4, power_limit_w=450.0, temperature_c=51.0)
    sampled(timedelta(minutes=4), 5 * GIB, "GPU-2")
    answer = staff_client.get("/dashboard/local/?range=6h")
    assert "box 0: RTX 5.00 GiB 24.0 GiB 19.0 GiB — 118 W of 450 W 51 °C" in text_of(answer)
    assert "box 1: RTX 5.00 GiB 24.0 GiB 19.0 GiB — — —" in text_of(answer)
    assert answer.content.decode().count('title="not told by the driver"') == 4


def test_without_a_gpu_it_says_what_the_last_look_found(staff_client):
    assert "Nobody has looked yet" in text_of(staff_client.get("/dashboard/local/"))
    ask_for("vram", datetime.now(UTC))
    run_due()
    shown = text_of(staff_client.get("/dashboard/local/"))
    assert re.search(r"The last look, \d+ \w+ \d\d:\d\d: no NVIDIA GPU is visible here .*; no AMD GPU", shown)


def test_memory_is_written_as_it_is_bought():
    assert [gibibytes(size) for size in (None, 0, GIB // 2, 24 * GIB)] == ["—", "0.00 GiB", "0.50 GiB", "24.0 GiB"]


def looked(ago: timedelta, *models: tuple[str, int | None], server: str = "box") -> None:
    """One look at a server that long ago: its models in memory, each with what it takes of the GPU in GiB."""
    found = tuple(LocalModel(name, "loaded", vram_bytes=size and size * GIB) for name, size in models)
    keep([Seen(server, ServerState("ollama", "ready", found))], datetime.now(UTC) - ago)


def layers(words: dict[str, str]) -> ModelMemory:
    return ModelMemoryPanel().data(scope_of("local", words, datetime.now(UTC)))


def test_each_model_is_a_layer_under_what_the_gpus_have(staff_client):
    sampled(timedelta(minutes=6), 14 * GIB)
    for minutes, models in ((20, ()), (15, (("a", 6),)), (10, (("a", 6), ("b", 7))), (5, (("b", 7), ("c", None)))):
        looked(timedelta(minutes=minutes), *models)
    data = layers({"range": "1h"})
    drawn = {series.label: series for series in data.chart.series}
    assert [(label, one.kind) for label, one in drawn.items()] == [
        ("b", "area"), ("a", "area"), ("got in", "line"), ("got out", "line"),
        ("in use, as the GPUs say", "line"), ("all that the GPUs have", "line"), ("less a tenth", "line"),
    ]  # fmt: skip
    assert {None, 0, 6 * GIB} == set(drawn["a"].values)
    assert [said for said in drawn["got in"].says if said] == ["a", "b", "c"]
    assert [said for said in drawn["got out"].says if said] == ["a"]
    assert data.silent == ("c",) and data.capacity
    assert "At the last look: b 7.00 GiB of 24.0 GiB. In this range models got in 3 times and out 1 time." in (
        data.chart.sentence
    )
    shown = text_of(staff_client.get("/dashboard/local/?range=1h"))
    assert "Not drawn: c was in memory, but its server does not say how much VRAM that takes." in shown
    heads, *lines = rows_of(staff_client, "local/model_memory", range="1h")
    assert heads[1:5] == ["b, bytes", "a, bytes", "got in", "got out"]
    assert [line[3:5] for line in lines if line[3] or line[4]] == [["a", ""], ["b", "a"], ["c", ""]]


def test_of_many_models_the_six_heaviest_and_the_rest_together():
    looked(timedelta(minutes=5), *((f"m{number}", number) for number in range(1, 9)))
    looked(timedelta(minutes=4), ("m1", 1), server="other")
    data = layers({"range": "1h"})
    assert [series.label for series in data.chart.series] == [*(f"box: m{n}" for n in range(8, 2, -1)), "Other"]
    assert set(data.chart.series[-1].values) == {None, 3 * GIB, GIB}, "m1 and m2 of one, then m1 of the other"
    assert "Drawn: the 6 of 9 that took most, and Other." in data.chart.sentence


def test_without_a_look_a_model_or_a_gpu_it_says_which(staff_client):
    address = "/dashboard/local/?range=1h"
    assert "No local server was looked at in this range" in text_of(staff_client.get(address))
    looked(timedelta(minutes=3))
    assert "No model was in memory in this range" in text_of(staff_client.get(address))
    looked(timedelta(minutes=2), ("a", 6))
    page = staff_client.get(address)
    assert "There is no line of capacity: no GPU was seen" in text_of(page)
    assert text_of(page).count("NVIDIA's driver (NVML)") == 1, "the panel of GPUs says what was looked for, once"
    assert '<a href="#panel-gpu_memory">' in page.content.decode() and 'id="panel-gpu_memory"' in page.content.decode()


# What people may do to a model.

ACT = "/dashboard/local/box/{verb}/?model=sandbox-local-8b:latest"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Ollama as a process of its own, with a deployment of one of its models."""
    with Sandbox.start("ollama", process=True) as upstream:
        local_at(upstream.base_url)
        model = LanguageModel.objects.create(name="local-8b")
        of = {"provider": Provider.objects.get(name="box"), "model": model}
        Deployment.objects.create(**of, upstream_model="sandbox-local-8b", context=8192)
        yield upstream


def row_of(client: Client, model: str) -> str:
    """The lines of one model, as they are written."""
    rows = re.findall(r"<tbody>.*?</tbody>", client.get(ALONE).content.decode(), re.DOTALL)
    return next(row for row in rows if f'class="id">{model}' in row)


def press(client: Client, verb: str, reason: str = "noon") -> None:
    """Ask, answer, and let a worker take the job."""
    answer = client.post(ACT.format(verb=verb), {"reason": reason})
    assert (answer.status_code, answer["location"]) == (302, "/dashboard/local/"), answer.content
    run_due()


def test_a_model_is_loaded_pinned_and_let_go_from_its_row(box, transactional_db):
    operator = browser_of(staff("olga", "operator", "every tenant"))
    row = row_of(operator, "sandbox-local-8b")
    assert "not in memory" in row and 'title="The model is not in memory."' in row
    need = gibibytes(4_920_753_328 + 8192 * 131_072)
    assert "≈ <data" in row and need in row
    press(operator, "load")
    row = row_of(operator, "sandbox-local-8b")
    assert (
        "in memory" in row
        and re.search(r">(5 m 00|4 m 5\d) s<", row)
        and 'title="The model is in memory already."' in row
    )
    press(operator, "pin")
    row = row_of(operator, "sandbox-local-8b")
    assert "pinned in memory" in row and ">stays<" in row and 'title="The model is pinned already."' in row
    press(operator, "unload", "")
    assert "not in memory" in row_of(operator, "sandbox-local-8b")
    told = AuditEntry.objects.filter(action__startswith="asked to").values_list("actor", "action", "reason", "changes")
    change = {"model": [None, "sandbox-local-8b:latest"]}
    deeds = [("load", "noon"), ("pin", "noon"), ("unload", "")]
    assert list(told)[::-1] == [("olga", f"asked to {verb}", why, change) for verb, why in deeds]


def test_who_is_asked_hears_who_uses_the_model(box, tmp_path):
    now = datetime.now(UTC) - timedelta(minutes=1)
    used = [outcome(now, random.Random(seed)) for seed in range(6)]
    for number, told in enumerate(used):
        told.status, told.provider, told.model, told.key_id = "answered", "box", "local-8b", number % 3 + 1
    ship(used, tmp_path / "spool")
    operator = browser_of(staff("olga", "operator", "every tenant"))
    asked = text_of(operator.get(ACT.format(verb="load")))
    assert re.search(r"3 keys used it in the last hour:.*\. 0 requests are running\.", asked)
    assert f"{now:%-d %b %H:%M}" in row_of(operator, "sandbox-local-8b"), "last used"
    nobody_elses = browser_of(staff("tom", "operator"))
    assert nobody_elses.get(ACT.format(verb="load")).status_code == 403
    assert AuditEntry.objects.count() == 0 and Job.objects.count() == 0, "asking does nothing"


def test_who_may_not_sees_the_buttons_with_the_reason(box, staff_client):
    row = row_of(staff_client, "sandbox-local-8b")
    assert row.count("disabled") == 3 and "takes the right to change providers" in row
    whole = text_of(staff_client.get(ALONE))
    assert "Where Load, Unload and Pin are off: This takes the right to change providers" in whole
    for answer in (staff_client.get(ACT.format(verb="load")), staff_client.post(ACT.format(verb="load"))):
        assert answer.status_code == 403 and "an owner can give it" in text_of(answer)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("flavour", ["llama.cpp", "lm-studio"])
def test_what_a_server_cannot_is_a_button_with_its_reason(flavour):
    operator = browser_of(staff("olga", "operator", "every tenant"))
    with Sandbox.start("openai", flavour=flavour, process=True) as upstream:
        Provider.objects.create(name="box", wire="openai", base_url=upstream.base_url, local=True, allow_private=True)
        row = row_of(operator, "sandbox-")
        refused = operator.post("/dashboard/local/box/pin/?model=" + re.search(r'class="id">([\w.-]+)', row)[1])
    assert "cannot be told by its API to keep a model in memory" in row
    assert ("started with" in row) is (flavour == "llama.cpp")
    assert refused.status_code == 409 and "cannot be told" in text_of(refused)
    assert Job.objects.count() == 0


def test_an_order_that_failed_says_so_and_one_that_waits_too(box, transactional_db):
    operator = browser_of(staff("olga", "operator", "every tenant"))
    operator.post(ACT.format(verb="load"), {"reason": ""})
    waits = text_of(operator.get(ALONE))
    assert "waits for a worker Load sandbox-local-8b:latest on box" in waits and "Look again" in waits
    assert "Something is being done to the model." in row_of(operator, "sandbox-local-8b")
    box.script(fault("503"), to="pages")
    run_due()
    failed = text_of(operator.get(ALONE))
    assert "failed Load sandbox-local-8b:latest on box" in failed and "Look again" not in failed


@pytest.mark.parametrize("path", ["box/explode/?model=x", "nobody/load/?model=x", "box/load/?model=gone", "box/load/"])
def test_what_is_not_there_cannot_be_loaded(box, path):
    operator = browser_of(staff("olga", "operator", "every tenant"))
    assert operator.get(f"/dashboard/local/{path}").status_code == 404
