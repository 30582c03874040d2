"""What is kept of each look at the local servers, and which courses are made of it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from profiling.jobs import job_kinds
from profiling.memory import memory
from profiling.models import ModelStay
from profiling.stays import BREAK, FRESH, SERVER, keep, residents
from providers import revisions
from providers.local_servers.base import LocalModel, ServerState, State
from providers.models import Provider
from providers.residency import Seen
from providers.sandbox.testing import Sandbox
from tests.admin import rows

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GIB = 2**30


def model(name: str, gib: float | None = None, state: State = "loaded") -> LocalModel:
    size = None if gib is None else int(gib * GIB)
    return LocalModel(name, state, size_bytes=size, vram_bytes=size)


def look(minute: float, *models: LocalModel, provider: str = "box", **ours: object) -> int:
    """One look, so many minutes after the start."""
    seen = Seen(provider, ServerState("ollama", "ready", models), ours=ours)  # type: ignore[arg-type]
    return keep([seen], START + minute * MINUTE)


def kept() -> list[tuple[str, float, float]]:
    """Each stay with its minutes."""
    stays = ModelStay.objects.exclude(model=SERVER).order_by("since", "model")
    return [(row.model, (row.since - START) / MINUTE, (row.until - START) / MINUTE) for row in stays]


def course(minutes: int) -> list[tuple[datetime, datetime]]:
    begin = START.replace(second=0)
    return [(begin + n * MINUTE, begin + (n + 1) * MINUTE) for n in range(minutes)]


def test_what_stays_takes_no_new_row_and_what_changes_does():
    for minute in range(5):
        look(minute, model("a", 4), model("b", 2 if minute < 3 else 3), model("c", 1, "unloaded"))
    assert kept() == [("a", 0, 4), ("b", 0, 3), ("b", 3, 4)]
    assert ModelStay.objects.filter(model=SERVER).count() == 1


def test_what_was_let_go_and_taken_in_again_has_two_stays():
    for minute in range(5):
        look(minute, *([model("a", 4)] if minute != 2 else []))
    assert kept() == [("a", 0, 1), ("a", 3, 4)]
    moves = [(move.loaded, (move.at - START) / MINUTE) for move in memory(course(5)).moves]
    assert moves == [(True, 3), (False, 1)], "what was there at the first look did not get in then"


def test_after_a_long_silence_nothing_is_known_to_have_gone_on():
    look(0, model("a", 4))
    look(5, model("a", 4))
    later = 6 + BREAK / MINUTE
    look(later, model("a", 4))
    assert kept() == [("a", 0, 5), ("a", later, later)]
    assert not memory(course(20)).moves


def test_each_bucket_has_its_fullest_moment_not_the_sum_of_what_followed_each_other():
    look(0, model("a", 6))
    look(0.2, model("b", 7))
    look(0.4, model("b", 7), model("c", None))
    look(2, model("c", None))
    found = {one.model: one for one in memory(course(4)).courses}
    assert found["a"].vram_bytes == (0, 0, 0, None) and found["a"].in_memory == (True, False, False, None)
    assert found["b"].vram_bytes == (7 * GIB, 0, 0, None)
    assert found["c"].vram_bytes == (None, None, None, None) and not found["c"].told
    assert found["c"].in_memory == (True, True, True, None)


def test_two_servers_are_two_courses_and_a_server_that_is_away_is_a_gap():
    look(0, model("a", 6))
    look(0, model("a", 1), provider="other")
    look(2, model("a", 6))
    keep([Seen("other", None, "nobody answers")], START + 2 * MINUTE)
    assert [(one.provider, one.vram_bytes) for one in memory(course(3)).courses] == [
        ("box", (6 * GIB, 6 * GIB, 6 * GIB)), ("other", (GIB, None, None)),
    ]  # fmt: skip


def test_what_is_in_memory_now_is_what_the_last_look_saw_and_only_for_a_while():
    ours = rows.deployment()
    before = revisions.numbers().get("residency", 0)
    assert look(0, model("a", 4), a=ours) == 2
    assert look(1, model("a", 4), a=ours) == 0
    assert revisions.numbers()["residency"] == before + 1, "workers hear of changes alone"
    assert residents(START + MINUTE).loaded == {ours.pk}
    assert look(2, a=ours) == 1
    now = residents(START + 2 * MINUTE)
    assert (now.loaded, now.looked_at) == (frozenset(), {"box": START + 2 * MINUTE})
    assert not residents(START + 2 * MINUTE + FRESH + MINUTE).looked_at


def test_the_job_asks_a_real_server_and_the_clean_up_forgets_after_a_week():
    with Sandbox.start("ollama") as upstream:
        Provider.objects.create(name="box", wire="ollama", base_url=upstream.base_url, local=True, allow_private=True)
        Provider.objects.create(name="gone", wire="ollama", base_url="http://127.0.0.1:9", local=True)
        job = job_kinds()["residents"]
        assert job.run(None, lambda *said: None) == {"servers": 2, "answered": 1, "changes": 1}  # type: ignore[arg-type]
        asked = {"model": "sandbox-local-8b", "stream": False}
        httpx.post(f"{upstream.base_url}/api/generate", json=asked).raise_for_status()
        job.run(None, lambda *said: None)  # type: ignore[arg-type]
    stay = ModelStay.objects.exclude(model=SERVER).get()
    assert stay.model == "sandbox-local-8b:latest" and stay.vram_bytes > 4 * GIB
    ModelStay.objects.update(until=START)
    assert job_kinds()["clean_up"].run(None, lambda *said: None)["model_stays"] == 2  # type: ignore[arg-type]
