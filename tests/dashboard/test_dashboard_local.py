"""What does the page about local models say, with servers and GPUs and without?"""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dashboard.formatting import gibibytes
from dashboard.panels.gpu_memory import GpuMemoryPanel
from dashboard.scope import scope_of
from profiling.models import GpuSample
from providers.models import Provider
from providers.sandbox.testing import Sandbox

pytestmark = pytest.mark.django_db
GIB = 2**30
ALONE = "/dashboard/panels/local/local_models/"


def sampled(ago: timedelta, used: int, gpu: str = "GPU-1") -> None:
    GpuSample.objects.create(
        taken_at=datetime.now(UTC) - ago, host="box", gpu=gpu, name="RTX", used_bytes=used, total_bytes=24 * GIB
    )


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
    assert "ollama, ready" in shown and "✓</span>in memory" in shown and "GiB" in shown
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
        "box 0: RTX", "box 0: RTX, all of it", "box 1: RTX", "box 1: RTX, all of it"
    ]  # fmt: skip
    first, capacity = data.chart.series[:2]
    assert 9 * GIB in first.values and 3 * GIB in first.values and None in first.values
    assert set(capacity.values) == {24 * GIB} and data.full == ("box 1: RTX",)
    assert "Less than a tenth" in staff_client.get("/dashboard/local/?range=6h").content.decode()


def test_memory_is_written_as_it_is_bought():
    assert [gibibytes(size) for size in (None, 0, GIB // 2, 24 * GIB)] == ["—", "0.00 GiB", "0.50 GiB", "24.0 GiB"]
