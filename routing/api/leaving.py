"""How a client that leaves ends the work for it: shared by both faces of the data plane."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]


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
    try:
        await work
    except asyncio.CancelledError:
        if not left or here.uncancel() > 0:
            raise
    finally:
        over = True
        listener.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
