"""How a client that leaves, or a worker that ends, ends the work for it: shared by both faces of the data plane."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from routing.errors import GatewayStopping

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Leave = Callable[[], None]
LEAVERS: Final = "neuroroute.leavers"  # in a scope: a set; each member is called when the client has left
STOPPING: Final = GatewayStopping("this worker of the gateway is ending; ask again", retry_after_s=1.0)

_running: set["asyncio.Task[Any]"] = set()
_broken_off: set["asyncio.Task[Any]"] = set()


async def while_client_stays(scope: Scope, receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Await `work`, and cancel it as soon as the client leaves: closing the upstream is what its `finally` blocks do.

    Our own server tells us (`LEAVERS`); of any other a task has to be kept that listens, 12 microseconds per request.
    """
    here = asyncio.current_task()
    assert here is not None
    left = False

    def leave() -> None:
        nonlocal left
        left = True
        here.cancel()

    leavers: set[Leave] | None = scope.get(LEAVERS)
    listener = None
    if leavers is None:
        leavers, listener = set(), asyncio.ensure_future(_listen(receive, leave))
    leavers.add(leave)
    _running.add(here)
    try:
        await work
    except asyncio.CancelledError:
        if not (left or here in _broken_off) or here.uncancel() > 0:
            raise
    finally:
        _running.discard(here)
        leavers.discard(leave)
        if listener is not None:
            listener.cancel()


def break_off_all() -> None:
    """End the work for every client, each as if it had left; the faces see by `was_broken_off` that it has not."""
    _broken_off.update(_running)
    for task in _running:
        task.cancel()


def was_broken_off() -> bool:
    """Whether the running task's client is still there and waits for a last word."""
    return bool(_broken_off) and asyncio.current_task() in _broken_off


async def _listen(receive: Receive, leave: Leave) -> None:
    with suppress(Exception):  # a server that can tell nothing any more has nobody to answer either
        while (await receive())["type"] != "http.disconnect":
            pass
    leave()
