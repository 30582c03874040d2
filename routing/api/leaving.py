"""How a client that leaves, or a worker that ends, ends the work for it: shared by both faces of the data plane."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from routing.errors import GatewayStopping

Receive = Callable[[], Awaitable[dict[str, Any]]]
STOPPING: Final = GatewayStopping("this worker of the gateway is ending; ask again", retry_after_s=1.0)

_running: set["asyncio.Task[Any]"] = set()
_broken_off: set["asyncio.Task[Any]"] = set()


async def while_client_stays(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Await `work`, and cancel it as soon as the client leaves: closing the upstream is what its `finally` blocks do.

    One task listens; the work itself runs in the caller's task, which saves a task switch per request.
    """
    here = asyncio.current_task()
    assert here is not None
    listener = asyncio.ensure_future(_left(receive))
    left = over = False

    def cancel(_: "asyncio.Future[None]") -> None:
        nonlocal left
        if not (over or listener.cancelled()):  # a callback that is scheduled already cannot be removed
            left = True
            here.cancel()

    listener.add_done_callback(cancel)
    _running.add(here)
    try:
        await work
    except asyncio.CancelledError:
        if not (left or here in _broken_off) or here.uncancel() > 0:
            raise
    finally:
        over = True
        _running.discard(here)
        listener.cancel()


def break_off_all() -> None:
    """End the work for every client, each as if it had left; the faces see by `was_broken_off` that it has not."""
    _broken_off.update(_running)
    for task in _running:
        task.cancel()


def was_broken_off() -> bool:
    """Whether the running task's client is still there and waits for a last word."""
    return bool(_broken_off) and asyncio.current_task() in _broken_off


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
