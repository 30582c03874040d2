"""Does a request leave circles of objects behind? Each is work for the collector, whose pauses make everybody late."""

import gc
from collections import Counter

import pytest

from .engines import ask, engine_of

REQUESTS = 20


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_a_request_is_gone_when_it_has_ended(sandbox, stream):
    engine = engine_of(sandbox)
    await ask(engine, stream)  # what is made once
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await ask(engine, stream)
        engine.journal.clear()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = Counter(type(each).__qualname__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not {name: count for name, count in left.items() if count >= REQUESTS}
